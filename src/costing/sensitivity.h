// Which inputs move the answer most: one at a time goes to the ends of its range, all others stay in the middle.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "costing/question.h"

namespace bellwether::costing {

enum class Input : std::uint8_t {
  volume,
  cached_share,
  output_share,
  stated_cost,
  rent,
  purchase,
  residual,
  node_speed,
  staff,
  electricity,
  hosted_price,
  peak_hours,
  exchange_rate,
};
[[nodiscard]] std::string_view to_text(Input input);

struct Swing {
  Input input;
  std::string low, high;          ///< The two ends tried, e.g. "50M" and "300M".
  Money saving_low, saving_high;  ///< What is saved a month at these ends.
  [[nodiscard]] Money width() const;
};

/// Widest first; inputs that move nothing are left out. Throws Overflow.
[[nodiscard]] std::vector<Swing> swings(const Question& question, const Candidate& candidate);

}  // namespace bellwether::costing
