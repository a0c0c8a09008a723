#include "measuring/distribution.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.h"

namespace bellwether::measuring {
namespace {

constexpr double tail = 0.025;  // On each side: 95 % between.
// How far from the middle the binomial distribution is summed: beyond, less than 10⁻³⁰ is left.
constexpr double deviations = 12;

std::size_t rank_of(double quantile, std::size_t count) {
  // The tolerance keeps 0.95 × 100 at rank 95: the product is a hair above it.
  const auto rank = static_cast<std::size_t>(std::ceil(quantile * static_cast<double>(count) - 1e-9));
  return std::clamp<std::size_t>(rank, 1, count);
}

}  // namespace

Ranks ranks_around(double quantile, std::size_t count) {
  const auto n = static_cast<double>(count);
  const double middle = n * quantile, deviation = std::sqrt(n * quantile * (1 - quantile)) + 1;
  const auto first = static_cast<std::size_t>(std::max(0.0, std::floor(middle - deviations * deviation)));
  const auto last = static_cast<std::size_t>(std::min(n, std::ceil(middle + deviations * deviation)));
  Ranks ranks{0, count + 1};
  double below = 0;  // P(at most k of the values lie under the quantile)
  for (std::size_t k = first; k <= last; ++k) {
    const auto x = static_cast<double>(k);
    below += std::exp(std::lgamma(n + 1) - std::lgamma(x + 1) - std::lgamma(n - x + 1) + x * std::log(quantile) + (n - x) * std::log1p(-quantile));
    if (below <= tail) ranks.low = k + 1;
    if (below >= 1 - tail) {
      ranks.high = k + 1;
      break;
    }
  }
  return ranks;
}

Distribution::Distribution(std::vector<double> values) : sorted_{std::move(values)} {
  BW_CHECK(!sorted_.empty());
  std::ranges::sort(sorted_);
  mean_ = std::accumulate(sorted_.begin(), sorted_.end(), 0.0) / static_cast<double>(sorted_.size());
}

double Distribution::value_at(double quantile) const { return sorted_[rank_of(quantile, sorted_.size()) - 1]; }

Estimate Distribution::quantile(double quantile) const {
  Estimate estimate{.value = value_at(quantile), .low = std::nullopt, .high = std::nullopt};
  const Ranks ranks = ranks_around(quantile, sorted_.size());
  if (ranks.low >= 1) estimate.low = sorted_[ranks.low - 1];
  if (ranks.high <= sorted_.size()) estimate.high = sorted_[ranks.high - 1];
  return estimate;
}

void Reservoir::offer(double value) {
  ++offered_;
  if (values_.size() < size_) {
    values_.push_back(value);
    return;
  }
  if (const std::uint64_t place = random_.below(offered_); place < size_) values_[place] = value;
}

}  // namespace bellwether::measuring
