#include "audit/zone.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "audit/zone_rule.h"

namespace bellwether::audit {
namespace {

using std::chrono::duration_cast;
using std::chrono::floor;
using std::chrono::seconds;

constexpr int follow_rule_until = 2100;
constexpr std::size_t counts_max = 20'000;      // Of changes or kinds in a file; the largest that exists has some 300.
constexpr std::int32_t offset_max = 26 * 3600;  // RFC 8536 allows no more.

std::int64_t big_endian(const char* at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value = value << 8 | static_cast<unsigned char>(at[i]);
  return size == 4 ? static_cast<std::int32_t>(value) : static_cast<std::int64_t>(value);
}

/// One of the two blocks of a file: its sizes, and where it begins.
struct Block {
  std::size_t utc_flags, standard_flags, leaps, changes, kinds, characters;
  std::size_t begin;
  [[nodiscard]] std::size_t size(std::size_t time_size) const {
    return changes * (time_size + 1) + kinds * 6 + characters + leaps * (time_size + 4) + standard_flags + utc_flags;
  }
};

constexpr std::size_t head_size = 44;

std::optional<Block> block_at(std::string_view bytes, std::size_t at, std::size_t time_size) {
  if (bytes.size() < at + head_size || bytes.substr(at, 4) != "TZif") return std::nullopt;
  const auto count = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<std::uint32_t>(big_endian(bytes.data() + at + 20 + 4 * i, 4))); };
  const Block block{count(0), count(1), count(2), count(3), count(4), count(5), at + head_size};
  for (const std::size_t one : {block.utc_flags, block.standard_flags, block.leaps, block.changes, block.kinds, block.characters})
    if (one > counts_max) return std::nullopt;
  if (block.kinds == 0 || bytes.size() < block.begin + block.size(time_size)) return std::nullopt;
  return block;
}

}  // namespace

std::optional<Zone> Zone::from_tzif(std::string name, std::string_view bytes) {
  std::size_t time_size = 4;
  auto block = block_at(bytes, 0, time_size);
  if (!block) return std::nullopt;
  if (bytes[4] >= '2') {  // The second block has the same with 64 bits.
    time_size = 8;
    block = block_at(bytes, block->begin + block->size(4), time_size);
    if (!block) return std::nullopt;
  }
  Zone zone;
  zone.name_ = std::move(name);
  const char* const times = bytes.data() + block->begin;
  const char* const indices = times + block->changes * time_size;
  const char* const kinds = indices + block->changes;
  std::vector<std::int32_t> offsets;
  for (std::size_t i = 0; i < block->kinds; ++i) offsets.push_back(static_cast<std::int32_t>(big_endian(kinds + 6 * i, 4)));
  if (std::ranges::any_of(offsets, [](std::int32_t offset) { return offset > offset_max || offset < -offset_max; })) return std::nullopt;
  zone.first_offset_ = offsets.front();
  for (std::size_t i = 0; i < block->changes; ++i) {
    const auto kind = static_cast<unsigned char>(indices[i]);
    const Change change{big_endian(times + i * time_size, time_size), kind < offsets.size() ? offsets[kind] : 0};
    if (kind >= offsets.size() || (!zone.changes_.empty() && change.at <= zone.changes_.back().at)) return std::nullopt;
    zone.changes_.push_back(change);
  }
  if (time_size == 4) return zone;

  std::string_view footer = bytes.substr(block->begin + block->size(time_size));
  if (!footer.starts_with('\n') || footer.find('\n', 1) == std::string_view::npos) return zone;
  footer = footer.substr(1, footer.find('\n', 1) - 1);
  const auto rule = parse_zone_rule(footer);
  if (!rule) return zone;
  if (!rule->has_summer) {
    if (zone.changes_.empty()) zone.first_offset_ = rule->offset;
    return zone;
  }
  std::vector<Change> later;
  for (int year = 1970; year < follow_rule_until; ++year) {
    later.push_back({moment_in(year, rule->summer_begin) - rule->offset, rule->summer_offset});
    later.push_back({moment_in(year, rule->summer_end) - rule->summer_offset, rule->offset});
  }
  std::ranges::sort(later, {}, &Change::at);
  const std::int64_t last = zone.changes_.empty() ? INT64_MIN : zone.changes_.back().at;
  for (const Change& change : later)
    if (change.at > last) zone.changes_.push_back(change);
  return zone;
}

std::optional<Zone> Zone::from_offset(std::string_view text) {
  Zone zone;
  if (text == "UTC" || text == "Z" || text == "GMT" || text == "Etc/UTC" || text == "utc") return zone;
  if (text.starts_with("UTC")) text.remove_prefix(3);
  if (text.size() < 2 || text.size() > 6 || (text[0] != '+' && text[0] != '-')) return std::nullopt;
  std::int32_t digits[4]{};
  std::size_t count = 0;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == ':' && (count == 2 || count == 1) && i + 3 == text.size()) continue;
    if (text[i] < '0' || text[i] > '9' || count == 4) return std::nullopt;
    digits[count++] = text[i] - '0';
  }
  const bool one_hour_digit = count == 1 || count == 3;
  const std::int32_t hours = one_hour_digit ? digits[0] : digits[0] * 10 + digits[1];
  const std::int32_t minutes = count < 3 ? 0 : one_hour_digit ? digits[1] * 10 + digits[2] : digits[2] * 10 + digits[3];
  if (hours > 15 || minutes > 59) return std::nullopt;
  const std::int32_t offset = hours * 3600 + minutes * 60;
  zone.first_offset_ = text[0] == '-' ? -offset : offset;
  zone.name_ = fmt::format("{}{:02}:{:02}", text[0], hours, minutes);
  return zone;
}

std::chrono::seconds Zone::offset_at(Instant at) const {
  const std::int64_t second = floor<seconds>(at).time_since_epoch().count();
  const auto next = std::ranges::upper_bound(changes_, second, {}, &Change::at);
  return seconds{next == changes_.begin() ? first_offset_ : std::prev(next)->offset};
}

LocalTime Zone::local(Instant at) const { return LocalTime{at.time_since_epoch() + offset_at(at)}; }

Meant Zone::meant(LocalTime local) const {
  // No offset is beyond a day or so, and two changes are weeks apart: the offsets before and after are all that can be meant.
  const Instant as_if_utc{local.time_since_epoch()};
  const seconds before = offset_at(as_if_utc - seconds{offset_max}), after = offset_at(as_if_utc + seconds{offset_max});
  const Instant first = as_if_utc - before, second = as_if_utc - after;
  if (before == after) return {Meant::How::once, first, first};
  const bool first_holds = offset_at(first) == before, second_holds = offset_at(second) == after;
  if (first_holds && second_holds) return {Meant::How::twice, std::min(first, second), std::max(first, second)};
  if (first_holds) return {Meant::How::once, first, first};
  if (second_holds) return {Meant::How::once, second, second};
  return {Meant::How::never, first, first};
}

Civil Zone::civil(Instant at) const {
  const LocalTime time = local(at);
  const auto day = floor<std::chrono::days>(time);
  return {std::chrono::year_month_day{day}, static_cast<unsigned>(duration_cast<std::chrono::hours>(time - day).count()),
          std::chrono::weekday{day}.iso_encoding() - 1};
}

Instant Zone::begin_of(std::chrono::year_month_day day) const {
  const LocalTime midnight{std::chrono::local_days{day}.time_since_epoch()};
  const Meant times = meant(midnight);
  if (times.how != Meant::How::never) return times.earlier;
  // Midnight is jumped over: the day begins at the jump, which is the change behind `earlier` minus the jump, at most.
  const auto next = std::ranges::upper_bound(changes_, floor<seconds>(times.earlier).time_since_epoch().count(), {}, &Change::at);
  return Instant{seconds{std::prev(next)->at}};
}

std::string Zone::text(Instant at) const {
  const LocalTime time = local(at);
  const auto day = floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{floor<seconds>(time - day)};
  const auto offset = offset_at(at).count();
  const std::string zone = name_ == "UTC" ? "Z" : fmt::format("{}{:02}:{:02}", offset < 0 ? '-' : '+', std::abs(offset) / 3600, std::abs(offset) / 60 % 60);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()), clock.hours().count(), clock.minutes().count(), clock.seconds().count(), zone);
}

}  // namespace bellwether::audit
