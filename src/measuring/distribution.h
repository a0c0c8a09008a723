// Values of one kind, and what can be said of them: percentiles by nearest rank, each with a 95 % interval.
//
// The intervals are those of order statistics: between which two of the sorted values the true percentile lies, by the binomial
// distribution and nothing else; no shape is assumed. A percentile that too few values reach has an interval that is open at that end: of
// 100 values nobody knows how high the 99th percentile may lie.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/random.h"

namespace bellwether::measuring {

struct Estimate {
  double value = 0;
  std::optional<double> low, high;  ///< Nothing: open at that end.
};

class Distribution {
 public:
  /// At least one value.
  explicit Distribution(std::vector<double> values);

  [[nodiscard]] std::size_t count() const { return sorted_.size(); }
  [[nodiscard]] double mean() const { return mean_; }
  [[nodiscard]] double min() const { return sorted_.front(); }
  [[nodiscard]] double max() const { return sorted_.back(); }
  /// The value at the quantile, above 0 and below 1. The interval supposes that the values are independent of each other.
  [[nodiscard]] Estimate quantile(double quantile) const;
  [[nodiscard]] double value_at(double quantile) const;

 private:
  std::vector<double> sorted_;
  double mean_ = 0;
};

/// Which order statistics (from 1) enclose a quantile of `count` values with 95 %. 0, and `count` + 1: open at that end.
struct Ranks {
  std::size_t low, high;
};
[[nodiscard]] Ranks ranks_around(double quantile, std::size_t count);

/// A fair choice of at most `size` of all values that are offered, where there are too many to keep (Vitter's algorithm R).
class Reservoir {
 public:
  Reservoir(std::size_t size, std::uint64_t seed) : size_{size}, random_{seed} {}
  void offer(double value);
  [[nodiscard]] const std::vector<double>& values() const { return values_; }
  [[nodiscard]] std::uint64_t offered() const { return offered_; }

 private:
  std::size_t size_;
  Random random_;
  std::uint64_t offered_ = 0;
  std::vector<double> values_;
};

}  // namespace bellwether::measuring
