#include "measuring/difference.h"

#include <algorithm>
#include <vector>

namespace bellwether::measuring {
namespace {

// As many draws as make the interval's ends steady to a few percent, fewer where each is expensive: 40 million values in all are
// a second's work.
constexpr std::size_t draws_max = 2000, draws_min = 200, values_max = 40'000'000;

std::array<double, difference_quantiles.size()> quantiles_of(std::vector<double> values) {
  const Distribution all{std::move(values)};
  std::array<double, difference_quantiles.size()> at{};
  for (std::size_t i = 0; i < at.size(); ++i) at[i] = all.value_at(difference_quantiles[i]);
  return at;
}

}  // namespace

std::optional<Difference> difference_of(std::span<const Pair> pairs, std::uint64_t seed) {
  if (pairs.empty()) return std::nullopt;
  std::vector<double> differences, first, second;
  for (const Pair& pair : pairs) {
    differences.push_back(pair.second - pair.first);
    first.push_back(pair.first);
    second.push_back(pair.second);
  }
  Difference difference{.pairs = pairs.size(), .typical = Distribution{std::move(differences)}.quantile(0.5), .quantiles = {}};
  const auto first_at = quantiles_of(first), second_at = quantiles_of(second);
  std::array<std::vector<double>, difference_quantiles.size()> drawn;
  const std::size_t draws = std::clamp(values_max / pairs.size(), draws_min, draws_max);
  Random random{seed};
  for (std::size_t draw = 0; draw < draws; ++draw) {
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      const Pair& pair = pairs[random.below(pairs.size())];
      first[i] = pair.first;
      second[i] = pair.second;
    }
    const auto first_drawn = quantiles_of(first), second_drawn = quantiles_of(second);
    for (std::size_t i = 0; i < drawn.size(); ++i) drawn[i].push_back(second_drawn[i] - first_drawn[i]);
  }
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    const Distribution all{std::move(drawn[i])};
    difference.quantiles[i] = {.value = second_at[i] - first_at[i], .low = all.value_at(0.025), .high = all.value_at(0.975)};
  }
  return difference;
}

}  // namespace bellwether::measuring
