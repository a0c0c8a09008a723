#include "audit/evidence.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace bellwether::audit {
namespace {

// What integration costs at best: missed ticks, tokens that straddle two lines (measured, reference §1.2).
constexpr double integration_error = 0.005;
// Rounding and whole-second stamps are independent from line to line: three standard deviations.
constexpr double deviations = 3;

Figure exact(double value, double slack) { return {value, value, value + slack, Basis::counted}; }

Figure integrated(double value, double variance, double slack) {
  const double error = std::max(integration_error * value, deviations * std::sqrt(variance));
  return {value, std::max(0.0, value - error), value + error + slack, Basis::integrated};
}

/// The input of interval lines, by what their version prints.
Figure input_of_rates(PromptRate meaning, const Cell& cell) {
  const Figure printed = integrated(cell.input, cell.input_variance, cell.input_slack);
  if (meaning == PromptRate::all || cell.input_scaled <= cell.input) return printed;
  const double ratio = cell.input > 0 ? cell.input_scaled / cell.input : 1;
  const Figure scaled{printed.value * ratio, printed.low * ratio, printed.high * ratio, Basis::estimated};
  // Computed tokens alone were printed: what was cached follows from a hit rate over another stretch of time.
  if (meaning == PromptRate::computed) return {scaled.value, printed.low, scaled.high, Basis::estimated};
  return {printed.value, printed.low, scaled.high, Basis::estimated};
}

Figure cached_of_rates(PromptRate meaning, const Cell& cell) {
  if (cell.cached_guess <= 0) return {};
  const double guess = meaning == PromptRate::computed ? cell.input_scaled - cell.input : cell.cached_guess;
  return {guess, 0, meaning == PromptRate::all ? cell.input : std::max(cell.input, cell.input_scaled), Basis::estimated};
}

}  // namespace

void add(Cell& sum, const Cell& part) {
  sum.requests += part.requests;
  sum.input += part.input;
  sum.cached += part.cached;
  sum.output += part.output;
  sum.input_scaled += part.input_scaled;
  sum.cached_guess += part.cached_guess;
  sum.hits += part.hits;
  sum.queries += part.queries;
  sum.input_variance += part.input_variance;
  sum.output_variance += part.output_variance;
  sum.input_slack += part.input_slack;
  sum.output_slack += part.output_slack;
  sum.missing_seconds += part.missing_seconds;
  sum.minutes |= part.minutes;
  sum.hash += part.hash;
  sum.told += part.told;
  sum.has_requests |= part.has_requests;
  sum.has_input |= part.has_input;
  sum.has_cached |= part.has_cached;
  sum.has_output |= part.has_output;
}

Cell scaled(const Cell& cell, double by) {
  Cell part = cell;
  for (double* amount : {&part.requests, &part.input, &part.cached, &part.output, &part.input_scaled, &part.cached_guess, &part.hits, &part.queries,
                         &part.input_variance, &part.output_variance, &part.input_slack, &part.output_slack, &part.missing_seconds})
    *amount *= by;
  return part;
}

Quantities quantities_of(Kind kind, PromptRate meaning, const Cell& cell) {
  Quantities out;
  if (cell.has_requests) out[Quantity::requests] = exact(cell.requests, 0);
  if (kind == Kind::rates) {
    if (cell.has_input) out[Quantity::input] = input_of_rates(meaning, cell);
    if (cell.has_input) out[Quantity::cached] = cached_of_rates(meaning, cell);
    if (cell.has_output) out[Quantity::output] = integrated(cell.output, cell.output_variance, cell.output_slack);
    return out;
  }
  if (cell.has_input) out[Quantity::input] = exact(cell.input, cell.input_slack);
  if (cell.has_output) out[Quantity::output] = exact(cell.output, cell.output_slack);
  if (cell.has_cached) {
    out[Quantity::cached] = exact(cell.cached, 0);
  } else if (cell.queries > 0 && cell.has_input) {
    // Blocks up to 0.8.5, tokens since: the share of hits is the same in both.
    const double cached = cell.input * std::min(1.0, cell.hits / cell.queries);
    out[Quantity::cached] = {cached, cached * 0.98, std::min(cell.input, cached * 1.02), Basis::estimated};
  }
  return out;
}

std::uint64_t stretch(std::uint64_t minutes, bool from_begin, bool to_end) {
  constexpr std::uint64_t hour = (std::uint64_t{1} << 60) - 1;
  if (minutes == 0) return from_begin && to_end ? hour : 0;
  const int first = from_begin ? 0 : std::countr_zero(minutes);
  const int last = to_end ? 59 : 63 - std::countl_zero(minutes);
  return (hour >> (59 - (last - first))) << first;
}

}  // namespace bellwether::audit
