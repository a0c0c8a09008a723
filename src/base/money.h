// Money as an integer: nano-dollars, 10⁻⁹ USD, in 64 bits. No floating point ever touches it.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bellwether {

/// An amount in nano-dollars; up to ±9.2 billion USD.
struct Money {
  std::int64_t nano_usd = 0;
  friend constexpr auto operator<=>(Money, Money) = default;
};

/// Reads a decimal string such as "0.42" or "5" exactly. Nothing for anything else: signs, exponents, spaces, more than
/// nine decimal places, or an amount that does not fit.
[[nodiscard]] std::optional<Money> parse_money(std::string_view decimal);

/// Nine decimal places, e.g. "5.000000000".
[[nodiscard]] std::string to_decimal(Money amount);

}  // namespace bellwether
