// An audit for a terminal. Columns are aligned by what characters take there: Korean letters two places. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "audit/report.h"

namespace bellwether::audit {

[[nodiscard]] std::string to_text(const Report& report, const Zone& zone);

/// The columns that a text takes on a terminal (Unicode's East Asian wide and fullwidth ranges: two; combining marks: none).
[[nodiscard]] std::size_t columns_of(std::string_view text);

}  // namespace bellwether::audit
