// What retries may cost an upstream. Without it three tries make a failing upstream's load three times as high, when it can bear it
// least. One for each upstream and lane.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "relay/rolling_share.h"

namespace bellwether::relay {

class RetryBudget {
 public:
  /// Retries stay below `percent` of the requests of the last 10 s (Finagle's and Linkerd's window and share).
  explicit RetryBudget(std::uint32_t percent) : percent_{percent} {}

  /// A request's first try at this upstream.
  void earn(TimePoint now) { counts_.add_whole(now); }

  /// Takes one retry if there is one left.
  [[nodiscard]] bool spend(TimePoint now) {
    if (percent_ == 0) return false;
    const std::uint64_t allowed = std::max<std::uint64_t>(std::uint64_t{counts_.whole(now)} * percent_ / 100, floor);
    if (counts_.part(now) >= allowed) return false;
    counts_.add_part(now);
    return true;
  }

  void set_percent(std::uint32_t percent) { percent_ = percent; }

 private:
  // Instead of the share, never on top of it: at 500 requests/s a fully failing upstream sees 1.2 times the load and not a try more,
  // while one that gets a request a minute still has its retries. Finagle adds 10 a *second*, far more than a model server's spare.
  static constexpr std::uint64_t floor = 10;
  static constexpr Duration window = std::chrono::seconds(10);

  std::uint32_t percent_;
  RollingShare counts_{window};
};

}  // namespace bellwether::relay
