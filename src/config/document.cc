#include "config/document.h"

#include <fmt/format.h>

#include <optional>

namespace bellwether::config {
namespace {

constexpr std::size_t file_bytes_max = std::size_t{4} << 20;

struct BadCharacter {
  std::uint32_t line, column;
};

/// The first character outside of strings and comments that is no printable ASCII, tab or end of line. TOML allows none there
/// (v1.0.0, "Keys"), and toml++ 3.3 has undefined behaviour on some of them (its generated tables assume what they should check).
std::optional<BadCharacter> find_bad_character(std::string_view toml) {
  enum class In { plain, comment, string };
  if (toml.starts_with("\xEF\xBB\xBF")) toml.remove_prefix(3);
  In in = In::plain;
  std::string_view quote;  // What ends the string that we are in.
  BadCharacter at{.line = 1, .column = 0};
  for (std::size_t i = 0; i < toml.size(); ++i) {
    const char c = toml[i];
    const bool continues = (static_cast<unsigned char>(c) & 0xC0) == 0x80;
    if (!continues) ++at.column;
    if (c == '\n') {
      ++at.line;
      at.column = 0;
      if (in == In::comment || quote.size() == 1) in = In::plain, quote = {};
    } else if (in == In::string) {
      if (c == '\\' && quote.front() == '"') {
        if (i + 1 < toml.size() && toml[i + 1] != '\n') ++i, ++at.column;
      } else if (toml.substr(i).starts_with(quote)) {
        i += quote.size() - 1;
        at.column += static_cast<std::uint32_t>(quote.size() - 1);
        // Two more of the same may belong to the text of a string of three: they end it one by one.
        for (int extra = 0; quote.size() == 3 && extra < 2 && i + 1 < toml.size() && toml[i + 1] == c; ++extra) ++i, ++at.column;
        in = In::plain, quote = {};
      }
    } else if (in == In::plain) {
      if (c == '#') {
        in = In::comment;
      } else if (c == '"' || c == '\'') {
        const std::string_view three = c == '"' ? R"(""")" : "'''";
        quote = toml.substr(i).starts_with(three) ? three : three.substr(0, 1);
        in = In::string;
        i += quote.size() - 1;
        at.column += static_cast<std::uint32_t>(quote.size() - 1);
      } else if ((c < ' ' && c != '\t' && c != '\r') || c > '~') {
        return at;
      }
    }
  }
  return std::nullopt;
}

}  // namespace

Problem broken_document(const std::string& file) { return {.file = file, .text = "the file is no TOML: some key, or the name in some [table], is malformed"}; }

std::variant<toml::table, Problem> parse_document(std::string_view toml, const std::string& file) {
  if (toml.size() > file_bytes_max)
    return Problem{.file = file, .text = fmt::format("the file has {} bytes; at most {} are read", toml.size(), file_bytes_max)};
  if (const std::optional<BadCharacter> bad = find_bad_character(toml))
    return Problem{.file = file,
                   .line = bad->line,
                   .column = bad->column,
                   .text =
                       "a character outside of quotes that TOML does not know there; put models' names and values that are not plain ASCII in quotes (names of "
                       "upstreams are ASCII)"};
  try {
    return toml::parse(toml, file);
  } catch (const toml::parse_error& error) {
    return Problem{.file = file, .line = error.source().begin.line, .column = error.source().begin.column, .text = std::string(error.description())};
  } catch (const BrokenToml&) {
    return broken_document(file);
  }
}

}  // namespace bellwether::config
