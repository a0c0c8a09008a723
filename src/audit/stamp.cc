#include "audit/stamp.h"

#include <algorithm>

namespace bellwether::audit {
namespace {

using namespace std::chrono;

constexpr std::size_t search_max = 256;  // A wrapper's prefix and vLLM's own are some 150 bytes together.
// Clocks of the machine that wrote a file and of the one that keeps it differ; a line from tomorrow is from last year.
constexpr hours ahead_max{24};
constexpr int years_back_max = 8;  // Until a 29 February is found.

int two(const char* at) {
  const auto tens = static_cast<unsigned char>(at[0] - '0'), ones = static_cast<unsigned char>(at[1] - '0');
  return tens > 9 || ones > 9 ? -1 : tens * 10 + ones;
}

/// Fraction and zone behind the seconds.
void read_tail(std::string_view text, Stamp& stamp) {
  std::size_t at = 0;
  const auto digit = [&](std::size_t i) { return i < text.size() && text[i] >= '0' && text[i] <= '9'; };
  if (at < text.size() && (text[at] == '.' || text[at] == ',') && digit(at + 1)) {
    ++at;
    unsigned weight = 100;
    for (; digit(at); ++at, weight /= 10) stamp.millisecond += weight * static_cast<unsigned>(text[at] - '0');
  }
  if (at < text.size() && text[at] == 'Z') {
    stamp.offset_seconds = 0;
    ++at;
  } else if (at + 4 < text.size() && (text[at] == '+' || text[at] == '-') && two(&text[at + 1]) >= 0) {
    const std::size_t minutes_at = text[at + 3] == ':' ? at + 4 : at + 3;
    if (minutes_at + 1 < text.size() && two(&text[minutes_at]) >= 0) {
      const std::int32_t seconds = two(&text[at + 1]) * 3600 + two(&text[minutes_at]) * 60;
      stamp.offset_seconds = text[at] == '-' ? -seconds : seconds;
      at = minutes_at + 2;
    }
  }
  stamp.size += at;
}

/// The stamp whose time of day has its first colon at `colon`.
std::optional<Stamp> around(std::string_view text, std::size_t colon) {
  if (colon < 8 || colon + 6 > text.size() || text[colon + 3] != ':') return std::nullopt;
  const char* const clock = text.data() + colon - 2;
  const char* const date = clock - 6;
  const int hour = two(clock), minute = two(clock + 3), second = two(clock + 6), month = two(date), day = two(date + 3);
  if (hour < 0 || minute < 0 || second < 0 || month < 1 || day < 1 || date[2] != '-' || (clock[-1] != ' ' && clock[-1] != 'T' && clock[-1] != 't'))
    return std::nullopt;
  if (hour > 23 || minute > 59 || second > 60 || month > 12 || day > 31) return std::nullopt;
  Stamp stamp{.year = std::nullopt,
              .month = static_cast<unsigned>(month),
              .day = static_cast<unsigned>(day),
              .hour = static_cast<unsigned>(hour),
              .minute = static_cast<unsigned>(minute),
              .second = static_cast<unsigned>(std::min(second, 59)),  // A leap second is read as the one before it.
              .millisecond = 0,
              .offset_seconds = std::nullopt,
              .begin = colon - 8,
              .size = 14};
  if (colon >= 13 && date[-1] == '-' && two(date - 5) >= 0 && two(date - 3) >= 0) {
    stamp.year = two(date - 5) * 100 + two(date - 3);
    stamp.begin -= 5;
    stamp.size += 5;
  }
  read_tail(text.substr(colon + 6), stamp);
  return stamp;
}

}  // namespace

std::optional<Stamp> parse_stamp(std::string_view text) {
  for (const std::size_t colon : {std::size_t{13}, std::size_t{8}})
    if (colon < text.size() && text[colon] == ':')
      if (auto stamp = around(text, colon); stamp && stamp->begin == 0) return stamp;
  return std::nullopt;
}

std::optional<Stamp> find_stamp(std::string_view text) {
  text = text.substr(0, search_max);
  std::optional<Stamp> best;
  for (std::size_t colon = text.find(':'); colon != std::string_view::npos; colon = text.find(':', colon + 1)) {
    const auto stamp = around(text, colon);
    if (!stamp) continue;
    if (stamp->offset_seconds) return stamp;
    if (!best || (stamp->year && !best->year)) best = stamp;
    colon += 3;
  }
  return best;
}

std::optional<Instant> parse_rfc3339(std::string_view text) {
  const auto stamp = parse_stamp(text);
  if (!stamp || !stamp->year || !stamp->offset_seconds) return std::nullopt;
  return Calendar{nullptr, std::nullopt}.instant(*stamp);
}

Calendar::Calendar(const Zone* zone, std::optional<Instant> written) : zone_{zone != nullptr ? *zone : Zone{}}, written_{written} {}

std::optional<int> Calendar::year_of(const Stamp& stamp) {
  if (stamp.year) return stamp.year;
  const std::chrono::month month{stamp.month};
  if (year_ == 0) {
    if (!written_) return std::nullopt;
    const int latest = static_cast<int>(zone_.civil(*written_ + ahead_max).day.year());
    const LocalTime bound = zone_.local(*written_ + ahead_max);
    for (int year = latest; year > latest - years_back_max; --year) {
      const year_month_day day{std::chrono::year{year}, month, std::chrono::day{stamp.day}};
      if (day.ok() && local_days{day} + hours{stamp.hour} <= bound) return year;
    }
    return std::nullopt;
  }
  // Half a year on or back in one step is New Year's Eve, crossed one way or the other.
  if (month_ >= stamp.month + 6) return year_ + 1;
  if (stamp.month >= month_ + 6) return year_ - 1;
  return year_;
}

std::optional<Instant> Calendar::instant(const Stamp& stamp) {
  const milliseconds in_minute = seconds{stamp.second} + milliseconds{stamp.millisecond};
  const std::uint64_t key =
      ((((stamp.year ? static_cast<std::uint64_t>(*stamp.year) : 10'000U) * 16 + stamp.month) * 32 + stamp.day) * 32 + stamp.hour) * 64 + stamp.minute;
  if (!stamp.offset_seconds && key == minute_key_) return last_ = minute_ + in_minute;

  const auto year = year_of(stamp);
  if (!year) return std::nullopt;
  const year_month_day day{std::chrono::year{*year}, std::chrono::month{stamp.month}, std::chrono::day{stamp.day}};
  if (!day.ok()) return std::nullopt;
  year_ = *year;
  month_ = stamp.month;
  const LocalTime minute = LocalTime{local_days{day}.time_since_epoch() + hours{stamp.hour} + minutes{stamp.minute}};
  if (stamp.offset_seconds) return last_ = Instant{minute.time_since_epoch() + in_minute - seconds{*stamp.offset_seconds}};

  const Meant meant = zone_.meant(minute);
  // Over once a line went back into the hour, and for as long as the offset behind the change holds.
  const bool first_has_passed = meant.how == Meant::How::twice && last_ && *last_ < meant.later + hours{12} &&
                                (*last_ > meant.earlier + in_minute + minutes{1} || zone_.offset_at(*last_) == zone_.offset_at(meant.later));
  const Instant begin = first_has_passed ? meant.later : meant.earlier;
  minute_key_ = meant.how == Meant::How::once ? key : 0;
  minute_ = begin;
  return last_ = begin + in_minute;
}

}  // namespace bellwether::audit
