#include "costing/tariff.h"

#include <algorithm>
#include <limits>

#include "base/check.h"

namespace bellwether::costing {
namespace {

constexpr std::int32_t minutes_of_day = 24 * 60;
constexpr std::int32_t minutes_of_week = 7 * minutes_of_day;

/// In nano-dollars per million, times tokens.
Wide price_of(const Tokens& tokens, const metering::Price& price) {
  const Money cached = price.cached_input.value_or(price.input);
  return Wide{tokens.input - tokens.cached} * price.input.nano_usd + Wide{tokens.cached} * cached.nano_usd + Wide{tokens.output} * price.output.nano_usd;
}

}  // namespace

HoursOfWeek evenly_spread() {
  HoursOfWeek hours;
  hours.fill(1);
  return hours;
}

std::vector<std::pair<std::int32_t, std::int32_t>> minutes_of(const Window& window) {
  std::vector<std::pair<std::int32_t, std::int32_t>> spans;
  for (std::int32_t day = 0; day < 7; ++day) {
    if (!window.days[static_cast<std::size_t>(day)]) continue;
    const std::int32_t begin = day * minutes_of_day + window.from_minute;
    const std::int32_t length =
        window.to_minute > window.from_minute ? window.to_minute - window.from_minute : minutes_of_day - window.from_minute + window.to_minute;
    spans.emplace_back(begin, std::min(begin + length, minutes_of_week));
    if (begin + length > minutes_of_week) spans.emplace_back(0, begin + length - minutes_of_week);
  }
  return spans;
}

std::vector<Parts> shares_of_windows(const Tariff& tariff, const HoursOfWeek& hours) {
  Wide all = 0;
  for (const std::int64_t weight : hours) all += weight;
  std::vector<Parts> shares;
  for (const Window& window : tariff.windows) {
    Wide met = 0;
    for (const auto& [begin, end] : minutes_of(window))
      for (std::int32_t hour = begin / 60; hour * 60 < end; ++hour) {
        const std::int32_t minutes = std::min(end, (hour + 1) * 60) - std::max(begin, hour * 60);
        met += Wide{hours[static_cast<std::size_t>(hour)]} * minutes;
      }
    shares.push_back(all == 0 ? 0 : static_cast<Parts>((met * whole + all * 30) / (all * 60)));
  }
  return shares;
}

Money cost_of(const Tokens& tokens, const Tariff& tariff, const std::vector<Parts>& shares, Parts batch_share) {
  BW_CHECK(shares.size() == tariff.windows.size() && tokens.cached <= tokens.input);
  Parts rest = whole;
  Wide cost = 0;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    // Each share is rounded for itself: together they may exceed the whole by a millionth or two.
    const Parts share = std::min(shares[i], rest);
    rest -= share;
    cost += price_of(tokens, tariff.windows[i].price) * share;
  }
  cost += price_of(tokens, tariff.price) * rest;
  // Before the discount, so that the product below stays far from the end of 128 bits.
  if (cost / (Wide{whole} * whole) > std::numeric_limits<std::int64_t>::max()) throw Overflow{};
  const Wide discount = Wide{batch_share} * tariff.batch_discount / whole;
  return to_money(cost * (whole - discount), Wide{whole} * whole * whole);
}

}  // namespace bellwether::costing
