#include "audit/time_text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>

#include "audit/zone.h"

namespace bellwether::audit {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;

constexpr std::int64_t first_second = 946'684'800;   // 2000-01-01
constexpr std::int64_t last_second = 4'102'444'800;  // 2100-01-01

/// Takes a text apart from its front.
class Cutter {
 public:
  explicit Cutter(std::string_view text) : rest_{text} {}

  /// Between `least` and `most` digits.
  [[nodiscard]] std::optional<int> number(std::size_t least, std::size_t most) {
    int value = 0;
    std::size_t size = 0;
    while (size < most && size < rest_.size() && rest_[size] >= '0' && rest_[size] <= '9') value = value * 10 + (rest_[size++] - '0');
    if (size < least) return std::nullopt;
    rest_.remove_prefix(size);
    return value;
  }
  [[nodiscard]] bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  [[nodiscard]] bool take_any(std::string_view set) {
    if (rest_.empty() || set.find(rest_.front()) == std::string_view::npos) return false;
    rest_.remove_prefix(1);
    return true;
  }
  /// Up to a blank.
  [[nodiscard]] std::string_view word() {
    blanks();
    const std::size_t end = std::min(rest_.find(' '), rest_.size());
    const std::string_view word = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return word;
  }
  void blanks() {
    while (rest_.starts_with(' ')) rest_.remove_prefix(1);
  }
  [[nodiscard]] std::string_view rest() const { return rest_; }
  [[nodiscard]] bool done() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

struct Parts {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  milliseconds fraction{0};
  std::optional<minutes> offset;  ///< East of UTC.
};

std::optional<int> month_of(std::string_view name) {
  static constexpr std::array<std::string_view, 12> names{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  for (std::size_t i = 0; i < names.size(); ++i)
    if (name == names[i]) return static_cast<int>(i) + 1;
  return std::nullopt;
}

/// ":04:05" with what may follow: ".678", ",678".
bool read_clock(Cutter& cut, Parts& parts) {
  const auto hour = cut.number(1, 2);
  if (!hour || !cut.take(':')) return false;
  const auto minute = cut.number(2, 2);
  if (!minute) return false;
  parts.hour = *hour;
  parts.minute = *minute;
  if (!cut.take(':')) return true;
  const auto second = cut.number(2, 2);
  if (!second) return false;
  parts.second = *second;
  if (cut.take_any(".,")) {
    int value = 0;
    int digits = 0;
    for (std::optional<int> digit; (digit = cut.number(1, 1)); ++digits)
      if (digits < 3) value = value * 10 + *digit;
    if (digits == 0) return false;
    for (; digits < 3; ++digits) value *= 10;
    parts.fraction = milliseconds(value);
  }
  return true;
}

/// Nothing, or a zone up to the end. Of names only those that mean one thing.
bool read_zone(Cutter& cut, Parts& parts) {
  cut.blanks();
  if (cut.done()) return true;
  const std::string_view name = cut.rest();
  if (name == "Z" || name == "z" || name == "UTC" || name == "GMT") {
    parts.offset = minutes(0);
    return true;
  }
  if (name == "KST" || name == "JST") {
    parts.offset = minutes(540);
    return true;
  }
  const bool west = name.front() == '-';
  if (!cut.take_any("+-")) return false;
  const auto hours = cut.number(2, 2);
  if (!hours) return false;
  std::optional<int> rest = 0;
  if (!cut.done()) {
    static_cast<void>(cut.take(':'));
    rest = cut.number(2, 2);
  }
  if (!rest || !cut.done() || *hours > 18 || *rest > 59) return false;
  parts.offset = minutes((west ? -1 : 1) * (*hours * 60 + *rest));
  return true;
}

std::optional<Parts> read_iso(std::string_view text) {
  Cutter cut{text};
  Parts parts;
  const auto year = cut.number(4, 4);
  if (!year || !cut.take_any("-/")) return std::nullopt;
  const auto month = cut.number(2, 2);
  if (!month || !cut.take_any("-/")) return std::nullopt;
  const auto day = cut.number(2, 2);
  if (!day) return std::nullopt;
  parts.year = *year, parts.month = *month, parts.day = *day;
  if (cut.done()) return parts;
  if (!cut.take_any("Tt ") || !read_clock(cut, parts) || !read_zone(cut, parts)) return std::nullopt;
  return parts;
}

std::optional<Parts> read_common_log(std::string_view text) {
  Cutter cut{text};
  Parts parts;
  const auto day = cut.number(2, 2);
  if (!day || !cut.take('/')) return std::nullopt;
  const auto month = month_of(cut.rest().substr(0, 3));
  if (!month) return std::nullopt;
  cut = Cutter{cut.rest().substr(3)};
  if (!cut.take('/')) return std::nullopt;
  const auto year = cut.number(4, 4);
  if (!year || !cut.take(':')) return std::nullopt;
  parts.year = *year, parts.month = *month, parts.day = *day;
  if (!read_clock(cut, parts) || !read_zone(cut, parts)) return std::nullopt;
  return parts;
}

/// Words in any order that date(1) and mail use: a weekday, a day, a month, a year, a clock, AM or PM, a zone.
std::optional<Parts> read_words(std::string_view text) {
  Cutter cut{text};
  Parts parts;
  bool has_clock = false;
  for (int words = 0; !cut.done(); ++words) {
    if (words == 8) return std::nullopt;
    std::string_view word = cut.word();
    if (word.ends_with(',')) word.remove_suffix(1);
    Cutter inside{word};
    if (word.empty()) break;
    if (const auto month = month_of(word)) {
      parts.month = *month;
    } else if (word.find(':') != std::string_view::npos && word.front() != '+' && word.front() != '-') {
      if (has_clock || !read_clock(inside, parts) || !inside.done()) return std::nullopt;
      has_clock = true;
    } else if (word == "AM" || word == "PM") {
      if (parts.hour > 12 || parts.hour == 0) return std::nullopt;
      parts.hour = parts.hour % 12 + (word == "PM" ? 12 : 0);
    } else if (const auto number = inside.number(1, 4); number && inside.done()) {
      (word.size() == 4 ? parts.year : parts.day) = *number;
    } else if (words > 0) {
      Cutter zone{word};
      if (!read_zone(zone, parts)) return std::nullopt;
    } else if (word.size() != 3) {
      return std::nullopt;  // No weekday.
    }
  }
  return has_clock ? std::optional(parts) : std::nullopt;
}

std::optional<Instant> at_of(const Parts& parts, const Zone* zone) {
  using namespace std::chrono;
  const year_month_day date{year{parts.year}, month{static_cast<unsigned>(parts.month)}, day{static_cast<unsigned>(parts.day)}};
  if (!date.ok() || parts.year < 2000 || parts.year > 2100 || parts.hour > 24 || parts.minute > 59 || parts.second > 60) return std::nullopt;
  const milliseconds clock = hours(parts.hour) + minutes(parts.minute) + seconds(parts.second) + parts.fraction;
  if (!parts.offset && zone != nullptr) return zone->meant(local_days(date) + clock).earlier;
  return sys_days(date) + clock - parts.offset.value_or(minutes(0));
}

/// Only digits, with at most one dot.
std::optional<Instant> read_unix(std::string_view text) {
  if (text.size() < 10 || text.size() > 30 || text.find_first_not_of("0123456789.") != std::string_view::npos) return std::nullopt;
  std::uint64_t whole = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
  if (error != std::errc{}) return std::nullopt;
  const auto digits = static_cast<std::size_t>(rest - text.data());
  if (digits == 10) {
    double seconds = 0;
    const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (wrong != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return from_unix_seconds(seconds);
  }
  if (digits == 13) return from_unix_seconds(static_cast<double>(whole) / 1e3);
  if (digits == 16) return from_unix_seconds(static_cast<double>(whole) / 1e6);
  if (digits == 19) return from_unix_seconds(static_cast<double>(whole) / 1e9);
  return std::nullopt;
}

}  // namespace

std::optional<Instant> from_unix_seconds(double seconds) {
  if (!(seconds >= static_cast<double>(first_second) && seconds < static_cast<double>(last_second))) return std::nullopt;
  return Instant(milliseconds(std::llround(seconds * 1e3)));
}

std::optional<Instant> read_time(std::string_view text, const Zone* zone) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  if (text.size() < 10 || text.size() > 64) return std::nullopt;
  if (const auto at = read_unix(text)) return at;
  std::optional<Parts> parts = read_iso(text);
  if (!parts) parts = read_common_log(text);
  if (!parts) parts = read_words(text);
  return parts ? at_of(*parts, zone) : std::nullopt;
}

}  // namespace bellwether::audit
