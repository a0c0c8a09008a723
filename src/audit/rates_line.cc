#include "audit/rates_line.h"

#include <array>
#include <cstring>

namespace bellwether::audit {
namespace {

constexpr std::string_view prompt_key = "Avg prompt throughput: ";
constexpr std::string_view prompt_key_short = "Avg prompt tput: ";
constexpr std::string_view generation_key = ", Avg generation throughput: ";
constexpr std::string_view generation_key_short = ", Avg gen tput: ";
// Beyond any engine by two orders of magnitude: whole racks do some 100,000 a second.
constexpr double rate_max = 1e7;
constexpr double requests_max = 1e6;
constexpr std::array<double, 10> powers{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};

bool is_digit(char c) { return static_cast<unsigned char>(c - '0') <= 9; }

struct Number {
  enum class Kind : std::uint8_t { none, impossible, good } kind = Kind::none;
  double value = 0;
};

/// Takes a number off the front. What is negative, not finite or of more than 15 digits is taken and called impossible.
Number take_number(std::string_view& text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.starts_with("nan") || text.starts_with("inf")) {
    text.remove_prefix(3);
    return {Number::Kind::impossible};
  }
  const char* at = text.data();
  const char* const end = at + text.size();
  const char* const begin = at;
  std::uint64_t digits = 0;
  unsigned count = 0, fraction = 0;
  for (; at != end && is_digit(*at); ++at, ++count) digits = count < 15 ? digits * 10 + static_cast<unsigned>(*at - '0') : digits;
  const bool has_whole = at != begin;
  if (has_whole && at + 1 < end && *at == '.' && is_digit(at[1])) {
    ++at;
    for (; at != end && is_digit(*at); ++at)
      if (fraction < 9 && count < 15) digits = digits * 10 + static_cast<unsigned>(*at - '0'), ++fraction, ++count;
  }
  text.remove_prefix(static_cast<std::size_t>(at - begin));
  if (!has_whole) return {};
  const bool huge = (at != end && (*at == 'e' || *at == 'E')) || count > 15;
  const double value = static_cast<double>(digits) / powers[fraction];
  if (huge || (negative && value != 0)) return {Number::Kind::impossible};
  return {Number::Kind::good, value};
}

bool take(std::string_view& text, std::string_view literal) {
  if (!text.starts_with(literal)) return false;
  text.remove_prefix(literal.size());
  return true;
}

/// One of the optional pieces behind the rates. False where its number cannot be.
bool read_piece(std::string_view& text, RatesLine& line) {
  const auto number = [&](double value_max) -> std::optional<double> {
    const Number found = take_number(text);
    if (found.kind != Number::Kind::good || found.value > value_max) return std::nullopt;
    return found.value;
  };
  const auto requests = [&](std::optional<std::uint32_t>& into) {
    const auto value = number(requests_max);
    if (value) into = static_cast<std::uint32_t>(*value);
    return value.has_value();
  };
  const auto percent = [&](std::optional<double>& into) {
    into = number(1000);
    return into.has_value();
  };
  switch (text.empty() ? '\0' : text.front()) {
    case 'R': return !take(text, "Running: ") || requests(line.running);
    case 'W': return !take(text, "Waiting: ") || requests(line.waiting);
    case 'P':
      if (take(text, "Prefix cache hit rate: ")) return percent(line.prefix_hit_percent);
      if (!take(text, "Pending: ")) return true;
      line.is_v0 = true;
      return requests(line.waiting);
    case 'S':
      if (take(text, "Swapped: ")) line.is_v0 = true;
      return true;
    case 'G': return !(take(text, "GPU KV cache usage: ") || take(text, "GPU KV cache used: ")) || percent(line.cache_usage_percent);
    default: return true;
  }
}

}  // namespace

bool begins_rates(std::string_view text) { return text.starts_with(prompt_key) || text.starts_with(prompt_key_short); }

RatesParsed parse_rates(std::string_view text) {
  RatesLine line;
  if (!take(text, prompt_key) && !take(text, prompt_key_short)) return {};
  const Number prompt = take_number(text);
  if (prompt.kind == Number::Kind::none) return {};
  // The unit, ` tokens/s` or ` toks/s`, is of no interest.
  const std::size_t comma = text.find(',');
  if (comma == std::string_view::npos) return {};
  text.remove_prefix(comma);
  if (!take(text, generation_key) && !take(text, generation_key_short)) return {};
  const Number generation = take_number(text);
  if (generation.kind == Number::Kind::none) return {};
  if (prompt.kind == Number::Kind::impossible || generation.kind == Number::Kind::impossible || prompt.value > rate_max || generation.value > rate_max)
    return {.line = std::nullopt, .trouble = RatesTrouble::impossible};
  line.prompt = prompt.value;
  line.generation = generation.value;
  // Keys that are unknown, or known and broken, are passed over: the rates are what counts.
  for (std::size_t next = text.find(", "); next != std::string_view::npos; next = text.find(", ")) {
    text.remove_prefix(next + 2);
    if (!read_piece(text, line)) return {.line = std::nullopt, .trouble = RatesTrouble::impossible};
  }
  return {.line = line};
}

EngineName engine_of(std::string_view prefix) {
  EngineName name;
  // The process stands in brackets before the level.
  if (const std::size_t pid = prefix.find("pid="); pid != std::string_view::npos) {
    std::size_t end = pid + 4;
    while (end < prefix.size() && is_digit(prefix[end])) ++end;
    name.process = prefix.substr(pid + 4, end - pid - 4);
  }
  if (!prefix.ends_with(": ")) return name;
  prefix.remove_suffix(2);
  constexpr std::string_view aggregated = "Engines Aggregated";
  if (prefix.ends_with(aggregated)) {
    name.is_aggregate = true;
    return name;
  }
  std::size_t begin = prefix.size();
  while (begin > 0 && is_digit(prefix[begin - 1])) --begin;
  if (begin == prefix.size() || !prefix.substr(0, begin).ends_with("Engine ")) return name;
  name.number = prefix.substr(begin);
  return name;
}

}  // namespace bellwether::audit
