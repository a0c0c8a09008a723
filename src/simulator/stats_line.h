// The line that vLLM's engine writes about itself every ten seconds while there is something to tell (wire.md §A.1.2).
#pragma once

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>

#include "base/time.h"
#include "simulator/flavor.h"

namespace bellwether::simulator {

/// The process's local time: what vLLM's logger tells, and what people sleep by.
[[nodiscard]] std::tm local_time(WallTime time);

/// Knows what the last line said. One for a simulator; used by one thread.
class StatsLine {
 public:
  /// The line of V1 as 0.8.3 to 0.11.0 have it, without its line break, for what was served in the `elapsed` time since the last call.
  /// Nothing where neither this stretch nor the one before saw a token: after work exactly one line of zeros comes, then silence.
  [[nodiscard]] std::optional<std::string> next(const Totals& totals, Duration elapsed, WallTime now);

 private:
  std::uint64_t prompt_tokens_ = 0, completion_tokens_ = 0;
  bool told_ = false;  ///< The last stretch had tokens.
};

}  // namespace bellwether::simulator
