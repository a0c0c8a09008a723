// An import's verdicts for people and for programs.
#pragma once

#include <string>
#include <string_view>

#include "importing/finding.h"

namespace bellwether::importing {

/// Four lists, from what needs nothing to what was left out, and a line that counts them. `file` is put before places.
[[nodiscard]] std::string verdict_table(const Imported& imported, std::string_view file);

/// bellwether.import/1. `source` is "litellm" or "vllm".
[[nodiscard]] std::string to_json(const Imported& imported, std::string_view source, std::string_view file);

/// Whether some field is manual or unsupported.
[[nodiscard]] bool left_something_out(const Imported& imported);

}  // namespace bellwether::importing
