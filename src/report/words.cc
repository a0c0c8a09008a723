#include "report/words.h"

namespace bellwether::report {

const Words& words_for(std::string_view language) { return language.starts_with("ko") ? korean() : english(); }

std::string fill(std::string_view text, std::span<const std::string> figures) {
  // Not fmt's: a figure may be anything, and one that is missing is no reason to throw.
  std::string out;
  std::size_t next = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t close = text[i] == '{' ? text.find('}', i) : std::string_view::npos;
    if (close == std::string_view::npos || close > i + 2) {
      out += text[i];
      continue;
    }
    const std::size_t index = close == i + 1 ? next++ : static_cast<std::size_t>(text[i + 1] - '0');
    if (index < figures.size()) out += figures[index];
    i = close;
  }
  return out;
}

std::string fill(std::string_view text, std::initializer_list<std::string> figures) { return fill(text, std::span(figures.begin(), figures.size())); }

}  // namespace bellwether::report
