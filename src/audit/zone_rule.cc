#include "audit/zone_rule.h"

#include <chrono>

namespace bellwether::audit {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Takes pieces off the front of a text; what cannot be taken leaves `ok` false for good.
class Pieces {
 public:
  explicit Pieces(std::string_view text) : rest_{text} {}

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] char next() const { return rest_.empty() ? '\0' : rest_.front(); }
  bool take(char c) {
    if (next() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) { ok_ = take(c) && ok_; }

  int number(int low, int high) {
    int value = 0, digits = 0;
    while (is_digit(next()) && digits < 4) {
      value = value * 10 + (rest_.front() - '0');
      rest_.remove_prefix(1);
      ++digits;
    }
    if (digits == 0 || value < low || value > high) ok_ = false;
    return value;
  }

  void name() {
    std::size_t size = 0;
    if (take('<')) {
      while (size < rest_.size() && rest_[size] != '>') ++size;
      rest_.remove_prefix(size);
      expect('>');
    } else {
      while (size < rest_.size() && ((rest_[size] | 0x20) >= 'a' && (rest_[size] | 0x20) <= 'z')) ++size;
      rest_.remove_prefix(size);
    }
    if (size < 3) ok_ = false;
  }

  /// `[+-]hh[:mm[:ss]]` in seconds.
  std::int32_t time(int hours_max) {
    const bool negative = take('-');
    if (!negative) take('+');
    std::int32_t seconds = number(0, hours_max) * 3600;
    if (take(':')) seconds += number(0, 59) * 60;
    if (take(':')) seconds += number(0, 59);
    return negative ? -seconds : seconds;
  }

  YearlyMoment moment() {
    YearlyMoment moment;
    expect(',');
    if (take('M')) {
      moment.month = number(1, 12);
      expect('.');
      moment.week = number(1, 5);
      expect('.');
      moment.weekday = number(0, 6);
    } else if (take('J')) {
      moment.kind = YearlyMoment::Kind::julian;
      moment.day = number(1, 365);
    } else {
      moment.kind = YearlyMoment::Kind::day_of_year;
      moment.day = number(0, 365);
    }
    if (take('/')) moment.seconds = time(167);
    return moment;
  }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace

std::optional<ZoneRule> parse_zone_rule(std::string_view text) {
  ZoneRule rule;
  Pieces pieces{text};
  pieces.name();
  rule.offset = -pieces.time(24);
  if (pieces.ok() && !pieces.at_end()) {
    rule.has_summer = true;
    pieces.name();
    rule.summer_offset = pieces.next() == ',' ? rule.offset + 3600 : -pieces.time(24);
    rule.summer_begin = pieces.moment();
    rule.summer_end = pieces.moment();
  }
  if (!pieces.ok() || !pieces.at_end()) return std::nullopt;
  return rule;
}

std::int64_t moment_in(int year, const YearlyMoment& moment) {
  using namespace std::chrono;
  const auto day = [&]() -> sys_days {
    const std::chrono::year y{year};
    if (moment.kind == YearlyMoment::Kind::day_of_year) return sys_days{y / January / 1} + days{moment.day};
    if (moment.kind == YearlyMoment::Kind::julian) return sys_days{y / January / 1} + days{moment.day - 1 + (y.is_leap() && moment.day >= 60 ? 1 : 0)};
    const weekday which{static_cast<unsigned>(moment.weekday)};
    const std::chrono::month month{static_cast<unsigned>(moment.month)};
    if (moment.week == 5) return sys_days{y / month / which[last]};
    return sys_days{y / month / which[static_cast<unsigned>(moment.week)]};
  }();
  return duration_cast<seconds>(day.time_since_epoch()).count() + moment.seconds;
}

}  // namespace bellwether::audit
