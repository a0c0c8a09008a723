#include "audit/time_text.h"

#include <gtest/gtest.h>

#include "audit/zone.h"

namespace bellwether::audit {
namespace {

std::int64_t ms(std::string_view text, const Zone* zone = nullptr) {
  const auto at = read_time(text, zone);
  return at ? at->time_since_epoch().count() : -1;
}

TEST(TimeText, IsReadInEveryWayThatLogsWriteIt) {
  constexpr std::int64_t at = 1'767'323'045'000;  // 2026-01-02T03:04:05Z
  for (const std::string_view text :
       {"2026-01-02T03:04:05Z", "2026-01-02 03:04:05", "2026-01-02T12:04:05+09:00", "2026-01-02 12:04:05 KST", "2026-01-02T12:04:05+09", "1767323045",
        "1767323045000", "1767323045000000000", "02/Jan/2026:12:04:05 +0900", "02/Jan/2026:03:04:05", "Fri Jan  2 03:04:05 UTC 2026",
        "Fri 02 Jan 2026 03:04:05 AM UTC", "Fri, 02 Jan 2026 03:04:05 +0000", "  1767323045 "})
    EXPECT_EQ(ms(text), at) << text;
  EXPECT_EQ(ms("2026-01-02T03:04:05.6789Z"), at + 678);
  EXPECT_EQ(ms("2026-01-02 03:04:05,6"), at + 600);
  EXPECT_EQ(ms("1767323045.123"), at + 123);
  EXPECT_EQ(ms("Fri 02 Jan 2026 12:04:05 PM UTC"), at + 9 * 3'600'000);
}

TEST(TimeText, WithoutAZoneIsOfTheZoneThatIsGiven) {
  const Zone seoul = *Zone::from_offset("+09:00");
  EXPECT_EQ(ms("2026-01-02 12:04:05", &seoul), 1'767'323'045'000);
  EXPECT_EQ(ms("2026-01-02 03:04:05Z", &seoul), 1'767'323'045'000);
}

TEST(TimeText, IsNothingInTextsThatAreNone) {
  for (const std::string_view text : {"", "2026-13-02T03:04:05Z", "2026-02-30 00:00:00", "12345", "99999999999999999999", "1999-01-01T00:00:00Z", "vllm:x 1",
                                      "2026-01-02T03:04:05Q", "Jan Jan Jan Jan", "2026-01-02T03:04:61Z"})
    EXPECT_EQ(ms(text), -1) << text;
}

}  // namespace
}  // namespace bellwether::audit
