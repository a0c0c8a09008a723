// Dates of header fields (RFC 9110 §5.6.7), in the one form that is sent today: "Sun, 06 Nov 1994 08:49:37 GMT".
#pragma once

#include <optional>
#include <string_view>

#include "base/time.h"

namespace bellwether::http {

/// Nothing where the text is no such date.
[[nodiscard]] std::optional<WallTime> read_date(std::string_view text);

}  // namespace bellwether::http
