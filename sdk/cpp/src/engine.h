// The client's own thread: one event loop, one connection pool, and the calls in flight. Owned by the copies of a client and by
// every call and stream that is not over.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base_url.h"
#include "operation.h"

namespace bellwether::client {

/// What a client's requests have in common.
struct Settings {
  BaseUrl url;
  std::string api_key;  ///< Empty: no `authorization`.
  std::vector<std::pair<std::string, std::string>> headers;
  std::chrono::nanoseconds timeout{};
  std::chrono::nanoseconds connect_timeout{};
  std::chrono::nanoseconds deadline{};
  int retries_max = 0;
  std::uint32_t connections_max = 1;
  Operation::Resume resume_on;
};

struct Side;  // engine.cc: what lives on the thread.

}  // namespace bellwether::client

namespace bellwether::inline v1::detail {

class Engine {
 public:
  /// `refusal`: what is wrong with the settings; every call is told so.
  Engine(client::Settings settings, std::optional<Error> refusal);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  [[nodiscard]] const client::Settings& settings() const { return settings_; }
  /// Performs the operation, or refuses it. Any thread.
  void start(const std::shared_ptr<client::Operation>& operation, const std::stop_token& stop);
  /// Whether the calling thread is the client's own, which must not wait for itself.
  [[nodiscard]] bool is_own_thread();

 private:
  [[nodiscard]] std::optional<Error> make_thread();

  const client::Settings settings_;
  const std::optional<Error> refusal_;

  std::mutex mutex_;  ///< For all that follows.
  client::Side* side_ = nullptr;
  std::shared_ptr<net::Inbox> inbox_;
  std::thread thread_;
  pid_t process_ = 0;  ///< Whose thread it is.
};

}  // namespace bellwether::inline v1::detail
