#include "audit/stamp.h"

#include <gtest/gtest.h>

namespace bellwether::audit {
namespace {

using namespace std::chrono;

Instant utc(int y, unsigned mo, unsigned d, int h = 0, int mi = 0, int s = 0) {
  return sys_days{year{y} / month{mo} / day{d}} + hours{h} + minutes{mi} + seconds{s};
}

TEST(Stamp, FormsWithZoneMeanOneInstant) {
  EXPECT_EQ(parse_rfc3339("2026-01-02T03:04:05.678901234Z"), utc(2026, 1, 2, 3, 4, 5) + milliseconds{678});
  EXPECT_EQ(parse_rfc3339("2026-01-02T03:04:05+09:00"), utc(2026, 1, 1, 18, 4, 5));
  EXPECT_EQ(parse_rfc3339("2026-01-02 03:04:05-0330"), utc(2026, 1, 2, 6, 34, 5));
  EXPECT_EQ(parse_rfc3339("2026-01-02T03:04:05"), std::nullopt);
  EXPECT_EQ(parse_rfc3339("2026-02-30T03:04:05Z"), std::nullopt);
  EXPECT_EQ(parse_rfc3339("x2026-01-02T03:04:05Z"), std::nullopt);
  EXPECT_EQ(parse_rfc3339(""), std::nullopt);
}

TEST(Stamp, OfALineIsTheOneThatSaysMost) {
  const auto docker = find_stamp("2026-01-02T03:04:05.6Z (APIServer pid=72) INFO 01-02 12:04:05 [loggers.py:123] Engine 000: ");
  ASSERT_TRUE(docker);
  EXPECT_EQ(docker->offset_seconds, 0);
  EXPECT_EQ(docker->millisecond, 600U);
  const auto plain = find_stamp("(APIServer pid=72) INFO 12-02 06:39:46 [loggers.py:123] Engine 000: ");
  ASSERT_TRUE(plain);
  EXPECT_FALSE(plain->year);
  EXPECT_EQ(plain->begin, 24U);
  EXPECT_EQ(plain->size, 14U);
  const auto journal = find_stamp("Jan 02 03:04:05 gpu-1 vllm[7]: INFO 01-02 03:04:06 metrics.py:161] ");
  ASSERT_TRUE(journal);
  EXPECT_EQ(journal->second, 6U);
  const auto year = find_stamp("vllm-1  | 2026-11-24 10:00:00,250 - INFO - ");
  ASSERT_TRUE(year);
  EXPECT_EQ(year->year, 2026);
  EXPECT_EQ(year->millisecond, 250U);
  EXPECT_FALSE(find_stamp("INFO:     127.0.0.1:52510 - \"POST /v1/chat/completions HTTP/1.1\" 200 OK"));
  EXPECT_FALSE(find_stamp("INFO 13-02 06:39:46 [x"));
  EXPECT_FALSE(find_stamp("INFO 12-02 25:39:46 [x"));
}

std::optional<Instant> next(Calendar& calendar, std::string_view text) {
  const auto stamp = find_stamp(text);
  return stamp ? calendar.instant(*stamp) : std::nullopt;
}

TEST(Calendar, TheYearComesFromWhenTheFileWasWritten) {
  Calendar calendar{nullptr, utc(2026, 1, 5)};
  EXPECT_EQ(next(calendar, "12-30 10:00:00"), utc(2025, 12, 30, 10));
  EXPECT_EQ(next(calendar, "12-31 23:59:50"), utc(2025, 12, 31, 23, 59, 50));
  EXPECT_EQ(next(calendar, "01-01 00:00:10"), utc(2026, 1, 1, 0, 0, 10));
  EXPECT_EQ(next(calendar, "12-31 23:59:59"), utc(2025, 12, 31, 23, 59, 59));  // Another process, a moment late.
  EXPECT_EQ(next(calendar, "01-01 00:00:20"), utc(2026, 1, 1, 0, 0, 20));
}

TEST(Calendar, ALeapDayIsOfTheLastLeapYear) {
  Calendar calendar{nullptr, utc(2026, 1, 5)};
  EXPECT_EQ(next(calendar, "02-29 10:00:00"), utc(2024, 2, 29, 10));
  Calendar none{nullptr, utc(2026, 1, 5)};
  EXPECT_EQ(next(none, "02-30 10:00:00"), std::nullopt);
}

TEST(Calendar, WithoutAnyYearThereIsNoInstant) {
  Calendar calendar{nullptr, std::nullopt};
  EXPECT_EQ(next(calendar, "12-30 10:00:00"), std::nullopt);
  EXPECT_EQ(next(calendar, "2025-12-30 10:00:00"), utc(2025, 12, 30, 10));
  EXPECT_EQ(next(calendar, "12-30 10:00:30"), utc(2025, 12, 30, 10, 0, 30));  // Once one stamp had it, the others follow.
}

TEST(Calendar, AnHourThatComesTwiceIsReadInItsOrder) {
  const std::string file = [] {  // Two offsets, changed on 2026-10-25 01:00 UTC: from +2 h to +1 h.
    const auto be = [](std::uint64_t value, int bytes) {
      std::string out;
      for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i));
      return out;
    };
    const auto change = static_cast<std::uint64_t>(duration_cast<seconds>(utc(2026, 10, 25, 1).time_since_epoch()).count());
    std::string out = "TZif" + std::string(16, '\0') + be(0, 4) + be(0, 4) + be(0, 4) + be(1, 4) + be(2, 4) + be(1, 4);
    return out + be(change, 4) + '\1' + be(7200, 4) + std::string(2, '\0') + be(3600, 4) + std::string(2, '\0') + '\0';
  }();
  const auto zone = Zone::from_tzif("x", file);
  ASSERT_TRUE(zone);
  Calendar calendar{&*zone, utc(2026, 11, 1)};
  EXPECT_EQ(next(calendar, "10-25 01:59:50"), utc(2026, 10, 24, 23, 59, 50));
  EXPECT_EQ(next(calendar, "10-25 02:00:00"), utc(2026, 10, 25, 0));
  EXPECT_EQ(next(calendar, "10-25 02:59:50"), utc(2026, 10, 25, 0, 59, 50));
  EXPECT_EQ(next(calendar, "10-25 02:00:00"), utc(2026, 10, 25, 1));
  EXPECT_EQ(next(calendar, "10-25 02:59:50"), utc(2026, 10, 25, 1, 59, 50));
  EXPECT_EQ(next(calendar, "10-25 03:00:00"), utc(2026, 10, 25, 2));
}

}  // namespace
}  // namespace bellwether::audit
