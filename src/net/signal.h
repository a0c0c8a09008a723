// One coroutine waits; something on the same loop wakes it, or its deadline does.
#pragma once

#include <coroutine>
#include <optional>
#include <utility>

#include "net/loop.h"
#include "net/stream.h"
#include "net/task.h"

namespace bellwether::net {

class Signal final : private Deadline {
  struct Wait {
    Signal& signal;
    TimePoint until;

    [[nodiscard]] bool await_ready() {
      if (!signal.early_) return false;
      signal.status_ = *std::exchange(signal.early_, std::nullopt);
      return true;
    }
    void await_suspend(std::coroutine_handle<> waiter) {
      signal.arm(until);
      signal.waiter_ = waiter;
    }
    [[nodiscard]] IoStatus await_resume() const { return signal.status_; }
  };

 public:
  explicit Signal(Loop& loop) : Deadline{loop}, loop_{loop} {}

  /// To be awaited. What `wake` was given, or timed_out. A wake that came before the wait ends it at once.
  [[nodiscard]] Wait wait(TimePoint until) { return {*this, until}; }

  void wake(IoStatus status) {
    disarm();
    if (!waiter_) {
      early_ = status;
      return;
    }
    status_ = status;
    loop_.resume_soon(std::exchange(waiter_, nullptr));
  }

 private:
  void on_expired() override { wake(IoStatus::timed_out); }

  Loop& loop_;
  std::coroutine_handle<> waiter_;
  std::optional<IoStatus> early_;
  IoStatus status_ = IoStatus::ok;
};

}  // namespace bellwether::net
