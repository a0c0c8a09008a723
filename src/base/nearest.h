// "Did you mean …": the names closest to a mistyped one. Used for config keys, models, flags.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bellwether {

/// The number of single-letter insertions, deletions, replacements and swaps of neighbours between two texts, without
/// regard to the case of ASCII letters (optimal string alignment). Texts longer than 256 bytes count as far apart.
[[nodiscard]] std::size_t edit_distance(std::string_view left, std::string_view right);

/// Up to `count_max` of `known` that are near enough to be meant by `name`, nearest first; ties keep `known`'s order.
[[nodiscard]] std::vector<std::string_view> nearest(std::string_view name, std::span<const std::string_view> known, std::size_t count_max = 3);

}  // namespace bellwether
