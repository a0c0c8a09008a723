// What a month of serving it oneself costs, line by line, each with the formula that made it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "costing/question.h"

namespace bellwether::costing {

enum class LineKind : std::uint8_t { stated, rent, purchase, power, colocation, other, staff };

struct CostLine {
  LineKind kind;
  Span monthly;
  std::string formula;  ///< In figures and units, the same in every language.
};

/// Which nodes are paid for, and why so many.
struct Nodes {
  std::int64_t stated = 0;
  std::int64_t for_load = 0;     ///< 0: the node's speed is not known.
  std::int64_t for_weights = 0;  ///< 0: weights or memory are not known.
  std::int64_t spares = 0;
  std::int64_t paid = 0;
  /// Tokens a month that the paid nodes without the spares serve at the planned utilisation. Nothing: speed not known.
  std::optional<std::int64_t> capacity;
};

struct OwnSide {
  std::vector<CostLine> lines;
  Span monthly;
  Nodes nodes;
};

/// `load` is the tokens of the month; the peak decides how many nodes where it is known.
[[nodiscard]] Nodes nodes_for(const Scenario& scenario, std::int64_t load, std::optional<std::int64_t> peak_tokens_per_second);
/// Throws Overflow.
[[nodiscard]] OwnSide own_side(const Question& question);
/// The same with so many nodes besides the spares.
[[nodiscard]] OwnSide own_side(const Scenario& scenario, const Nodes& nodes, const std::optional<ExchangeRate>& rate);

}  // namespace bellwether::costing
