#include "audit/rates_line.h"

#include <bit>
#include <cstring>

namespace bellwether::audit {
namespace {

// Beyond any engine by two orders of magnitude: whole racks do some 100,000 a second.
constexpr double rate_max = 1e7;
constexpr double requests_max = 1e6;

bool is_digit(char c) { return static_cast<unsigned char>(c - '0') <= 9; }

struct Number {
  enum class Kind : std::uint8_t { none, impossible, good } kind = Kind::none;
  double value = 0;
};

/// Takes a number off the front. What is negative, not finite or of more than 15 digits is taken and called impossible.
Number take_any_number(std::string_view& text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.starts_with('n') || text.starts_with('i')) {
    const bool is_word = text.starts_with("nan") || text.starts_with("inf");
    if (is_word) text.remove_prefix(3);
    return {is_word ? Number::Kind::impossible : Number::Kind::none};
  }
  constexpr std::ptrdiff_t digits_max = 15;  // As many are exact in a double.
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  const char* at = begin;
  std::uint64_t digits = 0;
  for (; at != end && is_digit(*at); ++at) digits = digits * 10 + static_cast<unsigned>(*at - '0');  // May overflow: then there are too many.
  const std::ptrdiff_t whole = at - begin;
  if (whole == 0) return {};
  double value = static_cast<double>(digits);
  if (end - at > 1 && *at == '.' && is_digit(at[1])) {
    const unsigned first = static_cast<unsigned>(at[1] - '0');
    at += 2;
    if (at == end || !is_digit(*at)) {  // One decimal, as vLLM prints it.
      value = static_cast<double>(digits * 10 + first) / 10;
    } else {
      double weight = 0.1;
      value += first * weight;
      for (; at != end && is_digit(*at); ++at) value += (weight /= 10) * static_cast<unsigned>(*at - '0');
    }
  }
  text.remove_prefix(static_cast<std::size_t>(at - begin));
  const bool has_exponent = at != end && (*at == 'e' || *at == 'E');
  if (has_exponent || whole > digits_max || (negative && value != 0)) return {Number::Kind::impossible};
  return {Number::Kind::good, value};
}

/// As take_any_number. Numbers of up to six digits, with one decimal or none, are read eight bytes at once: their length is what no branch
/// predictor knows, and there are six of them in a line.
Number take_number(std::string_view& text) {
  if (std::endian::native != std::endian::little || text.size() < 8) return take_any_number(text);
  std::uint64_t bytes = 0;
  std::memcpy(&bytes, text.data(), 8);
  // A digit is 0x30 to 0x39: without its 3 it is below 10, and adding 0x76 leaves its high bit alone.
  const std::uint64_t values = bytes ^ 0x3030303030303030;
  const std::uint64_t others = (((values & 0x7f7f7f7f7f7f7f7f) + 0x7676767676767676) | values) & 0x8080808080808080;
  const auto whole = static_cast<unsigned>(std::countr_zero(others)) / 8;
  if (whole == 0 || whole > 6) return take_any_number(text);
  // The digits, moved to the high end with zeros before them, are added in pairs, fours and all.
  std::uint64_t sum = values << (64 - 8 * whole);
  sum = (sum * 10 + (sum >> 8)) & 0x00ff00ff00ff00ff;
  sum = (sum * 100 + (sum >> 16)) & 0x0000ffff0000ffff;
  sum = (sum * 10000 + (sum >> 32)) & 0xffffffff;
  const char behind = text[whole];
  if (behind != '.') {
    if (behind == 'e' || behind == 'E') return take_any_number(text);
    text.remove_prefix(whole);
    return {Number::Kind::good, static_cast<double>(sum)};
  }
  if (text.size() < whole + 3 || !is_digit(text[whole + 1]) || is_digit(text[whole + 2]) || (text[whole + 2] | 0x20) == 'e') return take_any_number(text);
  const double value = static_cast<double>(sum * 10 + static_cast<unsigned>(text[whole + 1] - '0')) / 10;
  text.remove_prefix(whole + 2);
  return {Number::Kind::good, value};
}

/// Whether the bytes at `at` are the literal's. Its size is known to the compiler: a few loads instead of a call.
template <std::size_t size>
bool is_at(const char* at, const char (&literal)[size]) {
  constexpr std::size_t letters = size - 1;
  if constexpr (letters < 8) {
    return std::memcmp(at, literal, letters) == 0;
  } else {
    const auto word = [](const char* from) {
      std::uint64_t out = 0;
      std::memcpy(&out, from, 8);
      return out;
    };
    std::uint64_t different = word(at + letters - 8) ^ word(literal + letters - 8);
    for (std::size_t i = 0; i + 8 <= letters; i += 8) different |= word(at + i) ^ word(literal + i);
    return different == 0;
  }
}

template <std::size_t size>
bool take(std::string_view& text, const char (&literal)[size]) {
  if (text.size() < size - 1 || !is_at(text.data(), literal)) return false;
  text.remove_prefix(size - 1);
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

/// Moves to behind the next separator; false where there is none.
bool next_piece(std::string_view& text) {
  const std::size_t next = text.find(", ");
  if (next == std::string_view::npos) return false;
  text.remove_prefix(next + 2);
  return true;
}

}  // namespace

bool begins_rates(std::string_view text) { return take(text, "Avg prompt throughput: ") || take(text, "Avg prompt tput: "); }

RatesParsed parse_rates(std::string_view text) {
  RatesLine line;
  if (!take(text, "Avg prompt throughput: ") && !take(text, "Avg prompt tput: ")) return {};
  const Number prompt = take_number(text);
  if (prompt.kind == Number::Kind::none) return {};
  if (!take(text, " tokens/s, Avg generation throughput: ")) {
    // Of another unit, ` toks/s`, or another key.
    const std::size_t comma = text.find(',');
    if (comma == std::string_view::npos) return {};
    text.remove_prefix(comma);
    if (!take(text, ", Avg generation throughput: ") && !take(text, ", Avg gen tput: ")) return {};
  }
  const Number generation = take_number(text);
  if (generation.kind == Number::Kind::none) return {};
  if (prompt.kind == Number::Kind::impossible || generation.kind == Number::Kind::impossible || prompt.value > rate_max || generation.value > rate_max)
    return {.line = std::nullopt, .trouble = RatesTrouble::impossible};
  line.prompt = prompt.value;
  line.generation = generation.value;
  if (!take(text, " tokens/s, ") && !next_piece(text)) return {.line = line};
  // Keys that are unknown, or known and broken, are passed over: the rates are what counts.
  do
    if (!read_piece(text, line)) return {.line = std::nullopt, .trouble = RatesTrouble::impossible};
  while (take(text, " reqs, ") || take(text, "%, ") || next_piece(text));
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
