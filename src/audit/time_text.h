// Times that stand alone, in a field or on a line: everything that says its year. Pure. Stamps at the beginning of a log's lines, which may lack the
// year, are stamp.h's.
#pragma once

#include <optional>
#include <string_view>

#include "audit/reading.h"

namespace bellwether::audit {

/// The whole text is a time:
///   2026-01-02T03:04:05.678Z, 2026-01-02 03:04:05,678+09:00, 2026-01-02 03:04:05 UTC, 2026-01-02   (RFC 3339 and its looser kin)
///   1767322800, 1767322800.123, 1767322800123 and finer                                            (seconds to nanoseconds since 1970)
///   02/Jan/2026:03:04:05 +0900, 02/Jan/2026:03:04:05.678                                          (nginx, HAProxy)
///   Fri Jan  2 03:04:05 UTC 2026, Fri 02 Jan 2026 03:04:05 AM UTC, Fri, 02 Jan 2026 03:04:05 +0900 (date(1), RFC 5322)
/// Without a zone it is of `zone` (null: UTC). Nothing for other texts, for dates that are none, and before 2000 or after 2100.
[[nodiscard]] std::optional<Instant> read_time(std::string_view text, const Zone* zone);

/// Seconds since 1970 with a fraction, as a number that was read already. Nothing where no log can be from.
[[nodiscard]] std::optional<Instant> from_unix_seconds(double seconds);

}  // namespace bellwether::audit
