// One coroutine waits; something on the same loop wakes it, or its deadline does.
#pragma once

#include <optional>
#include <utility>

#include "net/loop.h"
#include "net/stream.h"
#include "net/task.h"

namespace bellwether::net {

class Signal final : private Deadline {
 public:
  explicit Signal(Loop& loop) : Deadline{loop}, executor_{loop.executor()} {}

  /// What `wake` was given, or timed_out. A wake that came before the wait ends it at once.
  [[nodiscard]] Task<IoStatus> wait(TimePoint until) {
    if (!early_) {
      arm(until);
      co_return co_await asio::async_initiate<const asio::use_awaitable_t<Executor>, void(IoStatus)>(
          [this](Waiter waiter) { waiter_.emplace(std::move(waiter)); }, use_task);
    }
    co_return *std::exchange(early_, std::nullopt);
  }

  void wake(IoStatus status) {
    disarm();
    if (!waiter_) {
      early_ = status;
      return;
    }
    asio::post(executor_, [waiter = std::move(*waiter_), status]() mutable { std::move(waiter)(status); });
    waiter_.reset();
  }

 private:
  using Waiter = asio::async_result<asio::use_awaitable_t<Executor>, void(IoStatus)>::handler_type;
  void on_expired() override { wake(IoStatus::timed_out); }

  Executor executor_;
  std::optional<Waiter> waiter_;
  std::optional<IoStatus> early_;
};

}  // namespace bellwether::net
