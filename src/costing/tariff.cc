#include "costing/tariff.h"

#include <algorithm>
#include <limits>
#include <numeric>

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

Parts Shares::parts(std::size_t window) const { return static_cast<Parts>((Wide{of_window[window]} * whole + all / 2) / all); }

Shares shares_of_windows(const Tariff& tariff, const HoursOfWeek& hours) {
  Shares shares{.of_window = {}, .all = 0};
  for (const std::int64_t weight : hours) shares.all += weight * 60;
  for (const Window& window : tariff.windows) {
    std::int64_t met = 0;
    for (const auto& [begin, end] : minutes_of(window))
      for (std::int32_t hour = begin / 60; hour * 60 < end; ++hour)
        met += hours[static_cast<std::size_t>(hour)] * (std::min(end, (hour + 1) * 60) - std::max(begin, hour * 60));
    shares.of_window.push_back(met);
  }
  shares.all = std::max<std::int64_t>(shares.all, 1);
  return shares;
}

Shares shares_of_windows(const Tariff& tariff, Parts share) {
  constexpr Parts hundredth_of_percent = whole / 10'000;
  Shares shares = shares_of_windows(tariff, evenly_spread());
  const std::int64_t minutes = std::accumulate(shares.of_window.begin(), shares.of_window.end(), std::int64_t{0});
  for (std::int64_t& part : shares.of_window) part *= share / hundredth_of_percent;
  shares.all = std::max<std::int64_t>(minutes * 10'000, 1);
  return shares;
}

Money cost_of(const Tokens& tokens, const Tariff& tariff, const Shares& shares, Parts batch_share) {
  BW_CHECK(shares.of_window.size() == tariff.windows.size() && tokens.cached <= tokens.input);
  std::int64_t rest = shares.all;
  Wide bill = 0;
  for (std::size_t i = 0; i < shares.of_window.size(); ++i) {
    rest -= shares.of_window[i];
    bill += price_of(tokens, tariff.windows[i].price) * shares.of_window[i];
  }
  BW_CHECK(rest >= 0);
  bill += price_of(tokens, tariff.price) * rest;
  // Far above what `to_money` takes, and low enough for the products below.
  constexpr Wide million_nano_max = Wide{std::numeric_limits<std::int64_t>::max()} * whole;
  if (bill / shares.all > million_nano_max) throw Overflow{};
  const Wide factor = Wide{whole} * whole - Wide{batch_share} * tariff.batch_discount;
  // (bill / all) × factor, without the product of all three. What the second division cuts off is less than one unit of the rounding below.
  return to_money(bill / shares.all * factor + bill % shares.all * factor / shares.all, Wide{whole} * whole * whole);
}

}  // namespace bellwether::costing
