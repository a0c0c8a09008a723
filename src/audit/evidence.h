// The kinds of evidence, best first, and what each adds up to in an hour. Between Tally, which fills cells, and reconcile, which weighs them.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "audit/reading.h"
#include "audit/report.h"

namespace bellwether::audit {

/// In the order in which they are believed (reference: domain of usage audits, §1.1).
enum class Kind : std::uint8_t { gateway, spend_log, usage_records, totals, counters, guide_lines, rates, engine_lines, access_lines };
inline constexpr std::size_t kind_count = 9;
inline constexpr std::array<std::string_view, kind_count> kind_names{"gateway log",           "LiteLLM spend log",    "usage records",
                                                                     "usage totals",          "metrics counters",     "guide's lines",
                                                                     "engine interval lines", "engine request lines", "access lines"};

/// How a rate of prompt tokens is to be read (vLLM 0.16 stopped counting cached ones).
enum class PromptRate : std::uint8_t { unknown, all, computed };

/// What one stream of evidence tells of one hour. Amounts are of tokens and requests.
struct Cell {
  double requests = 0, input = 0, cached = 0, output = 0;
  double input_scaled = 0;                         ///< Rates: the input, if what was printed lacks the cached tokens.
  double cached_guess = 0;                         ///< Rates: the input times the hit rate that was printed.
  double hits = 0, queries = 0;                    ///< Counters of the prefix cache, in whichever unit: their ratio is what counts.
  double input_variance = 0, output_variance = 0;  ///< Rates: of stamps of whole seconds and of rounding.
  double input_slack = 0, output_slack = 0;        ///< What may be missing: added to the upper bound.
  double missing_seconds = 0;                      ///< No evidence where there should be some.
  std::uint64_t minutes = 0;                       ///< A bit for each minute that was told of.
  std::uint64_t hash = 0;                          ///< Of everything told with a time, in any order.
  std::uint32_t told = 0;                          ///< How much `hash` holds.
  bool has_requests = false, has_input = false, has_cached = false, has_output = false;
};

/// One engine in one log, one series, one source of records.
struct Stream {
  Kind kind{};
  std::uint32_t group = 0;  ///< Of sources that tell of one process, one after the other.
  std::string engine;
  std::string model;
  PromptRate prompt_rate = PromptRate::unknown;
  bool is_aggregate = false;
  bool prints_when_idle = false;       ///< V0: where its lines are missing, it may have gone on.
  double told_seconds = 0;             ///< Rates: the time that its lines speak for.
  std::map<std::int64_t, Cell> hours;  ///< By the number of the hour in the chosen zone's phase.
  Cell untimed;
};

void add(Cell& sum, const Cell& part);
[[nodiscard]] Cell scaled(const Cell& cell, double by);

/// A cell's amounts with their bounds. The errors of one cell grow with its root, so that what is added should be added as cells.
[[nodiscard]] Quantities quantities_of(Kind kind, PromptRate meaning, const Cell& cell);

/// The minutes of an hour from the first to the last that was told of, or from its begin, or to its end.
[[nodiscard]] std::uint64_t stretch(std::uint64_t minutes, bool from_begin, bool to_end);

}  // namespace bellwether::audit
