// The command line: one file per subcommand, each a row in the table in cli.cc. Standard output carries data, standard error talks.
#pragma once

namespace bellwether::cli {

/// What scripts rely on (PRODUCT.md §4).
enum ExitCode : int {
  exit_ok = 0,
  exit_failed = 1,
  exit_usage = 2,
  exit_invalid = 3,
  exit_not_authorised = 4,
  exit_upstream_unreachable = 5,
  exit_partly_done = 6,
  exit_threshold_missed = 99,
  exit_interrupted = 130,
};

[[nodiscard]] int run(int argc, char** argv);

}  // namespace bellwether::cli
