// The arithmetic of costs: amounts of money at three points, tokens, shares, all in integers. Sums and products are made in 128
// bits and come back to 64 once, at the end.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/money.h"

namespace bellwether::costing {

__extension__ using Wide = __int128;

/// An amount beyond ±9.2 billion USD. Thrown where a sum comes back to 64 bits; `compare` turns it into a message.
struct Overflow {};

/// Parts of a million: shares, utilisation, discounts. 1'000'000 is the whole.
using Parts = std::int64_t;
inline constexpr Parts whole = 1'000'000;

/// An hour count that every provider's monthly price means: 365 × 24 / 12.
inline constexpr std::int64_t hours_of_month = 730;
inline constexpr std::int64_t seconds_of_month = hours_of_month * 3600;

/// Money at the low end, the middle and the high end of what is known.
struct Span {
  Money low, value, high;
  friend bool operator==(const Span&, const Span&) = default;
};

/// `numerator / denominator` rounded half away from zero. Throws Overflow.
[[nodiscard]] Money to_money(Wide numerator, Wide denominator = 1);
[[nodiscard]] Money operator+(Money left, Money right);
[[nodiscard]] Money operator-(Money left, Money right);
[[nodiscard]] Span operator+(const Span& left, const Span& right);

/// `part / all` in tenths of a per cent, half away from zero, within ±1,000,000.0 %. Nothing where `all` is not above zero.
[[nodiscard]] std::optional<std::int64_t> tenths_of_percent(Money part, Money all);

/// "100M", "1.5B", "250k", "42", also "1_000_000": tokens exactly, at most 10¹⁵. Nothing for anything else, fractions of a token included.
[[nodiscard]] std::optional<std::int64_t> parse_tokens(std::string_view text);
inline constexpr std::int64_t tokens_max = 1'000'000'000'000'000;

/// "56.3%" → 563'000. At most 100 %, four decimal places.
[[nodiscard]] std::optional<Parts> parse_share(std::string_view text);

/// "1.4" → 1'400'000: a plain factor with up to six decimal places, at most 1,000.
[[nodiscard]] std::optional<Parts> parse_factor(std::string_view text);

/// At least two decimal places and no more than it takes: "63.00", "0.0028".
[[nodiscard]] std::string to_short_decimal(Money amount);
/// Rounded to cents (to whole dollars from 10,000 on), with thousands separators: "1,234.50". For people.
[[nodiscard]] std::string to_readable(Money amount);
/// "100,000,000".
[[nodiscard]] std::string with_separators(std::int64_t number);
/// "100M", "1.53B": to three digits. For people.
[[nodiscard]] std::string to_short_tokens(std::int64_t tokens);
/// "100M" where that is exact, else "687,786,408". For formulas.
[[nodiscard]] std::string to_exact_tokens(std::int64_t tokens);
/// Tenths of a per cent as "87.4".
[[nodiscard]] std::string to_percent(std::int64_t tenths);
/// Parts of a million as "56.3".
[[nodiscard]] std::string share_to_percent(Parts share);

}  // namespace bellwether::costing
