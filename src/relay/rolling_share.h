// How many of the events of the last seconds were of one kind: failures of attempts, retries of requests. A value of 100 bytes; one
// lane's.
#pragma once

#include <array>
#include <cstdint>

#include "base/time.h"

namespace bellwether::relay {

/// Counts over a sliding window, in ten steps of it: the oldest tenth is dropped at once.
class RollingShare {
 public:
  explicit RollingShare(Duration window) : step_{window / steps} {}

  void add_whole(TimePoint now) { advance(now), ++at(step_now_).whole, ++sum_.whole; }
  void add_part(TimePoint now) { advance(now), ++at(step_now_).part, ++sum_.part; }

  [[nodiscard]] std::uint32_t whole(TimePoint now) { return advance(now), sum_.whole; }
  [[nodiscard]] std::uint32_t part(TimePoint now) { return advance(now), sum_.part; }

  void clear() { counts_ = {}, sum_ = {}; }

 private:
  static constexpr std::int64_t steps = 10;
  struct Counts {
    std::uint32_t whole = 0, part = 0;
  };

  [[nodiscard]] Counts& at(std::int64_t step) { return counts_[static_cast<std::size_t>(step % steps)]; }

  void advance(TimePoint now) {
    const std::int64_t step = now.time_since_epoch() / step_;
    if (step <= step_now_) return;
    if (step - step_now_ >= steps) {
      clear();
      step_now_ = step;
      return;
    }
    while (step_now_ < step) {
      Counts& oldest = at(++step_now_);
      sum_.whole -= oldest.whole;
      sum_.part -= oldest.part;
      oldest = {};
    }
  }

  Duration step_;
  std::array<Counts, steps> counts_{};
  Counts sum_{};
  std::int64_t step_now_ = 0;
};

}  // namespace bellwether::relay
