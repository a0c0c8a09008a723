#include "base/money.h"

#include <fmt/format.h>

namespace bellwether {
namespace {

constexpr std::size_t decimals_max = 9;
constexpr std::int64_t nano_per_usd = 1'000'000'000;

}  // namespace

std::optional<Money> parse_money(std::string_view decimal) {
  const std::size_t dot = decimal.find('.');
  const std::string_view whole = decimal.substr(0, dot);
  const std::string_view fraction = dot == std::string_view::npos ? std::string_view{} : decimal.substr(dot + 1);
  if (whole.empty() || (dot != std::string_view::npos && fraction.empty()) || fraction.size() > decimals_max) return std::nullopt;

  std::int64_t nano = 0;
  const auto append = [&nano](char digit) {
    return digit >= '0' && digit <= '9' && !__builtin_mul_overflow(nano, 10, &nano) && !__builtin_add_overflow(nano, digit - '0', &nano);
  };
  for (const char digit : whole)
    if (!append(digit)) return std::nullopt;
  for (std::size_t i = 0; i < decimals_max; ++i)
    if (!append(i < fraction.size() ? fraction[i] : '0')) return std::nullopt;
  return Money{nano};
}

std::string to_decimal(Money amount) {
  // In unsigned arithmetic, because the most negative amount has no positive twin.
  const bool negative = amount.nano_usd < 0;
  const std::uint64_t nano = negative ? 0 - static_cast<std::uint64_t>(amount.nano_usd) : static_cast<std::uint64_t>(amount.nano_usd);
  return fmt::format("{}{}.{:09}", negative ? "-" : "", nano / nano_per_usd, nano % nano_per_usd);
}

}  // namespace bellwether
