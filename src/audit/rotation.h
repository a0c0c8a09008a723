// Which files are pieces of one log, by their names. Pure.
#pragma once

#include <string>
#include <string_view>

namespace bellwether::audit {

/// A path without what log rotation adds to it: `.1`, `.2.gz`, `-20261124`, `.2026-11-24.log.zst`, `.old`. Files with one stem are one
/// process's, one after the other.
[[nodiscard]] std::string rotation_stem(std::string_view path);

}  // namespace bellwether::audit
