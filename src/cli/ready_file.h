// Tells whoever started us where we listen, once we do.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace bellwether::cli {

/// Writes {"schema":"bellwether.ready/1","pid","listen":[…],"admin"} so that nobody can read half of it. `admin` may be empty.
[[nodiscard]] Result<void> write_ready_file(const std::string& path, const std::vector<std::string>& listen, const std::string& admin);

}  // namespace bellwether::cli
