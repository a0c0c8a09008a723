// The exact number of requests at work at each moment, from their begins and ends, which come nearly in order of their ends. Bounded: what is
// older than the horizon is settled. One for a source; pure.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <vector>

#include "audit/reading.h"

namespace bellwether::audit {

class Sweep {
 public:
  /// `take(from, to, at_work)` is called for stretches of time in order, in which `at_work` does not change.
  template <class Take>
  void add(Instant begin, Instant end, Take&& take) {
    if (begin > end) begin = end;
    if (begin < settled_) {
      begin = settled_;
      exact_ = false;
      if (end < settled_) return;
    }
    events_.push({begin, 1});
    events_.push({end, -1});
    if (end > latest_) latest_ = end;
    settle(latest_ - horizon, take);
    while (events_.size() > events_max) settle(events_.top().at, take);
  }

  template <class Take>
  void finish(Take&& take) {
    settle(latest_, take);
  }

  /// False once a request began before what was settled by then: its begin was taken for later.
  [[nodiscard]] bool is_exact() const { return exact_; }

 private:
  static constexpr std::chrono::minutes horizon{30};     ///< Longer than nearly every request.
  static constexpr std::size_t events_max = 512 * 1024;  ///< 8 MB; 140 requests a second over the horizon.

  struct Event {
    Instant at;
    std::int32_t change;
    /// Ends come before begins of the same moment: one that follows another is not beside it.
    friend bool operator>(const Event& a, const Event& b) { return a.at != b.at ? a.at > b.at : a.change > b.change; }
  };

  template <class Take>
  void settle(Instant until, Take&& take) {
    while (!events_.empty() && events_.top().at <= until) {
      const Event event = events_.top();
      events_.pop();
      if (event.at > settled_) {
        if (at_work_ > 0) take(settled_, event.at, at_work_);
        settled_ = event.at;
      }
      at_work_ += event.change;
    }
  }

  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  Instant settled_{Instant::min()}, latest_{Instant::min()};
  std::int32_t at_work_ = 0;
  bool exact_ = true;
};

}  // namespace bellwether::audit
