#include "world.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

namespace bellwether::testing {
namespace {

// Ends a test that is broken; sanitizers slow a process down several times.
constexpr auto patience = std::chrono::seconds(60);

std::string binary() {
  const char* const path = std::getenv("BELLWETHER");
  if (path == nullptr) throw std::runtime_error("set BELLWETHER to the program's path");
  return std::filesystem::absolute(path);
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file{path};
  return {std::istreambuf_iterator<char>{file}, {}};
}

pid_t spawn(const std::vector<std::string>& arguments, const std::filesystem::path& folder, const std::string& out, const std::string& err) {
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const pid_t id = ::fork();
  if (id != 0) return id;
  if (::chdir(folder.c_str()) != 0) ::_exit(126);
  ::dup2(::open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), 1);
  ::dup2(::open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), 2);
  ::execvp(argv[0], argv.data());
  ::_exit(127);
}

/// One request of the tests' own to a simulator's control, on a connection of its own.
std::string control(const std::string& url, const std::string& method, const std::string& path, const std::string& body = "") {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1))));
  ::inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
  EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const std::string request =
      method + " " + path + " HTTP/1.1\r\nhost: sim\r\nconnection: close\r\ncontent-length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  EXPECT_EQ(::send(fd, request.data(), request.size(), MSG_NOSIGNAL), static_cast<ssize_t>(request.size()));
  std::string reply;
  std::array<char, 65536> piece;
  for (ssize_t size; (size = ::recv(fd, piece.data(), piece.size(), 0)) > 0;) reply.append(piece.data(), static_cast<std::size_t>(size));
  ::close(fd);
  EXPECT_TRUE(reply.starts_with("HTTP/1.1 2")) << reply;
  return reply.substr(std::min(reply.size(), reply.find("\r\n\r\n") + 4));
}

}  // namespace

Folder::Folder() {
  std::string name = (std::filesystem::temp_directory_path() / "bellwether-client-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder can be made");
  path_ = name;
}
Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}
std::string Folder::write(const std::string& name, const std::string& text) const {
  std::ofstream{path_ / name} << text;
  return path_ / name;
}

std::string run(const std::vector<std::string>& arguments, const std::filesystem::path& folder) {
  static std::atomic<int> count = 0;
  const std::string out = folder / ("run-" + std::to_string(++count) + ".out"), err = out + ".err";
  const pid_t id = spawn(arguments, folder, out, err);
  int status = 0;
  ::waitpid(id, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << arguments[0] << ": " << read_file(err);
  return read_file(out);
}

Process::Process(const Folder& folder, std::string name, std::vector<std::string> arguments) {
  const std::filesystem::path ready = folder.path() / (name + ".ready.json"), err = folder.path() / (name + ".err");
  arguments.insert(arguments.begin(), binary());
  arguments.insert(arguments.end(), {"--ready-file", ready});
  id_ = spawn(arguments, folder.path(), folder.path() / (name + ".out"), err);
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!std::filesystem::exists(ready)) {
    if (::waitpid(id_, nullptr, WNOHANG) == id_ || std::chrono::steady_clock::now() > until)
      throw std::runtime_error(name + " did not start: " + read_file(err));
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  url_ = nlohmann::json::parse(read_file(ready)).at("listen").at(0).get<std::string>();
}

Process::~Process() { stop(); }

void Process::stop() {
  if (id_ < 0) return;
  ::kill(id_, SIGTERM);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (::waitpid(id_, nullptr, WNOHANG) != id_) {
    if (std::chrono::steady_clock::now() > until) ::kill(id_, SIGKILL);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  id_ = -1;
}

namespace {

std::vector<std::string> joined(std::vector<std::string> first, const std::vector<std::string>& more) {
  first.insert(first.end(), more.begin(), more.end());
  return first;
}

std::string config_of(const Folder& folder, const Simulator& sim, const std::vector<std::string>& faults, const std::string& top) {
  std::ostringstream text;
  text << top << "\ndata = \"" << (folder.path() / "data").string() << "\"\n[admin]\nlisten = \"127.0.0.1:0\"\n"
       << "[upstream.sim]\ndialect = \"vllm\"\nbase_url = \"" << sim.url()
       << "/v1\"\nretries = 0\nbreaker = { failures = 0, rate = \"0%\" }\ntimeout = { first_token = \"1500ms\", idle = \"1500ms\", connect = \"2s\" }\n"
       << "[model.deepseek-chat]\nroute = [{ upstream = \"sim\", model = \"deepseek-ai/DeepSeek-V3\" }]\n";
  for (const std::string& fault : faults) text << "[model.\"fault-" << fault << "\"]\nroute = [{ upstream = \"sim\", model = \"fault-" << fault << "\" }]\n";
  return folder.write("gateway.toml", text.str());
}

}  // namespace

Simulator::Simulator(const Folder& folder, std::vector<std::string> more, std::string name, const std::string& listen)
    : Process{folder, std::move(name), joined({"sim", "--listen", listen}, more.empty() ? std::vector<std::string>{"--tokens", "12"} : more)} {}

ClientOptions Simulator::options() const { return {.base_url = url() + "/v1", .key_check = KeyCheck::none}; }
nlohmann::json Simulator::requests() const { return nlohmann::json::parse(control(url(), "GET", "/sim/requests")).at("requests"); }
void Simulator::forget() const { control(url(), "DELETE", "/sim/requests"); }
void Simulator::fault(const std::string& name) const { control(url(), "PUT", "/sim/fault", nlohmann::json{{"fault", name}}.dump()); }

Gateway::Gateway(const Folder& folder, const Simulator& sim, const std::vector<std::string>& faults, const std::string& top)
    : Process{folder, "gateway", {"serve", "--config", config_of(folder, sim, faults, top)}} {
  const std::string made = run({binary(), "key", "create", "--name", "test", "--config", (folder.path() / "gateway.toml").string(), "--json"}, folder.path());
  key_ = nlohmann::json::parse(made).at("key").get<std::string>();
}

ClientOptions Gateway::options() const { return {.base_url = url() + "/v1", .api_key = key_}; }

ChatRequest ask(std::string model) { return {.model = std::move(model), .messages = {user("Tell me about sheep.")}}; }
ChatRequest ask_fault(const std::string& fault) { return ask("fault-" + fault); }

ClientOptions hasty(ClientOptions options, int retries) {
  options.max_retries = retries;
  options.timeout = is_sanitized() ? std::chrono::milliseconds(4000) : std::chrono::milliseconds(1500);
  return options;
}

Heard hear(ChatStream stream) {
  Heard heard;
  for (auto&& element : stream) {
    ++heard.elements;
    EXPECT_FALSE(heard.error) << "something came behind the error";
    if (!element) {
      heard.error = element.error();
      continue;
    }
    heard.text += element->text();
    if (element->usage) heard.usage = element->usage;
  }
  return heard;
}

bool is_sanitized() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return true;
#else
  return false;
#endif
}

}  // namespace bellwether::testing
