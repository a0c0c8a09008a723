#include "cli/sim.h"
#include <CLI/CLI.hpp>
namespace bellwether::cli { void add_sim(CLI::App&, Action&) {} }
