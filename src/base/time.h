// Clocks and durations. Pure code takes TimePoint and WallTime as arguments; only net/ and cli/ read a clock.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace bellwether {

using Duration = std::chrono::nanoseconds;
/// Monotonic: for deadlines and latencies.
using TimePoint = std::chrono::steady_clock::time_point;
/// Of the calendar: for log lines, expiry dates and `created`.
using WallTime = std::chrono::system_clock::time_point;

/// RFC 3339 in UTC with milliseconds, e.g. 2026-11-24T08:00:00.000Z.
[[nodiscard]] std::string to_rfc3339(WallTime time);

/// `to_rfc3339`, for whoever asks many times a second: the part that changes once a second is kept. One thread's.
class WallClockText {
 public:
  /// Valid until the next call.
  [[nodiscard]] std::string_view of(WallTime time);

 private:
  std::int64_t second_ = -1;
  std::string text_;
};

/// Seconds since 1970.
[[nodiscard]] inline std::int64_t unix_seconds(WallTime time) { return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count(); }

/// Milliseconds with three decimals, e.g. 12.345. Below zero: 0.000.
void append_milliseconds(std::string& out, Duration duration);

[[nodiscard]] inline double milliseconds_of(Duration duration) { return static_cast<double>(duration.count()) / 1e6; }

}  // namespace bellwether
