// What a run is to be judged by: `ttft.p99>500ms`, `errors.rate>1%`, as `--fail-if` takes it, and `ttft<500ms`, as `--goodput` does.
// Pure: text in, a rule out; a summary in, a verdict out.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "measuring/difference.h"
#include "measuring/summary.h"

namespace bellwether::measuring {

/// Of which endpoint a threshold speaks: the first; `against.`, the other; `difference.`, what the other has more.
enum class Of : std::uint8_t { first, against, difference };
enum class Compare : std::uint8_t { above, at_least, below, at_most };
enum class Statistic : std::uint8_t { mean, min, max, p50, p90, p95, p99 };
enum class Figure : std::uint8_t { time, error_rate, error_count, goodput_rate, requests_per_second, output_tokens_per_second };

/// Where the comparison holds, the threshold is missed.
struct Threshold {
  std::string text;
  Of of = Of::first;
  Figure figure = Figure::time;
  Metric metric = Metric::ttft;          ///< Of a time.
  Statistic statistic = Statistic::p50;  ///< Of a time.
  Compare compare = Compare::above;
  double bound = 0;  ///< Milliseconds, percent, or the number itself.
};

/// Fails with request_malformed and a sentence that names the nearest right word.
[[nodiscard]] Result<Threshold> parse_threshold(std::string_view text);
/// `ttft<500ms`, several with commas between.
[[nodiscard]] Result<std::vector<Goal>> parse_goals(std::string_view text);
/// "500ms", "1.5s", "250us", "2m" as milliseconds.
[[nodiscard]] std::optional<double> parse_milliseconds(std::string_view text);

/// What a run gave.
struct Outcome {
  std::vector<Summary> endpoints;                                               ///< One or two.
  std::array<std::optional<Difference>, metric_names.size()> differences = {};  ///< Of two.
};

struct Judgement {
  std::optional<double> value;  ///< Nothing: the run has no such figure.
  bool is_missed = true;        ///< A figure that is not there counts as missed: it cannot vouch for anything.
};
[[nodiscard]] Judgement judge(const Threshold& threshold, const Outcome& outcome);

}  // namespace bellwether::measuring
