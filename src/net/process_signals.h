// The process's signals as something to be awaited.
#pragma once

#include <coroutine>
#include <deque>
#include <initializer_list>
#include <utility>

#include "net/loop.h"

namespace bellwether::net {

/// While it lives, these signals do nothing but come out of `next`, in the order in which they came. Lives on one loop, and is
/// made before other threads are: they inherit that the signals are blocked.
class ProcessSignals final : private Watched {
 public:
  ProcessSignals(Loop& loop, std::initializer_list<int> numbers);
  ~ProcessSignals();
  ProcessSignals(const ProcessSignals&) = delete;
  ProcessSignals& operator=(const ProcessSignals&) = delete;

  /// To be awaited, by one coroutine: the next signal's number.
  [[nodiscard]] auto next() { return Next{*this}; }

 private:
  struct Next {
    ProcessSignals& signals;
    [[nodiscard]] bool await_ready() const { return !signals.came_.empty(); }
    void await_suspend(std::coroutine_handle<> waiter) const { signals.waiter_ = waiter; }
    [[nodiscard]] int await_resume() const {
      const int number = signals.came_.front();
      signals.came_.pop_front();
      return number;
    }
  };
  void on_events(std::uint32_t events) override;

  Loop& loop_;
  Socket descriptor_;  ///< A signalfd.
  std::deque<int> came_;
  std::coroutine_handle<> waiter_;
};

}  // namespace bellwether::net
