// What the simulator says: the same words for the same seed and the same question.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace bellwether::simulator {

/// Words of one answer, one after the other; Korean, English and emoji, so that bytes and characters differ. Stateless by index.
class Words {
 public:
  Words(std::uint64_t seed, std::string_view question);
  /// The token at this place of the answer, JSON-safe, with the space before it.
  [[nodiscard]] std::string_view at(std::uint64_t index) const;

 private:
  std::uint64_t state_;
};

/// How many tokens the simulator counts for a text: one for every four bytes, at least one.
[[nodiscard]] std::uint64_t tokens_of(std::string_view text);

}  // namespace bellwether::simulator
