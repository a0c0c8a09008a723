// Reads a TOML text into a Config, strictly. Pure but for secrets, which are looked up through the two functions given.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/config.h"

namespace bellwether::config {

/// One thing wrong with a config: where, what, and what to write instead.
struct Problem {
  std::string file;
  std::uint32_t line = 0;  ///< From 1; 0: no place in the file (a flag, an environment variable).
  std::uint32_t column = 0;
  std::string text;  ///< A sentence, with "did you mean" where there is something near. Never a secret.
};

/// "file:line:column: text".
[[nodiscard]] std::string to_text(const Problem& problem);

/// How `{ env = "X" }` and `{ file = "P" }` are resolved; tests give their own. Nothing: not set, or not readable.
struct SecretSource {
  std::function<std::optional<std::string>(const std::string& variable)> environment;
  std::function<std::optional<std::string>(const std::string& path)> file;
};

/// The process's environment and file system. Relative paths have been made relative to the config file's folder before.
[[nodiscard]] SecretSource system_secrets();

/// All problems at once, in the file's order, or a Config without any.
using ReadResult = std::variant<Config, std::vector<Problem>>;
[[nodiscard]] ReadResult read_config(std::string_view toml, std::string file, const SecretSource& secrets);

/// `--upstream URL` without a file: an upstream of this URL, whose dialect is found out later (`openai` until then). A URL without
/// a path gets /v1, where all dialects answer.
[[nodiscard]] std::variant<catalog::Upstream, Problem> upstream_from_url(std::string_view url, std::size_t ordinal);

/// "10s", "250ms", "2m", "1h": a number and a unit. "32MiB", "64KiB", "100B", "10MB".
[[nodiscard]] std::optional<Duration> parse_duration(std::string_view text);
[[nodiscard]] std::optional<std::uint64_t> parse_bytes(std::string_view text);
/// "20%": whole percent, at most 100.
[[nodiscard]] std::optional<std::uint32_t> parse_percent(std::string_view text);
[[nodiscard]] std::optional<ListenAddress> parse_listen(std::string_view text);
[[nodiscard]] std::optional<catalog::Url> parse_url(std::string_view text);

}  // namespace bellwether::config
