// A past that never was: the log and the metrics pages that the vLLM flavour would have written, had it served so for days. Pure: time is counted, not waited
// for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "simulator/flavor.h"
#include "simulator/stats_line.h"

namespace bellwether::simulator {

/// What was served: what an audit of the traces should find.
struct Served {
  std::uint64_t requests = 0;  ///< Answered with 200; those whose caller went away are among them.
  std::uint64_t failed = 0;    ///< Answered with 400.
  std::uint64_t aborted = 0;
  std::uint64_t input_tokens = 0, cached_input_tokens = 0, output_tokens = 0;
};

/// Ten seconds a step. A working day in local time: busy from 9 to 18 o'clock, less until 23, silent until 7, a third of it at weekends.
/// Used by one thread.
class History {
 public:
  static constexpr Duration step_length = std::chrono::seconds(10);

  /// The same words for the same three, in the same time zone.
  History(WallTime begin, std::string model, std::uint64_t seed);

  /// Appends the lines of the next step to `log`, each with its line break. `arriving`: requests still come in it.
  void step(std::string& log, bool arriving = true);

  [[nodiscard]] WallTime now() const { return now_; }
  /// Nobody is being answered.
  [[nodiscard]] bool idle() const { return active_.empty(); }
  [[nodiscard]] const Served& served() const { return served_; }
  /// The page of /metrics as it is now.
  [[nodiscard]] std::string page() const;

 private:
  struct Active {
    std::uint64_t tokens_left;
    bool aborted;
  };
  void arrive(std::string& log);
  void generate(std::string& log);
  [[nodiscard]] unsigned busy_percent() const;
  [[nodiscard]] std::uint64_t between(std::uint64_t low, std::uint64_t high) { return low + random_.below(high - low + 1); }

  Random random_;
  WallTime begin_, now_;
  std::string model_;
  StatsLine stats_;
  Totals totals_;
  Served served_;
  std::vector<Active> active_;
  std::uint64_t steps_ = 0;
};

}  // namespace bellwether::simulator
