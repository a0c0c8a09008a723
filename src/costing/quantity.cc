#include "costing/quantity.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

namespace bellwether::costing {
namespace {

constexpr std::int64_t nano_per_cent = 10'000'000;
constexpr std::int64_t nano_per_usd = 1'000'000'000;

Wide divide_rounded(Wide numerator, Wide denominator) {
  const bool negative = (numerator < 0) != (denominator < 0);
  const Wide n = numerator < 0 ? -numerator : numerator;
  const Wide d = denominator < 0 ? -denominator : denominator;
  const Wide quotient = n / d + (n % d >= d - n % d ? 1 : 0);
  return negative ? -quotient : quotient;
}

/// A decimal with `unit_scale` as what "1" stands for, exactly; nothing for signs, other characters, or what is finer than the scale.
std::optional<std::int64_t> parse_decimal(std::string_view text, std::int64_t unit_scale, std::int64_t max) {
  const std::size_t dot = text.find('.');
  const std::string_view integer = text.substr(0, dot);
  std::string_view fraction = dot == std::string_view::npos ? std::string_view{} : text.substr(dot + 1);
  if (integer.empty() || text.size() > 40 || (dot != std::string_view::npos && fraction.empty())) return std::nullopt;
  Wide value = 0;
  bool digit_before = false;
  for (const char c : integer) {
    if (c == '_' && digit_before) {
      digit_before = false;
      continue;
    }
    digit_before = c >= '0' && c <= '9';
    if (!digit_before) return std::nullopt;
    value = value * 10 + (c - '0');
    if (value > max) return std::nullopt;
  }
  if (!digit_before || integer.back() == '_') return std::nullopt;
  value *= unit_scale;
  std::int64_t place = unit_scale;
  while (fraction.ends_with('0')) fraction.remove_suffix(1);
  for (const char c : fraction) {
    if (c < '0' || c > '9' || place % 10 != 0) return std::nullopt;
    place /= 10;
    value += (c - '0') * place;
  }
  if (value > max) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

std::string trimmed(std::string decimal, std::size_t places_min) {
  const std::size_t dot = decimal.find('.');
  while (decimal.ends_with('0') && decimal.size() - dot - 1 > places_min) decimal.pop_back();
  if (decimal.ends_with('.')) decimal.pop_back();
  return decimal;
}

}  // namespace

Money to_money(Wide numerator, Wide denominator) {
  const Wide rounded = divide_rounded(numerator, denominator);
  if (rounded > std::numeric_limits<std::int64_t>::max() || rounded < -std::numeric_limits<std::int64_t>::max()) throw Overflow{};
  return {static_cast<std::int64_t>(rounded)};
}

Money operator+(Money left, Money right) { return to_money(Wide{left.nano_usd} + right.nano_usd); }
Money operator-(Money left, Money right) { return to_money(Wide{left.nano_usd} - right.nano_usd); }
Span operator+(const Span& left, const Span& right) { return {left.low + right.low, left.value + right.value, left.high + right.high}; }

std::optional<std::int64_t> tenths_of_percent(Money part, Money all) {
  if (all.nano_usd <= 0) return std::nullopt;
  constexpr Wide bound = 10'000'000;
  return static_cast<std::int64_t>(std::clamp(divide_rounded(Wide{part.nano_usd} * 1000, all.nano_usd), -bound, bound));
}

std::optional<std::int64_t> parse_tokens(std::string_view text) {
  std::int64_t scale = 1;
  if (!text.empty()) {
    switch (text.back()) {
      case 'k':
      case 'K': scale = 1'000; break;
      case 'm':
      case 'M': scale = 1'000'000; break;
      case 'b':
      case 'B':
      case 'g':
      case 'G': scale = 1'000'000'000; break;
      case 't':
      case 'T': scale = 1'000'000'000'000; break;
      default: break;
    }
    if (scale != 1) text.remove_suffix(1);
  }
  return parse_decimal(text, scale, tokens_max);
}

std::optional<Parts> parse_share(std::string_view text) {
  if (!text.ends_with('%')) return std::nullopt;
  return parse_decimal(text.substr(0, text.size() - 1), whole / 100, whole);
}

std::optional<Parts> parse_factor(std::string_view text) { return parse_decimal(text, whole, 1000 * whole); }

std::string to_short_decimal(Money amount) { return trimmed(to_decimal(amount), 2); }

std::string with_separators(std::int64_t number) {
  std::string digits = std::to_string(number);
  const std::size_t first = number < 0 ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) digits.insert(at -= 3, 1, ',');
  return digits;
}

std::string to_readable(Money amount) {
  const std::int64_t cents = static_cast<std::int64_t>(divide_rounded(amount.nano_usd, nano_per_cent));
  const std::int64_t size = cents < 0 ? -cents : cents;
  if (size >= 1'000'000) return with_separators(static_cast<std::int64_t>(divide_rounded(amount.nano_usd, nano_per_usd)));
  return fmt::format("{}{}.{:02}", cents < 0 ? "-" : "", with_separators(size / 100), size % 100);
}

namespace {

struct TokenUnit {
  std::int64_t scale;
  char letter;
};
constexpr std::array token_units{TokenUnit{1'000'000'000'000, 'T'}, TokenUnit{1'000'000'000, 'B'}, TokenUnit{1'000'000, 'M'}};

}  // namespace

std::string to_short_tokens(std::int64_t tokens) {
  for (const auto& [scale, letter] : token_units)
    if (tokens >= scale) {
      const std::size_t places = tokens >= 100 * scale ? 0 : tokens >= 10 * scale ? 1 : 2;
      const std::int64_t step = places == 0 ? scale : places == 1 ? scale / 10 : scale / 100;
      const std::int64_t steps = static_cast<std::int64_t>(divide_rounded(tokens, step)), whole_steps = scale / step;
      std::string text = with_separators(steps / whole_steps);
      if (places > 0) text = trimmed(fmt::format("{}.{:0{}}", text, steps % whole_steps, places), 0);
      return text + letter;
    }
  return with_separators(tokens);
}

std::string to_exact_tokens(std::int64_t tokens) {
  for (const auto& [scale, letter] : token_units)
    if (tokens >= scale && tokens % (scale / 100) == 0) return trimmed(fmt::format("{}.{:02}", tokens / scale, tokens % scale / (scale / 100)), 0) + letter;
  return with_separators(tokens);
}

std::string to_percent(std::int64_t tenths) {
  const std::int64_t size = tenths < 0 ? -tenths : tenths;
  return fmt::format("{}{}.{}", tenths < 0 ? "-" : "", size / 10, size % 10);
}

std::string share_to_percent(Parts share) { return trimmed(fmt::format("{}.{:04}", share / 10'000, share % 10'000), 0); }

}  // namespace bellwether::costing
