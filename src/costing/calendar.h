// Dates of price lists and rates. Pure: today is an argument.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bellwether::costing {

using Date = std::chrono::sys_days;
using Instant = std::chrono::sys_seconds;

/// "2026-11-25". Nothing for anything else, 30 February included.
[[nodiscard]] std::optional<Date> parse_date(std::string_view text);
/// A date (its first second in UTC), or "2026-09-10T04:00:00Z".
[[nodiscard]] std::optional<Instant> parse_instant(std::string_view text);
[[nodiscard]] std::string to_text(Date date);
/// "01:00" → 60; "24:00" is the end of the day.
[[nodiscard]] std::optional<std::int32_t> parse_minute_of_day(std::string_view text);
/// "UTC", "+09:00", or the names of zones without summer time in which prices are given (Asia/Seoul, Asia/Shanghai, Asia/Tokyo): minutes
/// ahead of UTC. A zone with summer time has no fixed week of UTC minutes, so that it cannot stand in a weekly window.
[[nodiscard]] std::optional<std::int32_t> parse_zone(std::string_view text);

}  // namespace bellwether::costing
