// Two endpoints that were asked the same things in turn: by how much they differ, and how sure that is. Pairs take out what both had in
// common: the prompt, and the hour.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "measuring/distribution.h"

namespace bellwether::measuring {

struct Pair {
  double first, second;
};

inline constexpr std::array<double, 4> difference_quantiles{0.5, 0.9, 0.95, 0.99};

struct Difference {
  std::size_t pairs = 0;
  Estimate typical;  ///< The median of second − first over the pairs; its interval is that of order statistics.
  /// How much higher the second's percentiles are than the first's; 95 % percentile bootstrap over whole pairs.
  std::array<Estimate, difference_quantiles.size()> quantiles;

  /// The typical difference is not zero, with 95 %.
  [[nodiscard]] bool is_certain() const { return (typical.low && *typical.low > 0) || (typical.high && *typical.high < 0); }
};

/// Nothing without a pair.
[[nodiscard]] std::optional<Difference> difference_of(std::span<const Pair> pairs, std::uint64_t seed);

}  // namespace bellwether::measuring
