#include "base/id.h"

namespace bellwether {

RequestId RequestId::make(Random& random) {
  constexpr std::string_view digits = "0123456789abcdef";
  RequestId id;
  id.text_ = {'r', 'e', 'q', '_'};
  for (std::size_t at = 4; at < id.text_.size(); at += 16) {
    std::uint64_t bits = random.next();
    for (std::size_t i = 0; i < 16; ++i, bits >>= 4) id.text_[at + i] = digits[bits & 15];
  }
  return id;
}

}  // namespace bellwether
