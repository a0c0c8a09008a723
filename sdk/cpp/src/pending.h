// What a Call or a Stream holds: its operation, and the engine that performs it.
#pragma once

#include <atomic>
#include <memory>
#include <stop_token>
#include <vector>

#include "bellwether/stream.hpp"
#include "engine.h"

namespace bellwether::inline v1::detail {

class Pending {
 public:
  Pending(std::shared_ptr<Engine> engine, std::shared_ptr<client::Operation> operation, std::stop_token stop)
      : engine_{std::move(engine)}, operation_{std::move(operation)}, stop_{std::move(stop)} {}
  ~Pending() {
    if (started_) operation_->abandon();
  }
  Pending(const Pending&) = delete;
  Pending& operator=(const Pending&) = delete;

  /// Nothing will be sent, because of this.
  void refuse(Error error) {
    started_ = true;
    operation_->refuse(std::move(error));
  }
  void start();
  /// The next item; blocks, which the client's own thread must not: there the error says so.
  [[nodiscard]] client::Item take();
  /// False: there is an item already.
  [[nodiscard]] bool wait(std::coroutine_handle<> waiter);
  void cancel() noexcept;
  [[nodiscard]] const client::Operation& operation() const { return *operation_; }

  // ---- Of a stream: what was seen of it. ----

  bool over = false;                ///< The last element was given.
  std::vector<std::int64_t> begun;  ///< Choices that said something, and whose finish_reason did not come yet.
  bool any_finished = false;

 private:
  std::shared_ptr<Engine> engine_;
  std::shared_ptr<client::Operation> operation_;
  std::stop_token stop_;
  bool started_ = false;
  bool resumed_ = false;  ///< A coroutine goes on because there is an item.
};

/// Makes calls and streams, whose constructors are private.
struct Access {
  template <class Of>
  [[nodiscard]] static Of make(std::unique_ptr<Pending> pending) {
    return Of{std::move(pending)};
  }
};

}  // namespace bellwether::inline v1::detail
