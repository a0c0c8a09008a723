#include "importing/scalars.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "base/money.h"

namespace bellwether::importing {

std::optional<Milliseconds> seconds_of(const Yaml& value) {
  Yaml plain = value;
  plain.quoted = false;  // LiteLLM takes "600" as well.
  const auto seconds = plain.number();
  constexpr double year = 365.0 * 24 * 3600;
  if (!seconds || *seconds < 0.001 || *seconds > year) return std::nullopt;
  return Milliseconds(static_cast<std::int64_t>(std::ceil(*seconds * 1000 - 1e-6)));
}

std::optional<std::uint32_t> count_of(const Yaml& value, std::uint32_t min, std::uint32_t max) {
  const auto count = value.integer();
  if (!count || *count < min || *count > max) return std::nullopt;
  return static_cast<std::uint32_t>(*count);
}

std::optional<std::string> environment_reference(const Yaml& value) {
  constexpr std::string_view before = "os.environ/";
  if (!value.is_scalar() || !value.text.starts_with(before)) return std::nullopt;
  std::string name = value.text.substr(before.size());
  if (!is_variable_name(name)) return std::nullopt;
  return name;
}

std::optional<PricePerMillion> per_million(std::string_view text) {
  constexpr std::size_t text_bytes_max = 64;
  constexpr int exponent_max = 40, places = 9;
  if (text.size() > text_bytes_max) return std::nullopt;
  if (text.starts_with('+')) text.remove_prefix(1);
  const std::size_t e = text.find_first_of("eE");
  int exponent = 6;  // Per million.
  if (e != std::string_view::npos) {
    std::string_view power = text.substr(e + 1);
    if (power.starts_with('+')) power.remove_prefix(1);
    int given = 0;
    const auto [end, error] = std::from_chars(power.data(), power.data() + power.size(), given);
    if (power.empty() || error != std::errc{} || end != power.data() + power.size() || given > exponent_max || given < -exponent_max) return std::nullopt;
    exponent += given;
    text = text.substr(0, e);
  }
  std::string digits;
  bool seen_point = false;
  for (const char c : text) {
    if (c == '.' && !seen_point) seen_point = true;
    else if (c >= '0' && c <= '9') digits += c, exponent -= seen_point ? 1 : 0;
    else return std::nullopt;
  }
  if (digits.empty()) return std::nullopt;
  // The value is digits × 10^exponent; now with a point.
  bool exact = true;
  if (exponent > 0) digits.append(static_cast<std::size_t>(exponent), '0'), exponent = 0;
  if (exponent < -places) {
    const std::size_t dropped = static_cast<std::size_t>(-places - exponent);
    if (dropped > digits.size()) digits.insert(0, dropped - digits.size(), '0');
    exact = digits.find_first_not_of('0', digits.size() - dropped) == std::string::npos;
    digits.resize(digits.size() - dropped);
    exponent = -places;
    if (!exact) {
      std::size_t at = digits.size();
      while (at > 0 && digits[at - 1] == '9') digits[--at] = '0';
      if (at > 0) ++digits[at - 1];
      else digits.insert(0, 1, '1');
    }
  }
  const std::size_t fraction = static_cast<std::size_t>(-exponent);
  if (digits.size() <= fraction) digits.insert(0, fraction + 1 - digits.size(), '0');
  std::string usd = digits.substr(0, digits.size() - fraction);
  usd.erase(0, std::min(usd.find_first_not_of('0'), usd.size() - 1));
  std::string behind = digits.substr(digits.size() - fraction);
  while (behind.ends_with('0')) behind.pop_back();
  if (!behind.empty()) usd += "." + behind;
  if (!parse_money(usd)) return std::nullopt;
  return PricePerMillion{std::move(usd), exact};
}

std::optional<std::string> toml_value(const Yaml& value, std::size_t depth) {
  constexpr std::size_t depth_max = 24;  // config/ takes 32.
  if (depth == depth_max) return std::nullopt;
  if (value.is_list()) {
    std::string out = "[";
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      const auto item = toml_value(value.items[i], depth + 1);
      if (!item) return std::nullopt;
      out += (i > 0 ? ", " : "") + *item;
    }
    return out + "]";
  }
  if (value.is_map()) {
    std::string out = "{";
    for (const YamlMember& member : value.members) {
      const auto inner = toml_value(member.value, depth + 1);
      if (!inner) return std::nullopt;
      out += fmt::format("{} {} = {}", out.size() > 1 ? "," : "", toml_string(member.key), *inner);
    }
    return out + " }";
  }
  if (!value.is_scalar()) return std::nullopt;
  if (const auto boolean = value.boolean()) return *boolean ? "true" : "false";
  if (const auto integer = value.integer()) return std::to_string(*integer);
  if (const auto number = value.number()) {
    std::string text = fmt::format("{}", *number);
    if (text.find_first_of(".e") == std::string::npos) text += ".0";
    return text;
  }
  return toml_string(value.text);
}

}  // namespace bellwether::importing
