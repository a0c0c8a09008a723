// What tokens cost. This version reads and checks prices; charging comes with the ledger.
#pragma once

#include <optional>

#include "base/money.h"

namespace bellwether::metering {

/// Per million tokens. `cached_input` falls back to `input` where a model has no price of its own for it.
struct Price {
  Money input;
  std::optional<Money> cached_input;
  Money output;
  friend bool operator==(const Price&, const Price&) = default;
};

}  // namespace bellwether::metering
