// Clocks and durations. Pure code takes TimePoint and WallTime as arguments; only net/ and cli/ read a clock.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace bellwether {

using Duration = std::chrono::nanoseconds;
/// Monotonic: for deadlines and latencies.
using TimePoint = std::chrono::steady_clock::time_point;
/// Of the calendar: for log lines, expiry dates and `created`.
using WallTime = std::chrono::system_clock::time_point;

/// RFC 3339 in UTC with milliseconds, e.g. 2026-11-24T08:00:00.000Z.
[[nodiscard]] std::string to_rfc3339(WallTime time);

/// Seconds since 1970.
[[nodiscard]] inline std::int64_t unix_seconds(WallTime time) { return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count(); }

[[nodiscard]] inline double milliseconds_of(Duration duration) { return static_cast<double>(duration.count()) / 1e6; }

}  // namespace bellwether
