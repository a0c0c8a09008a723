// What a hosted API asks for tokens: a price, other prices at some hours of the week, and a discount for batches. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "costing/quantity.h"
#include "metering/price.h"

namespace bellwether::costing {

/// Tokens of one month. `cached` ⊂ `input`.
struct Tokens {
  std::int64_t input = 0, cached = 0, output = 0;
  [[nodiscard]] std::int64_t total() const { return input + output; }
  friend bool operator==(const Tokens&, const Tokens&) = default;
};

/// Hours of the week at which other prices apply. Times are minutes of a UTC day; `to` may be before `from`: over midnight then,
/// belonging to the day on which it begins.
struct Window {
  std::array<bool, 7> days{};  ///< From Monday.
  std::int32_t from_minute = 0, to_minute = 0;
  metering::Price price;
  std::string name;  ///< "peak", "off-peak": for people.
  friend bool operator==(const Window&, const Window&) = default;
};

struct Tariff {
  metering::Price price;        ///< Whenever no window says otherwise.
  std::vector<Window> windows;  ///< They do not overlap.
  Parts batch_discount = 0;     ///< Of what is sent through the provider's batch API. 0: there is none.
  friend bool operator==(const Tariff&, const Tariff&) = default;
};

/// How the tokens of a week spread over its hours: 168 weights from Monday 00:00 UTC. Their sum is at most 10⁷.
using HoursOfWeek = std::array<std::int64_t, 168>;
inline constexpr std::int64_t weights_sum_max = 10'000'000;
[[nodiscard]] HoursOfWeek evenly_spread();

/// How much of the tokens meets each window, in the windows' order: `of_window[i] / all`. An exact fraction, because 35 of 168 hours is none
/// in decimals.
struct Shares {
  std::vector<std::int64_t> of_window;
  std::int64_t all = 1;
  [[nodiscard]] Parts parts(std::size_t window) const;
};
/// None at any window where the week has no tokens.
[[nodiscard]] Shares shares_of_windows(const Tariff& tariff, const HoursOfWeek& hours);
/// `share` of the tokens at the windows, each by its length.
[[nodiscard]] Shares shares_of_windows(const Tariff& tariff, Parts share);

/// Minutes of the week (from Monday 00:00 UTC) that the window covers, a list of [begin, end).
[[nodiscard]] std::vector<std::pair<std::int32_t, std::int32_t>> minutes_of(const Window& window);

/// Rounded once, half away from zero. Cached tokens cost `input` where the price has no `cached_input`. Throws Overflow.
[[nodiscard]] Money cost_of(const Tokens& tokens, const Tariff& tariff, const Shares& shares, Parts batch_share);

}  // namespace bellwether::costing
