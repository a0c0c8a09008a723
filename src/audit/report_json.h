// An audit as JSON, schema `bellwether.audit/1` (docs/audit.md): what `roi` and the HTML report read. Pure.
#pragma once

#include <string>

#include "audit/report.h"

namespace bellwether::audit {

/// `zone` is the report's: times are told in it.
[[nodiscard]] std::string to_json(const Report& report, const Zone& zone);

/// The rows of days and models, or of hours, as CSV (RFC 4180) with a head.
[[nodiscard]] std::string to_csv(const Report& report, const Zone& zone);

[[nodiscard]] std::string_view name_of(Skip why);

}  // namespace bellwether::audit
