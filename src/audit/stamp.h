// Times as logs write them, and the instants that they mean. Logs of Python programs lack zone and year: both are given from outside, once
// for a source. Pure; a Calendar belongs to one reader.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "audit/reading.h"
#include "audit/zone.h"

namespace bellwether::audit {

/// A time as it is written.
struct Stamp {
  std::optional<int> year;
  unsigned month = 0, day = 0, hour = 0, minute = 0, second = 0, millisecond = 0;
  std::optional<std::int32_t> offset_seconds;  ///< Where the text has a zone: authoritative.
  std::size_t begin = 0, size = 0;             ///< Where it stands in the text that was searched.
};

/// A stamp at the very beginning: `2026-01-02T03:04:05.678901234Z`, `2026-01-02 03:04:05,678`, `…+09:00`, `…+0900`, `01-02 03:04:05`.
[[nodiscard]] std::optional<Stamp> parse_stamp(std::string_view text);

/// The stamp of a line: of those in the text the first with a zone, else the first with a year, else the first. Looks at 256 bytes at most.
[[nodiscard]] std::optional<Stamp> find_stamp(std::string_view text);

/// RFC 3339, or nothing; a text without zone has none.
[[nodiscard]] std::optional<Instant> parse_rfc3339(std::string_view text);

class Calendar {
 public:
  /// `zone` null: UTC. `written`: when the source was last added to; stamps without year need it.
  Calendar(const Zone* zone, std::optional<Instant> written);

  /// What a stamp means, given those before it: a year begins where December is followed by January, and of an hour that comes twice the
  /// second is meant once the first has passed. Nothing for 31 February, or where the year cannot be known.
  [[nodiscard]] std::optional<Instant> instant(const Stamp& stamp);

 private:
  [[nodiscard]] std::optional<int> year_of(const Stamp& stamp);

  // Constant.
  Zone zone_;
  std::optional<Instant> written_;
  // What the stamps so far told.
  int year_ = 0;
  unsigned month_ = 0;
  std::optional<Instant> last_;
  // The minute of the last stamp without zone: most stamps share it with the one before.
  std::uint64_t minute_key_ = 0;
  Instant minute_{};
};

}  // namespace bellwether::audit
