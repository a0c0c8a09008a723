// What an import says about each field that it met, and what comes of the whole. Values.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace bellwether::importing {

/// Where something stands in the text that was read.
struct Place {
  std::uint32_t line = 0;  ///< From 1; 0: no place (a word of the command line).
  std::uint32_t column = 0;
  friend bool operator==(const Place&, const Place&) = default;
};

enum class Verdict : std::uint8_t {
  exact,        ///< It means the same here, or needs nothing.
  approximate,  ///< It is in the config, and something differs: the text says what.
  manual,       ///< The user has to do something: the text says what.
  unsupported,  ///< Left out: the text says why.
};
inline constexpr std::array<std::string_view, 4> verdict_names{"exact", "approximate", "manual", "unsupported"};

[[nodiscard]] constexpr std::string_view name_of(Verdict verdict) { return verdict_names[static_cast<std::size_t>(verdict)]; }

struct Finding {
  std::string field;  ///< "model_list[0].litellm_params.api_base", "--max-num-seqs".
  Place at;
  Verdict verdict = Verdict::exact;
  std::string text;  ///< A sentence without a full stop. Never a secret.
};

struct Imported {
  std::string toml;                    ///< A config that `bellwether check` accepts once its secrets are set. Empty: the findings say why there is none.
  std::vector<Finding> findings;       ///< In the order of the text.
  std::vector<std::string> advice;     ///< What would serve the user and is no field: flags to add.
  std::vector<std::string> variables;  ///< Environment variables that the config's secrets refer to.
};

/// Why nothing could be imported at all.
struct Trouble {
  Place at;
  std::string text;
};

using Outcome = std::expected<Imported, Trouble>;

[[nodiscard]] inline std::unexpected<Trouble> trouble(Place at, std::string text) { return std::unexpected(Trouble{at, std::move(text)}); }

}  // namespace bellwether::importing
