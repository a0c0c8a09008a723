// Wakes one coroutine at a point in time, to some ten microseconds: for requests that must leave when their schedule says. A loop's own
// sleep counts in milliseconds. Lives on one loop.
#pragma once

#include <coroutine>
#include <utility>

#include "base/time.h"
#include "net/loop.h"
#include "net/socket.h"

namespace bellwether::calling {

class Alarm final : private net::Watched {
  struct Wait {
    Alarm& alarm;
    TimePoint at;
    [[nodiscard]] bool await_ready() const { return alarm.loop_.now() >= at; }
    void await_suspend(std::coroutine_handle<> waiter) {
      alarm.waiter_ = waiter;
      alarm.set(at);
    }
    void await_resume() const {}
  };

 public:
  /// Throws std::runtime_error when the kernel gives no timer.
  explicit Alarm(net::Loop& loop);
  ~Alarm();
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  /// To be awaited by one coroutine at a time. Never early.
  [[nodiscard]] Wait at(TimePoint time) { return {*this, time}; }
  /// Ends the wait in progress now.
  void ring();

 private:
  void set(TimePoint at);
  void on_events(std::uint32_t events) override;

  net::Loop& loop_;
  net::Socket timer_;  ///< A timerfd.
  std::coroutine_handle<> waiter_;
};

}  // namespace bellwether::calling
