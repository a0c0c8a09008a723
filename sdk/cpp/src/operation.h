// One call on its way: what is asked, and a channel from the client's thread, where it is performed, to whoever waits for it.
// Shared by the two; ends when both have let go.
#pragma once

#include <chrono>
#include <condition_variable>
#include <coroutine>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "bellwether/error.hpp"

namespace bellwether::net {
class Inbox;
class Signal;
}  // namespace bellwether::net

namespace bellwether::client {

enum class Wants : std::uint8_t { reply, events };

/// What is asked, ready to be sent.
struct Ask {
  std::string method;
  std::string path;  ///< Behind the base URL's, such as "/chat/completions".
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string idempotency_key;
  Wants wants = Wants::reply;
  std::chrono::nanoseconds timeout{};
  std::chrono::nanoseconds deadline{};
  int retries_max = 0;
};

/// What comes out of the channel. A `reply`, `end` or `failure` is the last.
struct Item {
  enum class Kind : std::uint8_t { reply, event, end, failure } kind = Kind::failure;
  std::string text;  ///< The body, or one event's data.
  Error error;       ///< failure
};

class Operation : public std::enable_shared_from_this<Operation> {
 public:
  /// Hands a coroutine to where it is to go on.
  using Resume = std::function<void(std::coroutine_handle<>)>;

  Operation(Ask ask, Resume resume_on) : ask_{std::move(ask)}, resume_on_{std::move(resume_on)} {}
  ~Operation();
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;

  [[nodiscard]] const Ask& ask() const { return ask_; }

  // ---- Whoever waits; any thread. ----

  /// Once, before the operation is handed to the client's thread, whose inbox that is.
  void begin(std::shared_ptr<net::Inbox> inbox, std::stop_token stop);
  /// Ends it without having been handed to anyone.
  void refuse(Error error);
  /// The next item, blocking.
  [[nodiscard]] Item take();
  [[nodiscard]] bool has_item() const;
  /// False if there is an item; else `waiter` is resumed when there is one.
  [[nodiscard]] bool wait(std::coroutine_handle<> waiter);
  /// Ends the work soon. Nobody has to wait for it.
  void cancel();
  /// The same, and nobody is resumed.
  void abandon();
  [[nodiscard]] std::string request_id() const;
  [[nodiscard]] int attempts() const;

  // ---- The client's thread. ----

  void put(Item item);
  void tell(std::string request_id, int attempts);
  [[nodiscard]] bool cancelled() const;
  /// Whether so much lies here that the server must wait.
  [[nodiscard]] bool full();
  /// How the wait in progress is ended; empty while there is none.
  std::function<void()> interrupt;
  /// Woken when `full` is over; null while nobody waits for that.
  net::Signal* drained = nullptr;

 private:
  void wake(std::unique_lock<std::mutex>& lock);

  const Ask ask_;
  const Resume resume_on_;
  std::shared_ptr<net::Inbox> inbox_;  ///< Set by `begin`.
  std::optional<std::stop_callback<std::function<void()>>> on_stop_;

  mutable std::mutex mutex_;  ///< For all that follows.
  std::condition_variable arrived_;
  std::deque<Item> items_;
  std::size_t bytes_ = 0;
  std::coroutine_handle<> waiter_;
  bool cancelled_ = false;
  bool told_full_ = false;  ///< `full` said yes, and the other side waits to hear of room.
  std::string request_id_;
  int attempts_ = 0;
};

}  // namespace bellwether::client
