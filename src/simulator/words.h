// What the simulator says: the same words for the same seed and the same question.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bellwether::simulator {

/// Where an answer stands: so many words, and so many bytes of the next one.
struct Place {
  std::uint64_t index = 0;
  std::size_t bytes = 0;
  /// Words begun.
  [[nodiscard]] std::uint64_t tokens() const { return index + (bytes > 0 ? 1 : 0); }
  friend bool operator==(const Place&, const Place&) = default;
};

/// Words of one answer, one after the other; Korean, English and emoji, so that bytes and characters differ. Stateless by index.
class Words {
 public:
  Words(std::uint64_t seed, std::string_view question);
  /// The token at this place of the answer, JSON-safe, with the space before it.
  [[nodiscard]] std::string_view at(std::uint64_t index) const;
  /// The same as it is meant, without JSON's escapes.
  [[nodiscard]] std::string text(std::uint64_t index) const;
  /// Where `said` ends within the answer of `words_max` words; nothing if it is no beginning of it.
  [[nodiscard]] std::optional<Place> find_place(std::string_view said, std::uint64_t words_max) const;

 private:
  std::uint64_t state_;
};

/// How many tokens the simulator counts for a text: one for every four bytes, at least one.
[[nodiscard]] std::uint64_t tokens_of(std::string_view text);

}  // namespace bellwether::simulator
