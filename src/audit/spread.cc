#include "audit/spread.h"

#include <algorithm>
#include <cmath>

namespace bellwether::audit {
namespace {

constexpr std::array<double, 4> percents{50, 90, 95, 99};

}  // namespace

void Spread::add(double value) {
  if (!(value >= 0)) return;
  const double at = value < 1 ? 0 : std::log(value) / std::log(growth) + 1;
  ++counts_[std::min(static_cast<std::size_t>(at), buckets - 1)];
  ++samples_;
  sum_ += value;
}

Distribution Spread::distribution(std::string_view name) const {
  Distribution out{.name = name, .samples = samples_, .basis = samples_ > 0 ? Basis::counted : Basis::unknown};
  if (samples_ == 0) return out;
  out.mean = sum_ / static_cast<double>(samples_);
  for (const double percent : percents) {
    const auto rank = static_cast<std::uint64_t>(std::ceil(percent / 100 * static_cast<double>(samples_)));
    std::uint64_t seen = 0;
    std::size_t bucket = 0;
    while (bucket + 1 < buckets && (seen += counts_[bucket]) < rank) ++bucket;
    const double low = bucket == 0 ? 0 : std::pow(growth, static_cast<double>(bucket - 1)), high = bucket == 0 ? 1 : low * growth;
    out.percentiles.push_back({.of = percent, .value = (low + high) / 2, .low = low, .high = high});
  }
  return out;
}

void Buckets::add(double upper_bound, double increase) {
  if (!(increase > 0) || std::isnan(upper_bound)) return;
  if (const auto found = at_or_below_.find(upper_bound); found != at_or_below_.end()) found->second += increase;
  else if (at_or_below_.size() < bounds_max) at_or_below_.emplace(upper_bound, increase);
}

bool Buckets::empty() const { return at_or_below_.empty(); }

Distribution Buckets::distribution(std::string_view name, double unit) const {
  Distribution out{.name = name};
  const double all = empty() ? 0 : std::ranges::max_element(at_or_below_, {}, [](const auto& one) { return one.second; })->second;
  if (all <= 0) return out;
  out.samples = static_cast<std::uint64_t>(all);
  out.basis = Basis::estimated;
  out.mean = sum_ / all * unit;
  for (const double percent : percents) {
    const double rank = percent / 100 * all;
    double low = 0, below = 0;
    for (const auto& [bound, count] : at_or_below_) {
      if (count < rank) {
        low = bound;
        below = count;
        continue;
      }
      Percentile found{.of = percent, .low = low * unit};
      found.open_above = std::isinf(bound);
      found.high = (found.open_above ? low : bound) * unit;
      found.value = found.open_above || count <= below ? found.high : (low + (bound - low) * (rank - below) / (count - below)) * unit;
      out.percentiles.push_back(found);
      break;
    }
  }
  return out;
}

}  // namespace bellwether::audit
