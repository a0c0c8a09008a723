#include "json/elements.h"

#include <cstddef>

namespace bellwether::json {
namespace {

constexpr std::string_view white = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(white);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(white) - begin + 1);
}

}  // namespace

std::vector<std::string_view> elements(std::string_view raw) {
  std::vector<std::string_view> found;
  raw = trimmed(raw);
  if (!raw.starts_with('[')) return found;
  std::size_t depth = 0, begin = 1;
  bool in_string = false;
  for (std::size_t at = 0; at < raw.size(); ++at) {
    const char c = raw[at];
    if (in_string) {
      if (c == '\\') ++at;
      else if (c == '"') in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    else if (c == '[' || c == '{') ++depth;
    else if (c == ']' || c == '}') --depth;
    const bool closes = depth == 0;
    if (!closes && !(depth == 1 && c == ',')) continue;
    const std::string_view element = trimmed(raw.substr(begin, at - begin));
    if (!element.empty()) found.push_back(element);
    begin = at + 1;
    if (closes) return found;
  }
  return {};
}

}  // namespace bellwether::json
