// Distributions in constant memory: of single values, in buckets of about 1 %; and of Prometheus' histograms, whose buckets are given.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string_view>

#include "audit/report.h"

namespace bellwether::audit {

/// Values from 1 to 10^12, each known to 1 %.
class Spread {
 public:
  void add(double value);
  [[nodiscard]] std::uint64_t samples() const { return samples_; }
  [[nodiscard]] Distribution distribution(std::string_view name) const;

 private:
  static constexpr double growth = 1.02;  ///< A bucket's middle is within 1 % of what is in it.
  static constexpr std::size_t buckets = 1400;
  std::array<std::uint64_t, buckets> counts_{};
  std::uint64_t samples_ = 0;
  double sum_ = 0;
};

/// The increase of cumulative buckets: by upper bound, how many more were at or below it.
class Buckets {
 public:
  void add(double upper_bound, double increase);
  void add_sum(double increase) { sum_ += increase; }
  [[nodiscard]] bool empty() const;
  /// `unit` turns a bucket's bound into what is told: 1000 for seconds in milliseconds.
  [[nodiscard]] Distribution distribution(std::string_view name, double unit) const;

 private:
  static constexpr std::size_t bounds_max = 256;  ///< vLLM has some 30 a histogram.
  std::map<double, double> at_or_below_;
  double sum_ = 0;
};

}  // namespace bellwether::audit
