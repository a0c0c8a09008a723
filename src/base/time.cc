#include "base/time.h"

#include <cstdio>
#include <ctime>

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

}  // namespace bellwether
