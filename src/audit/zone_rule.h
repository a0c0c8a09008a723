// The rule at the end of a TZif file: POSIX's TZ string with the extensions of RFC 8536 (`EST5EDT,M3.2.0,M11.1.0`, `<+0330>-3:30`).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace bellwether::audit {

/// When in a year, as local time, a change happens.
struct YearlyMoment {
  enum class Kind : std::uint8_t { month_week_day, julian, day_of_year } kind = Kind::month_week_day;
  int month = 0, week = 0, weekday = 0;  ///< Week 5 is the last; weekday 0 is Sunday.
  int day = 0;                           ///< `julian`: 1 to 365, 29 February is never counted. `day_of_year`: 0 to 365.
  std::int32_t seconds = 7200;           ///< After local midnight; from -167 to 167 hours.
};

struct ZoneRule {
  std::int32_t offset = 0;  ///< East of Greenwich is positive, unlike in the text.
  bool has_summer = false;
  std::int32_t summer_offset = 0;
  YearlyMoment summer_begin, summer_end;
};

/// Nothing for a text that is no rule.
[[nodiscard]] std::optional<ZoneRule> parse_zone_rule(std::string_view text);

/// Seconds since 1970 of local time, without any offset.
[[nodiscard]] std::int64_t moment_in(int year, const YearlyMoment& moment);

}  // namespace bellwether::audit
