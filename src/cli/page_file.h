// HTML reports as files, for `audit --html` and `roi --html`.
#pragma once

#include <string>

#include "report/imprint.h"

namespace bellwether::cli {

/// This program and today.
[[nodiscard]] report::Imprint imprint();

/// Writes the page, and says so on standard error where it cannot. False then.
[[nodiscard]] bool write_page(const std::string& path, const std::string& page);

/// `audit --html FILE`: the page of an audit, from the JSON that `audit --json` prints. `language`: what --lang said, or empty. False where
/// it could not be written.
[[nodiscard]] bool write_audit_page(const std::string& path, const std::string& audit_json, const std::string& language);

}  // namespace bellwether::cli
