// A systemd unit, as far as it starts a vLLM (systemd.syntax(7), systemd.exec(5)).
#include <fmt/format.h>

#include <algorithm>

#include "importing/launch.h"

namespace bellwether::importing {
namespace {

struct Entry {
  std::string name, value;  ///< The value with its line ends, so that places in it are right.
  Place at, value_at;
};

std::string_view trimmed(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

/// The entries of [Service]. A line that ends in `\` goes on; comments between such lines are skipped.
std::vector<Entry> entries_of(std::string_view unit) {
  std::vector<Entry> entries;
  bool in_service = false, goes_on = false;
  std::uint32_t line = 0;
  for (std::size_t at = 0; at < unit.size();) {
    const std::size_t end = std::min(unit.find('\n', at), unit.size());
    std::string_view text = unit.substr(at, end - at);
    at = end + 1;
    ++line;
    const std::string_view bare = trimmed(text);
    const bool comment = bare.starts_with('#') || bare.starts_with(';');
    if (goes_on && comment) {
      if (in_service) entries.back().value += '\n';
      continue;
    }
    if (!goes_on && (bare.empty() || comment)) continue;
    if (!goes_on && bare.starts_with('[')) {
      in_service = bare == "[Service]";
      continue;
    }
    const bool continued = bare.ends_with('\\');
    if (text.ends_with('\r')) text.remove_suffix(1);
    const std::size_t backslash = text.rfind('\\');
    const std::string part = continued ? std::string(text.substr(0, backslash)) + " \n" : std::string(text);
    if (goes_on) {
      if (in_service) entries.back().value += part;
    } else if (in_service) {
      const std::size_t equals = part.find('=');
      const std::size_t start = std::min(part.find_first_not_of(" \t"), part.size());
      Entry entry{
          .name = std::string(trimmed(part.substr(0, equals))), .value = {}, .at = {line, static_cast<std::uint32_t>(start) + 1}, .value_at = {line, 1}};
      if (equals != std::string::npos) {
        entry.value = part.substr(equals + 1);
        entry.value_at.column = static_cast<std::uint32_t>(equals) + 2;
      }
      entries.push_back(std::move(entry));
    }
    goes_on = continued;
  }
  return entries;
}

}  // namespace

std::expected<Launch, Trouble> launch_from_systemd(std::string_view unit) {
  constexpr std::size_t unit_bytes_max = std::size_t{1} << 20;
  if (unit.size() > unit_bytes_max) return trouble({}, fmt::format("the file has {} bytes; a unit has at most {}", unit.size(), unit_bytes_max));
  const std::vector<Entry> entries = entries_of(unit);
  Variables variables;
  std::vector<Setting> environment;
  std::vector<Finding> findings;
  for (const Entry& entry : entries) {
    if (entry.name == "EnvironmentFile")
      findings.push_back(
          {"EnvironmentFile", entry.at, Verdict::manual,
           "it is not read: what its variables say of the flags below has to be written by hand, and its VLLM_API_KEY, if any, set for Bellwether"});
    if (entry.name != "Environment" && entry.name != "PassEnvironment") continue;
    auto words = split_words(entry.value, Quoting::systemd, {}, entry.value_at);
    if (!words) return std::unexpected(words.error());
    if (words->empty()) variables.clear(), environment.clear();  // An empty assignment resets.
    for (const Word& word : *words) {
      const std::size_t equals = word.text.find('=');
      environment.push_back({word.text.substr(0, equals), word.at});
      if (equals != std::string::npos) variables[word.text.substr(0, equals)] = word.text.substr(equals + 1);
    }
  }
  std::optional<Trouble> last;
  for (const Entry& entry : entries) {
    if (entry.name != "ExecStart") continue;
    auto words = split_words(entry.value, Quoting::systemd, variables, entry.value_at);
    if (!words) return std::unexpected(words.error());
    if (words->empty()) continue;
    std::string& program = words->front().text;
    const bool named = program.find('@') < program.find('/');
    program.erase(0, std::min(program.find_first_not_of("@-:+!|"), program.size()));
    if (named && words->size() > 1) words->erase(words->begin() + 1);  // `@`: the next word is what the program is told its name is.
    auto launch = launch_from_words(*std::move(words));
    if (!launch) {
      last = launch.error();
      continue;
    }
    launch->environment.insert(launch->environment.begin(), environment.begin(), environment.end());
    launch->findings.insert(launch->findings.begin(), findings.begin(), findings.end());
    return launch;
  }
  return std::unexpected(last.value_or(Trouble{{}, "there is no ExecStart in a [Service] section"}));
}

}  // namespace bellwether::importing
