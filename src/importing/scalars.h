// Values of a foreign config in the forms that ours takes. Nothing where there is no such form.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "importing/draft.h"
#include "importing/yaml.h"

namespace bellwether::importing {

/// Seconds, as a number or a text of one, to whole milliseconds: at least one, at most a year.
[[nodiscard]] std::optional<Milliseconds> seconds_of(const Yaml& value);

/// An integer within bounds.
[[nodiscard]] std::optional<std::uint32_t> count_of(const Yaml& value, std::uint32_t min, std::uint32_t max);

/// "os.environ/NAME" → NAME. Nothing for any other text, or a name that no shell can set.
[[nodiscard]] std::optional<std::string> environment_reference(const Yaml& value);

struct PricePerMillion {
  std::string usd;  ///< With at most nine decimal places.
  bool exact;       ///< False: rounded up to them.
};
/// USD per token (`4.2e-07`) to USD per million tokens (`0.42`), digit by digit.
[[nodiscard]] std::optional<PricePerMillion> per_million(std::string_view usd_per_token);

/// A TOML value of the same meaning. Nothing for null, infinities, and nesting beyond what config/ turns into JSON.
[[nodiscard]] std::optional<std::string> toml_value(const Yaml& value, std::size_t depth = 0);

}  // namespace bellwether::importing
