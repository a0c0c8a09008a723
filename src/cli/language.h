// Which language a command speaks.
#pragma once

#include <string>

namespace bellwether::cli {

/// What `--lang` says, else LC_ALL, else LANG; as POSIX has it, an empty variable says nothing.
[[nodiscard]] std::string language_of(const std::string& given);

}  // namespace bellwether::cli
