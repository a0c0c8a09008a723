#include "audit/access_line.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "audit/json_records.h"
#include "audit/time_text.h"

namespace bellwether::audit {
namespace {

using std::chrono::milliseconds;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::optional<int> status_of(std::string_view text) {
  if (text.size() < 3 || !is_digit(text[0]) || !is_digit(text[1]) || !is_digit(text[2]) || (text.size() > 3 && is_digit(text[3]))) return std::nullopt;
  const int status = (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
  return status < 600 ? std::optional(status) : std::nullopt;
}

/// Digits, a dot and three digits, as nginx writes times. How many digits stand before the dot; 0: it is something else.
std::size_t whole_digits(std::string_view word) {
  const std::size_t dot = word.find('.');
  if (dot == std::string_view::npos || dot == 0 || word.size() != dot + 4) return 0;
  for (std::size_t i = 0; i < word.size(); ++i)
    if (i != dot && !is_digit(word[i])) return 0;
  return dot;
}

/// One word of a line, perhaps `name=value`, with quotes around it or its value taken off.
struct Word {
  std::string_view name, value;
};

Word take_word(std::string_view& text) {
  Word word;
  std::size_t size = std::min(text.find_first_of(" \t\"="), text.size());
  if (size < text.size() && text[size] == '=') {
    word.name = text.substr(0, size);
    text.remove_prefix(size + 1);
    size = std::min(text.find_first_of(" \t\""), text.size());
  }
  if (text.starts_with('"')) {
    size = std::min(text.find('"', 1), text.size());
    word.value = text.substr(1, size - 1);
    text.remove_prefix(std::min(size + 1, text.size()));
  } else {
    word.value = text.substr(0, size);
    text.remove_prefix(size);
    while (!word.value.empty() && (word.value.back() == ',' || word.value.back() == ';')) word.value.remove_suffix(1);
  }
  return word;
}

/// What may stand before or behind the quoted request and its status.
void read_words(std::string_view text, bool behind_status, Access& access) {
  bool named_latency = false;
  while (!text.empty()) {
    if (text.front() == ' ' || text.front() == '\t') {
      text.remove_prefix(1);
      continue;
    }
    const Word word = take_word(text);
    if (word.name == "rt" || word.name == "request_time") {
      access.latency = read_seconds(word.value);
      named_latency = true;
    } else if (word.name == "uht" || word.name == "upstream_header_time") {
      access.first_token = read_seconds(word.value);
    } else if (word.name == "msec") {
      access.end = read_time(word.value, nullptr);
    } else if (word.name == "request_id" || word.name == "rid") {
      access.id = word.value;
    } else if (word.name.empty()) {
      const std::size_t digits = whole_digits(word.value);
      if (digits == 10) access.end = read_time(word.value, nullptr);
      else if (digits > 0 && digits <= 6 && behind_status && !named_latency && !access.latency) access.latency = read_seconds(word.value);
    }
  }
}

}  // namespace

std::optional<milliseconds> read_seconds(std::string_view text) {
  // Of several upstreams nginx writes `0.100, 0.200`, of none `-`.
  text = text.substr(0, text.find_first_of(", "));
  const auto seconds = to_double(text);
  if (!seconds || *seconds < 0 || *seconds > 604'800) return std::nullopt;
  return milliseconds(std::llround(*seconds * 1e3));
}

bool split_request(std::string_view text, Access& access) {
  const std::size_t first = text.find(' ');
  if (first == 0 || first > 16) return false;
  for (const char c : text.substr(0, first))
    if (c < 'A' || c > 'Z') return false;
  access.method = text.substr(0, first);
  std::string_view path = text.substr(first + 1);
  path = path.substr(0, path.find_first_of(" ?"));
  access.path = path;
  return path.starts_with('/') || path.find("://") != std::string_view::npos || path == "*";
}

std::optional<Access> read_web_server(std::string_view line, const Zone* zone) {
  Access access;
  std::size_t quote = line.find('"');
  std::size_t close = std::string_view::npos;
  // The request is the first quoted text that is one: a log_format may have others before it.
  for (int tries = 0; quote != std::string_view::npos && tries < 6; ++tries) {
    close = line.find('"', quote + 1);
    if (close == std::string_view::npos) return std::nullopt;
    if (split_request(line.substr(quote + 1, close - quote - 1), access)) break;
    quote = line.find('"', close + 1);
    access.method = {};
  }
  if (access.method.empty()) return std::nullopt;
  const std::string_view before = line.substr(0, quote);
  std::string_view behind = line.substr(close + 1);
  while (behind.starts_with(' ')) behind.remove_prefix(1);
  const auto status = status_of(behind);
  if (!status) return std::nullopt;
  access.status = *status;
  if (const std::size_t open = before.rfind('['); open != std::string_view::npos) {
    const std::size_t end = before.find(']', open);
    if (end != std::string_view::npos) access.end = read_time(before.substr(open + 1, end - open - 1), zone);
  }
  read_words(before, false, access);
  read_words(behind.substr(3), true, access);
  return access;
}

std::optional<Access> read_haproxy(std::string_view line, const Zone* zone) {
  const std::size_t open = line.find(" [");
  if (open == std::string_view::npos) return std::nullopt;
  const std::size_t end = line.find("] ", open);
  if (end == std::string_view::npos) return std::nullopt;
  Access access;
  access.begin = read_time(line.substr(open + 2, end - open - 2), zone);
  std::string_view rest = line.substr(end + 2);
  std::array<std::string_view, 8> words;  // front, back/server, timers, status, bytes, cookie, cookie, termination
  for (std::string_view& word : words) {
    const std::size_t size = rest.find(' ');
    if (size == std::string_view::npos) return std::nullopt;
    word = rest.substr(0, size);
    rest.remove_prefix(size + 1);
  }
  if (words[1].find('/') == std::string_view::npos || words[7].size() != 4) return std::nullopt;
  std::array<std::int64_t, 5> timers{};
  std::string_view text = words[2];
  for (std::size_t i = 0; i < timers.size(); ++i) {
    if (text.starts_with('+')) text.remove_prefix(1);  // `option logasap`: the answer went on.
    const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), timers[i]);
    if (error != std::errc{} || (i < 4 && (at == text.data() + text.size() || *at != '/'))) return std::nullopt;
    text.remove_prefix(std::min(text.size(), static_cast<std::size_t>(at - text.data()) + 1));
  }
  access.is_aborted = words[3].starts_with('-') || words[7].starts_with('C');
  access.status = status_of(words[3]).value_or(0);
  if (!access.is_aborted && access.status == 0) return std::nullopt;
  if (timers[4] >= 0) access.latency = milliseconds(timers[4]);
  if (timers[0] >= 0 && timers[1] >= 0 && timers[2] >= 0 && timers[3] >= 0) access.first_token = milliseconds(timers[0] + timers[1] + timers[2] + timers[3]);
  const std::size_t quote = rest.rfind(" \"");
  if (quote == std::string_view::npos || !split_request(rest.substr(quote + 2), access)) return std::nullopt;
  if (access.path.ends_with('"')) access.path.remove_suffix(1);
  return access;
}

}  // namespace bellwether::audit
