// The line that vLLM's engine prints every ten seconds, as a list of keys and values: its order and its keys changed from version to version.
// Pure; no allocation.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace bellwether::audit {

/// What one line says. Rates are tokens a second.
struct RatesLine {
  double prompt = 0, generation = 0;
  std::optional<std::uint32_t> running, waiting;
  std::optional<double> cache_usage_percent, prefix_hit_percent;
  bool is_v0 = false;  ///< It has `Swapped:` or `Pending:`.
};

enum class RatesTrouble : std::uint8_t { malformed, impossible };

struct RatesParsed {
  std::optional<RatesLine> line;
  RatesTrouble trouble = RatesTrouble::malformed;  ///< Where there is no line.
};

/// `text` begins with `Avg prompt throughput: ` or, as the Rust front end has it, `Avg prompt tput: `.
[[nodiscard]] RatesParsed parse_rates(std::string_view text);

[[nodiscard]] bool begins_rates(std::string_view text);

/// Which engine a line is of, by what stands before its rates: `… [loggers.py:123] Engine 000: `.
struct EngineName {
  std::string_view number;   ///< `000`; empty: the line names none.
  std::string_view process;  ///< `72` of `pid=72`; empty: the line names none.
  bool is_aggregate = false;
};
[[nodiscard]] EngineName engine_of(std::string_view prefix);

}  // namespace bellwether::audit
