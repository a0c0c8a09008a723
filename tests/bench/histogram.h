// A histogram of durations for the load generator: fixed memory, 0.1 % resolution from a nanosecond to hours, so
// that a percentile costs no sample list and a 10 s stall is not lost in an overflow bucket.
// A value; single-threaded.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>

namespace bellwether::bench {

class Histogram {
 public:
  void add(std::int64_t value_ns) {
    const std::uint64_t value = value_ns < 0 ? 0 : static_cast<std::uint64_t>(value_ns);
    ++counts_[bucket_of(value)];
    ++count_;
    max_ = std::max(max_, value);
  }

  std::uint64_t count() const { return count_; }

  /// The value at or below which `fraction` of the samples lie, in µs: the upper edge of its bucket, never above the
  /// largest sample. 0 when there is no sample.
  double percentile_us(double fraction) const {
    const auto wanted = static_cast<std::uint64_t>(std::ceil(fraction * static_cast<double>(count_)));
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) {
      seen += counts_[bucket];
      if (seen >= wanted && seen > 0) return static_cast<double>(std::min(upper_edge(bucket), max_)) / 1000.0;
    }
    return 0;
  }

  /// `{"count":…,"p50":…,"p90":…,"p99":…,"p99.9":…,"max":…}`, in µs.
  std::string json() const {
    char text[200];
    std::snprintf(text, sizeof text, R"({"count":%llu,"p50":%.1f,"p90":%.1f,"p99":%.1f,"p99.9":%.1f,"max":%.1f})", static_cast<unsigned long long>(count_),
                  percentile_us(0.5), percentile_us(0.9), percentile_us(0.99), percentile_us(0.999), static_cast<double>(max_) / 1000.0);
    return text;
  }

 private:
  // 1024 linear steps for each power of two: 50 us are told apart in a gap of 50 ms between two chunks.
  static constexpr int step_bits = 10;
  static constexpr std::uint64_t steps = 1 << step_bits;

  static std::size_t bucket_of(std::uint64_t value) {
    if (value < steps) return value;
    const int shift = std::bit_width(value) - 1 - step_bits;
    return (static_cast<std::size_t>(shift) + 1) * steps + ((value >> shift) - steps);
  }
  static std::uint64_t upper_edge(std::size_t bucket) {
    if (bucket < steps) return bucket;
    const std::size_t shift = bucket / steps - 1;
    return ((bucket % steps + steps + 1) << shift) - 1;
  }

  std::array<std::uint64_t, steps * (64 - step_bits + 1)> counts_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace bellwether::bench
