// How each figure of a comparison was made: a formula in figures, and where its parts come from.
#pragma once

#include <string>
#include <vector>

#include "costing/comparison.h"

namespace bellwether::costing {

struct Explanation {
  std::string figure;   ///< As the JSON names it: "self_hosted.rent", "candidates.deepseek/deepseek-flash".
  std::string formula;  ///< In figures and units.
  std::string value;    ///< With its unit.
  std::string source;   ///< Flag, file, audit row, price list entry with its date.
};

[[nodiscard]] std::vector<Explanation> explain(const Comparison& comparison);

}  // namespace bellwether::costing
