// What must be said beside the figures: a scenario that cannot be, a doubtful figure, what was not known. Told as a kind with its figures;
// report/ has the words in each language.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bellwether::costing {

enum class Severity : std::uint8_t { cannot_be, doubtful, note };

enum class FindingKind : std::uint8_t {
  weights_do_not_fit,      // model, precision, weights, gpus, gpu, memory, nodes that hold them
  weights_barely_fit,      // model, precision, weights, memory
  reference_does_not_fit,  // model, precision, weights, memory of 8 × 80 GB
  other_precision,         // precision
  stated_below_rent,       // the formula, its result, the stated figure, its share in %, GPU-hours that it buys, GPU-hours of a month
  too_many_tokens,         // load and peak in tokens/s, stated nodes, nodes counted
  speed_not_known,
  idle,  // tokens/s, tokens/s of the nodes, idle %
  cached_not_known,
  no_cached_price,  // candidate
  hours_not_known,
  price_unchecked,  // candidate, date, days
  price_expired,    // candidate, date
  rate_old,         // rate, date, days
  sunk,
  no_spare,
  volume_stated,
};

struct Finding {
  FindingKind kind;
  Severity severity;
  std::vector<std::string> figures;
};

[[nodiscard]] std::string_view to_text(Severity severity);
/// In snake case, for JSON.
[[nodiscard]] std::string_view to_text(FindingKind kind);

struct Comparison;
/// Everything there is to say about a finished comparison, the worst first.
[[nodiscard]] std::vector<Finding> find_findings(const Comparison& comparison);

}  // namespace bellwether::costing
