// Local time and UTC. A Zone is a value, made of the bytes of a TZif file (RFC 8536), of a fixed offset, or of nothing (UTC): g++ 12 has no
// std::chrono::time_zone. Pure: who calls reads /usr/share/zoneinfo. Any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/reading.h"

namespace bellwether::audit {

using LocalTime = std::chrono::local_time<std::chrono::milliseconds>;

/// What the clock on the wall showed, for sorting into hours, days and months.
struct Civil {
  std::chrono::year_month_day day;
  unsigned hour = 0;     ///< 0 to 23; the hour that comes twice has one number.
  unsigned weekday = 0;  ///< 0 is Monday.
  friend bool operator==(const Civil&, const Civil&) = default;
};

/// The instants at which a wall clock shows one time.
struct Meant {
  enum class How : std::uint8_t { once, never, twice } how = How::once;
  Instant earlier;  ///< `never` (clocks jump over it): as if the offset before the jump still held, which is the moment just after it.
  Instant later;    ///< Differs from `earlier` only if `twice` (clocks are set back).
};

class Zone {
 public:
  /// UTC.
  Zone() = default;
  /// Nothing if the bytes are no TZif of version 1 to 4. The rule in the footer is followed until 2100.
  [[nodiscard]] static std::optional<Zone> from_tzif(std::string name, std::string_view bytes);
  /// `UTC`, `Z`, `GMT`, `+09:00`, `+0900`, `-03`, `UTC+9`. Nothing for other texts: they are names of files.
  [[nodiscard]] static std::optional<Zone> from_offset(std::string_view text);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::chrono::seconds offset_at(Instant at) const;
  [[nodiscard]] LocalTime local(Instant at) const;
  [[nodiscard]] Meant meant(LocalTime local) const;
  [[nodiscard]] Civil civil(Instant at) const;
  /// The first instant of a day: not always midnight, nor is the next one always 24 hours on.
  [[nodiscard]] Instant begin_of(std::chrono::year_month_day day) const;
  /// RFC 3339 with this zone's offset, whole seconds: 2026-11-24T17:00:00+09:00; `Z` for UTC.
  [[nodiscard]] std::string text(Instant at) const;

 private:
  struct Change {
    std::int64_t at = 0;  ///< Seconds since 1970.
    std::int32_t offset = 0;
  };
  std::string name_ = "UTC";
  std::int32_t first_offset_ = 0;  ///< Before the first change.
  std::vector<Change> changes_;    ///< In order of time.
};

}  // namespace bellwether::audit
