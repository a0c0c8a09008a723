// `bellwether sim --history DIR`: traces of days that the simulator makes up, to try an audit on.
#pragma once

#include <string>

#include "simulator/simulator.h"

namespace bellwether::cli {

struct HistoryOptions {
  std::string folder;
  unsigned days = 14;
  std::string until;  ///< The local day at whose beginning it ends, YYYY-MM-DD; empty: today.
};

/// Writes a log for each day and hourly pages of /metrics; prints what an audit of them should find as JSON. Returns an exit code.
/// Throws CLI::ValidationError for a day that is none, std::runtime_error where a file cannot be written or the folder is not empty.
int write_history(const HistoryOptions& history, const simulator::Options& options);

}  // namespace bellwether::cli
