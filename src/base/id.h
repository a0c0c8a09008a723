// Request ids: ours, unique, and short enough for a header and a log line.
#pragma once

#include <array>
#include <string_view>

#include "base/random.h"

namespace bellwether {

/// "req_" and 32 hex digits: 128 random bits, so that two gateways never meet. A value.
class RequestId {
 public:
  [[nodiscard]] static RequestId make(Random& random);
  [[nodiscard]] std::string_view text() const { return {text_.data(), text_.size()}; }

 private:
  std::array<char, 36> text_{};
};

}  // namespace bellwether
