// Real bellwether processes for the tests: simulators and a gateway, each on a free port, stopped by its id.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "bellwether/client.hpp"

namespace bellwether::testing {

/// A folder of the test's own that is removed at its end.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  std::string write(const std::string& name, const std::string& text) const;

 private:
  std::filesystem::path path_;
};

/// What a command prints. Fails the test, with its error output, if it does.
std::string run(const std::vector<std::string>& arguments, const std::filesystem::path& folder);

/// A bellwether process that is ready.
class Process {
 public:
  Process(const Folder& folder, std::string name, std::vector<std::string> arguments);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  /// "http://127.0.0.1:40001", as the ready file has it.
  [[nodiscard]] const std::string& url() const { return url_; }
  void stop();

 private:
  pid_t id_ = -1;
  std::string url_;
};

class Simulator : public Process {
 public:
  explicit Simulator(const Folder& folder, std::vector<std::string> more = {}, std::string name = "sim", const std::string& listen = "127.0.0.1:0");
  /// Options for a client of it: a simulator knows no keys.
  [[nodiscard]] ClientOptions options() const;
  [[nodiscard]] nlohmann::json requests() const;
  void forget() const;
  void fault(const std::string& name) const;
};

class Gateway : public Process {
 public:
  /// Serves `deepseek-chat`, and `fault-…` for each fault named, from the simulator. `top` are lines of its config.
  Gateway(const Folder& folder, const Simulator& sim, const std::vector<std::string>& faults = {}, const std::string& top = R"(listen = "127.0.0.1:0")");
  [[nodiscard]] ClientOptions options() const;
  [[nodiscard]] const std::string& key() const { return key_; }

 private:
  std::string key_;
};

/// Does `{{.model, .messages}}`.
[[nodiscard]] ChatRequest ask(std::string model = "deepseek-chat");
[[nodiscard]] ChatRequest ask_fault(const std::string& fault);

/// A client's options with this many retries and short patience.
[[nodiscard]] ClientOptions hasty(ClientOptions options, int retries = 0);

/// All of a stream: its text, and the error it ended with.
struct Heard {
  std::string text;
  int elements = 0;
  std::optional<Error> error;
  std::optional<Usage> usage;
};
[[nodiscard]] Heard hear(ChatStream stream);

/// Whether this build has a sanitizer, which makes memory and time different.
[[nodiscard]] bool is_sanitized();

}  // namespace bellwether::testing
