// Words of a command line as a shell, systemd or compose would make them of a text, with the place of each and what stood for a variable. Pure.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "importing/finding.h"

namespace bellwether::importing {

/// One word of a command line.
struct Word {
  std::string text;
  Place at;
  std::vector<std::string> unknown;  ///< Variables and specifiers in it that nobody gave a value: they stay in `text` as they were written.
  std::string variable;              ///< The name, where the word is (or ends in `=` and then is) one variable and nothing else.
};

/// Whose rules the text follows.
enum class Quoting : std::uint8_t {
  shell,    ///< POSIX: ' " \ and comments; $X and ${X:-default} outside of '…'.
  systemd,  ///< systemd.service(5): ' " \ with C escapes, ${X} in words, $X as a word of its own is split, %% is %.
  compose,  ///< Compose: a shell's quotes, with ${X}, ${X:-default} and $$.
};

using Variables = std::map<std::string, std::string, std::less<>>;

/// Splits `text`, whose first byte stands at `from`. Fails at a quote that does not end. At most 10,000 words.
[[nodiscard]] std::expected<std::vector<Word>, Trouble> split_words(std::string_view text, Quoting quoting, const Variables& variables, Place from);

/// A list's item of compose: variables, but no quotes and one word.
[[nodiscard]] Word one_word(std::string_view text, const Variables& variables, Place at);

}  // namespace bellwether::importing
