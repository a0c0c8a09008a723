// A histogram of durations that one thread fills and any thread reads.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "base/time.h"
#include "telemetry/counter.h"

namespace bellwether::telemetry {

/// Upper bounds in microseconds; Prometheus adds +Inf. Our own share of a request is tens of microseconds, which is why these begin at 10.
inline constexpr std::array<std::int64_t, 16> overhead_bounds_us{10,  20,    35,    50,    75,     100,    150,     250,
                                                                 500, 1'000, 2'500, 5'000, 10'000, 50'000, 250'000, 1'000'000};
/// For what upstreams take: 1 ms to ten minutes.
inline constexpr std::array<std::int64_t, 16> duration_bounds_us{1'000,     5'000,     10'000,    25'000,     50'000,     100'000,    250'000,     500'000,
                                                                 1'000'000, 2'500'000, 5'000'000, 10'000'000, 30'000'000, 60'000'000, 300'000'000, 600'000'000};

class Histogram {
 public:
  /// `bounds_us` must be of static storage.
  explicit Histogram(std::span<const std::int64_t, 16> bounds_us) : bounds_us_{bounds_us} {}

  void add(Duration value) {
    std::size_t i = 0;
    while (i < bounds_us_.size() && value.count() > bounds_us_[i] * 1000) ++i;
    buckets_[i].add();
    sum_ns_.add(static_cast<std::uint64_t>(value.count()));
  }

  [[nodiscard]] std::span<const std::int64_t, 16> bounds_us() const { return bounds_us_; }
  [[nodiscard]] std::uint64_t bucket(std::size_t i) const { return buckets_[i].value(); }
  [[nodiscard]] std::uint64_t sum_ns() const { return sum_ns_.value(); }

 private:
  std::span<const std::int64_t, 16> bounds_us_;
  std::array<Counter, 17> buckets_;
  Counter sum_ns_;
};

}  // namespace bellwether::telemetry
