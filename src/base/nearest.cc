#include "base/nearest.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace bellwether {
namespace {

constexpr std::size_t text_bytes_max = 256;  // Longer names are never typos of ours, and the cost is quadratic.

char lower(char letter) { return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + 32) : letter; }

}  // namespace

std::size_t edit_distance(std::string_view left, std::string_view right) {
  if (left.size() > text_bytes_max || right.size() > text_bytes_max) return std::numeric_limits<std::size_t>::max();
  std::vector<std::size_t> before(right.size() + 1), row(right.size() + 1), two_before;
  for (std::size_t j = 0; j <= right.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= left.size(); ++i) {
    two_before = std::exchange(before, row);
    row[0] = i;
    for (std::size_t j = 1; j <= right.size(); ++j) {
      const bool same = lower(left[i - 1]) == lower(right[j - 1]);
      row[j] = std::min({before[j] + 1, row[j - 1] + 1, before[j - 1] + (same ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && lower(left[i - 1]) == lower(right[j - 2]) && lower(left[i - 2]) == lower(right[j - 1]);
      if (swapped) row[j] = std::min(row[j], two_before[j - 2] + 1);
    }
  }
  return row[right.size()];
}

std::vector<std::string_view> nearest(std::string_view name, std::span<const std::string_view> known, std::size_t count_max) {
  std::vector<std::pair<std::size_t, std::string_view>> ranked;
  for (const std::string_view candidate : known) {
    const std::size_t distance = edit_distance(name, candidate);
    // A third of the longer name may differ; a name that contains the other is near whatever its length.
    const std::size_t allowed = std::max<std::size_t>(1, std::max(name.size(), candidate.size()) / 3);
    const bool contains = name.size() >= 3 && !std::ranges::search(candidate, name, {}, lower, lower).empty();
    if (distance <= allowed || contains) ranked.emplace_back(distance, candidate);
  }
  std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < ranked.size() && i < count_max; ++i) names.push_back(ranked[i].second);
  return names;
}

}  // namespace bellwether
