#include "base/time.h"

#include <cstdio>
#include <ctime>

#include "base/text.h"

namespace bellwether {

std::string to_rfc3339(WallTime time) {
  const std::int64_t ms_total = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
  // Floor division, so that times before 1970 keep a fraction between 0 and 999.
  const std::int64_t seconds = ms_total >= 0 ? ms_total / 1000 : -((-ms_total + 999) / 1000);
  const std::time_t moment = seconds;
  std::tm utc{};
  gmtime_r(&moment, &utc);
  char text[48];
  const int length = std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour,
                                   utc.tm_min, utc.tm_sec, static_cast<int>(ms_total - seconds * 1000));
  return {text, static_cast<std::size_t>(length)};
}

std::string_view WallClockText::of(WallTime time) {
  const std::int64_t ms = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
  if (ms < 0 || text_.empty() || ms / 1000 != second_) {
    second_ = ms / 1000;
    text_ = to_rfc3339(time);
    return text_;
  }
  char* const digits = text_.data() + text_.size() - 4;  // of "123Z"
  const auto fraction = static_cast<int>(ms % 1000);
  digits[0] = static_cast<char>('0' + fraction / 100);
  digits[1] = static_cast<char>('0' + fraction / 10 % 10);
  digits[2] = static_cast<char>('0' + fraction % 10);
  return text_;
}

void append_milliseconds(std::string& out, Duration duration) {
  const std::int64_t microseconds = duration.count() <= 0 ? 0 : duration.count() / 1000 + (duration.count() % 1000 >= 500 ? 1 : 0);
  const auto fraction = static_cast<int>(microseconds % 1000);
  const char digits[] = {'.', static_cast<char>('0' + fraction / 100), static_cast<char>('0' + fraction / 10 % 10), static_cast<char>('0' + fraction % 10)};
  append_all(out, Digits{microseconds / 1000}, std::string_view(digits, sizeof digits));
}

}  // namespace bellwether
