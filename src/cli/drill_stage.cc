#include "cli/drill_stage.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include "accounts/key_book.h"
#include "cli/entropy.h"
#include "config/rehearsal.h"
#include "drill/faults.h"
#include "store/data_folder.h"
#include "store/key_file.h"

namespace bellwether::cli {
namespace {

constexpr auto patience_for_start = std::chrono::seconds(20);
constexpr auto patience_for_end = std::chrono::seconds(2);
constexpr auto look_every = std::chrono::milliseconds(10);
// Slow enough that answers are under way when something happens, fast enough for many of them.
constexpr Duration first_token = std::chrono::milliseconds(10);
constexpr Duration between_tokens = std::chrono::milliseconds(2);
// Where the file has no models: what the stand-ins list.
constexpr const char* model_without_a_name = "drill";

template <class T>
T or_throw(Result<T> result) {
  if (!result) throw std::runtime_error((result.error().about.text.empty() ? result.error().detail.text : result.error().about.text).str());
  return std::move(*result);
}

void or_throw(Result<void> result) {
  if (!result) throw std::runtime_error(result.error().detail.text.str());
}

simulator::Flavor flavor_of(catalog::DialectName dialect) {
  switch (dialect) {
    case catalog::DialectName::deepseek: return simulator::Flavor::deepseek;
    case catalog::DialectName::vllm: return simulator::Flavor::vllm;
    case catalog::DialectName::llama_server: return simulator::Flavor::llama_server;
    case catalog::DialectName::openai: break;
  }
  return simulator::Flavor::openai;
}

std::vector<std::string> models_at(const config::Config& config, std::size_t upstream) {
  std::vector<std::string> names;
  for (const catalog::Model& model : config.models)
    for (const catalog::RouteEntry& entry : model.route)
      if (entry.upstream == upstream && std::ranges::find(names, entry.model) == names.end()) names.push_back(entry.model);
  if (names.empty()) names.emplace_back(model_without_a_name);
  return names;
}

std::string make_folder() {
  const char* const given = std::getenv("TMPDIR");
  std::string path = std::string(given != nullptr && *given != 0 ? given : "/tmp") + "/bellwether-drill-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) throw std::runtime_error("cannot make a folder " + path);
  return path;
}

}  // namespace

Stage::Stage(const config::Config& config, std::string_view toml, Duration wait_max) : folder_{make_folder()} {
  try {
    open_upstreams(config);
    const std::string data = folder_ + "/data";
    config::Rehearsal rehearsal{.data = data, .base_urls = {}, .wait_max = wait_max};
    for (const auto& upstream : upstreams_) rehearsal.base_urls.push_back("http://127.0.0.1:" + std::to_string(upstream->port) + "/v1");
    or_throw(store::replace_file(folder_ + "/bellwether.toml", config::rehearsal_of(toml, config, rehearsal)));
    make_key(data);
    start_gateway();
    wait_for_gateway();
  } catch (...) {
    end();
    throw;
  }
}

Stage::~Stage() { end(); }

void Stage::restart_gateway() {
  end_gateway();
  std::error_code ignored;
  std::filesystem::remove(folder_ + "/ready.json", ignored);
  start_gateway();
  wait_for_gateway();
}

void Stage::end_gateway() {
  if (gateway_ <= 0) return;
  // It owes nothing to anybody: the first signal drains, a second one would end it at once.
  ::kill(gateway_, SIGTERM);
  const auto until = std::chrono::steady_clock::now() + patience_for_end;
  while (gateway_lives() && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(look_every);
  if (gateway_lives()) {
    ::kill(gateway_, SIGKILL);
    ::waitpid(gateway_, nullptr, 0);
  }
  gateway_ = -1;
}

void Stage::end() {
  end_gateway();
  for (const auto& upstream : upstreams_) {
    upstream->thread.loop.stop();
    if (upstream->thread.thread.joinable()) upstream->thread.thread.join();
  }
  upstreams_.clear();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void Stage::open_upstreams(const config::Config& config) {
  for (std::size_t i = 0; i < config.upstreams.size(); ++i) {
    simulator::Options options;
    options.flavor = flavor_of(config.upstreams[i].dialect);
    options.models = models_at(config, i);
    options.seed = stage_seed;
    options.first_token = first_token;
    options.between_tokens = between_tokens;
    options.tokens = drill::answer_tokens;
    options.record = false;
    upstreams_.push_back(std::make_unique<StandIn>(std::move(options)));
    net::ListenPoint point{"127.0.0.1", 0, {}};
    upstreams_.back()->thread.listen(or_throw(net::listen_on(point, net::Sharing::first)));
    upstreams_.back()->port = point.port;
    upstreams_.back()->thread.start();
  }
}

void Stage::make_key(const std::string& data) {
  const store::DataFolder folder = or_throw(store::DataFolder::lock(data));
  std::vector<accounts::Key> keys;
  key_ = or_throw(accounts::create_key(keys, {.name = "drill"}, key_entropy(), std::chrono::system_clock::now())).text;
  or_throw(store::save_keys(folder, keys));
}

void Stage::start_gateway() {
  const std::string data = folder_ + "/data";
  const std::string config = folder_ + "/bellwether.toml", ready = folder_ + "/ready.json", log = folder_ + "/gateway.log";
  // Flags come before the environment, which may be the user's real gateway's.
  const std::array<const char*, 13> arguments{"bellwether",  "serve",          "--config",    config.c_str(), "--data",      data.c_str(), "--listen",
                                              "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--ready-file", ready.c_str(), nullptr};
  const int said = ::open(log.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
  const pid_t parent = ::getpid();
  gateway_ = ::fork();
  if (gateway_ == 0) {
    // Between fork and exec only what is safe there. It dies with us, however we die.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::setpgid(0, 0);  // Ctrl-C is for us; we end it.
    ::dup2(said, STDOUT_FILENO);
    ::dup2(said, STDERR_FILENO);
    ::execv("/proc/self/exe", const_cast<char* const*>(arguments.data()));
    ::_exit(127);
  }
  ::close(said);
  if (gateway_ < 0) throw std::runtime_error("cannot start the gateway");
}

void Stage::wait_for_gateway() {
  const auto until = std::chrono::steady_clock::now() + patience_for_start;
  for (;;) {
    const auto text = store::read_file(folder_ + "/ready.json");
    const nlohmann::json ready = nlohmann::json::parse(text ? *text : "", nullptr, false);
    if (ready.is_object()) {
      const std::string address = ready["listen"][0];
      port_ = static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
      return;
    }
    if (!gateway_lives() || std::chrono::steady_clock::now() > until) throw std::runtime_error("the gateway did not start:\n" + gateway_said());
    std::this_thread::sleep_for(look_every);
  }
}

bool Stage::gateway_lives() {
  if (gateway_ > 0 && ::waitpid(gateway_, nullptr, WNOHANG) != 0) gateway_ = -1;
  return gateway_ > 0;
}

std::string Stage::gateway_said() const { return store::read_file(folder_ + "/gateway.log").value_or(""); }

}  // namespace bellwether::cli
