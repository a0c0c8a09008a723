// Which build this is.
#pragma once

#include <string_view>

namespace bellwether::cli {

[[nodiscard]] std::string_view version();
/// The commit's first twelve digits, "-dirty" behind them where the tree had changes; "unknown" without git.
[[nodiscard]] std::string_view commit();

}  // namespace bellwether::cli
