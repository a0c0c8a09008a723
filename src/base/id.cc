#include "base/id.h"

#include <array>
#include <cstring>
#include <string_view>

namespace bellwether {

namespace {

/// The two digits of each byte, one behind the other.
constexpr std::array<char, 512> make_byte_digits() {
  constexpr std::string_view digits = "0123456789abcdef";
  std::array<char, 512> table{};
  for (std::size_t byte = 0; byte < 256; ++byte) {
    table[byte * 2] = digits[byte >> 4];
    table[byte * 2 + 1] = digits[byte & 15];
  }
  return table;
}
constexpr std::array<char, 512> byte_digits = make_byte_digits();

}  // namespace

RequestId RequestId::make(Random& random) {
  RequestId id;
  id.text_ = {'r', 'e', 'q', '_'};
  for (std::size_t at = 4; at < id.text_.size(); at += 16) {
    std::uint64_t bits = random.next();
    for (std::size_t i = 0; i < 16; i += 2, bits >>= 8) std::memcpy(&id.text_[at + i], &byte_digits[(bits & 255) * 2], 2);
  }
  return id;
}

}  // namespace bellwether
