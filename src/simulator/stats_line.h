// The lines of a vLLM's log: what its engine writes about itself every ten seconds while there is something to tell (wire.md §A.1.2), and its server of each
// request.
#pragma once

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "simulator/flavor.h"

namespace bellwether::simulator {

/// The process's local time: what vLLM's logger tells, and what people sleep by.
[[nodiscard]] std::tm local_time(WallTime time);

/// The line of uvicorn, which vLLM's server writes for each request, without its line break. `peer` is an address and a port, `request` method and path.
[[nodiscard]] std::string access_line(std::string_view peer, std::string_view request, int status);

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
