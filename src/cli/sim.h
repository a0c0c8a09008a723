// The subcommand `sim`.
#pragma once

#include "cli/verbs.h"

namespace bellwether::cli {

void add_sim(CLI::App& app, Action& chosen);

}  // namespace bellwether::cli
