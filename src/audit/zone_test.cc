#include "audit/zone.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "audit/zone_rule.h"

namespace bellwether::audit {
namespace {

using namespace std::chrono;

std::string be32(std::int64_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(static_cast<std::uint64_t>(value) >> shift);
  return out;
}
std::string be64(std::int64_t value) { return be32(value >> 32) + be32(value & 0xffffffff); }

/// A slim file, as newer zic makes them: kinds, a few changes, and the rule.
std::string tzif(const std::vector<std::int32_t>& offsets, const std::vector<std::pair<std::int64_t, int>>& changes, const std::string& rule) {
  const auto head = [](std::size_t times, std::size_t kinds) {
    return "TZif2" + std::string(15, '\0') + be32(0) + be32(0) + be32(0) + be32(static_cast<std::int64_t>(times)) + be32(static_cast<std::int64_t>(kinds)) +
           be32(4);
  };
  std::string out = head(0, 1) + be32(0) + std::string(2, '\0') + "XXX" + '\0' + head(changes.size(), offsets.size());
  for (const auto& [at, kind] : changes) out += be64(at);
  for (const auto& [at, kind] : changes) out += static_cast<char>(kind);
  for (const std::int32_t offset : offsets) out += be32(offset) + std::string(2, '\0');
  return out + "XXX" + '\0' + '\n' + rule + '\n';
}

Zone berlin() { return *Zone::from_tzif("Europe/Berlin", tzif({3600}, {}, "CET-1CEST,M3.5.0,M10.5.0/3")); }

LocalTime at(int y, unsigned mo, unsigned d, int h, int mi = 0) {
  return LocalTime{local_days{year{y} / month{mo} / day{d}}.time_since_epoch() + hours{h} + minutes{mi}};
}
Instant utc(int y, unsigned mo, unsigned d, int h, int mi = 0) { return Instant{at(y, mo, d, h, mi).time_since_epoch()}; }

TEST(Zone, OffsetsAreReadInEveryUsualForm) {
  EXPECT_EQ(Zone::from_offset("UTC")->name(), "UTC");
  for (const char* text : {"+09:00", "+0900", "+09", "+9", "UTC+9"}) {
    const auto zone = Zone::from_offset(text);
    ASSERT_TRUE(zone) << text;
    EXPECT_EQ(zone->text(utc(2026, 11, 24, 8)), "2026-11-24T17:00:00+09:00") << text;
  }
  EXPECT_EQ(Zone::from_offset("-03:30")->offset_at({}), -seconds{12600});
  for (const char* text : {"", "Asia/Seoul", "+25", "+1:2", "+09:60", "09:00", "+123456"}) EXPECT_FALSE(Zone::from_offset(text)) << text;
}

TEST(Zone, TheRuleInTheFooterIsFollowed) {
  const Zone zone = berlin();
  EXPECT_EQ(zone.offset_at(utc(2026, 1, 1, 0)), hours{1});
  EXPECT_EQ(zone.offset_at(utc(2026, 7, 1, 0)), hours{2});
  EXPECT_EQ(zone.offset_at(utc(2026, 3, 29, 0, 59)), hours{1});
  EXPECT_EQ(zone.offset_at(utc(2026, 3, 29, 1)), hours{2});
  EXPECT_EQ(zone.offset_at(utc(2026, 10, 25, 0, 59)), hours{2});
  EXPECT_EQ(zone.offset_at(utc(2026, 10, 25, 1)), hours{1});
  EXPECT_EQ(zone.offset_at(utc(2098, 7, 1, 0)), hours{2});
}

TEST(Zone, AnHourThatComesTwiceHasTwoInstants) {
  const Meant meant = berlin().meant(at(2026, 10, 25, 2, 30));
  EXPECT_EQ(meant.how, Meant::How::twice);
  EXPECT_EQ(meant.earlier, utc(2026, 10, 25, 0, 30));
  EXPECT_EQ(meant.later, utc(2026, 10, 25, 1, 30));
}

TEST(Zone, AnHourThatIsJumpedOverIsReadAsJustAfterTheJump) {
  const Meant meant = berlin().meant(at(2026, 3, 29, 2, 30));
  EXPECT_EQ(meant.how, Meant::How::never);
  EXPECT_EQ(meant.earlier, utc(2026, 3, 29, 1, 30));
  EXPECT_EQ(berlin().meant(at(2026, 3, 29, 3)).how, Meant::How::once);
}

TEST(Zone, DaysOfAChangeAreLongerOrShorter) {
  const Zone zone = berlin();
  const auto length = [&](sys_days day) { return zone.begin_of(day + days{1}) - zone.begin_of(day); };
  EXPECT_EQ(length(sys_days{2026y / March / 29}), hours{23});
  EXPECT_EQ(length(sys_days{2026y / October / 25}), hours{25});
  EXPECT_EQ(length(sys_days{2026y / May / 1}), hours{24});
}

TEST(Zone, ADayWhoseMidnightIsJumpedOverBeginsAtTheJump) {
  // As Chile has it: at 24:00 of a Saturday clocks go to 1:00.
  const Zone zone = *Zone::from_tzif("x", tzif({-14400}, {}, "<-04>4<-03>,M9.1.6/24,M4.1.6/24"));
  EXPECT_EQ(zone.begin_of(2026y / September / 6), utc(2026, 9, 6, 4));
  EXPECT_EQ(zone.local(utc(2026, 9, 6, 4)), at(2026, 9, 6, 1));
}

TEST(Zone, CivilIsWhatTheWallShows) {
  const Civil civil = berlin().civil(utc(2026, 11, 22, 23, 30));
  EXPECT_EQ(civil, (Civil{2026y / November / 23, 0, 0}));  // A Monday.
  EXPECT_EQ(Zone{}.civil(Instant{-milliseconds{1}}).day, 1969y / December / 31);
}

TEST(Zone, ChangesOfTheFileComeBeforeTheRule) {
  const Zone zone = *Zone::from_tzif("Asia/Seoul", tzif({30472, 30600, 32400}, {{-1948782472, 1}, {-1830414600, 2}}, "KST-9"));
  EXPECT_EQ(zone.offset_at(utc(1908, 6, 1, 0)), seconds{30600});
  EXPECT_EQ(zone.offset_at(utc(2026, 7, 1, 0)), hours{9});
  EXPECT_EQ(zone.text(utc(2026, 12, 31, 20)), "2027-01-01T05:00:00+09:00");
}

TEST(Zone, BrokenBytesAreNoZone) {
  const std::string good = tzif({3600}, {{0, 0}}, "CET-1");
  ASSERT_TRUE(Zone::from_tzif("x", good));
  for (std::size_t size = 0; size < good.size() - 8; ++size) EXPECT_FALSE(Zone::from_tzif("x", good.substr(0, size))) << size;
  EXPECT_FALSE(Zone::from_tzif("x", "<html>"));
  EXPECT_FALSE(Zone::from_tzif("x", tzif({3600}, {{5, 0}, {4, 0}}, "")));
  EXPECT_FALSE(Zone::from_tzif("x", tzif({3600}, {{5, 7}}, "")));
}

TEST(ZoneRule, FormsOfTheSpecification) {
  EXPECT_EQ(parse_zone_rule("<+0330>-3:30")->offset, 12600);
  const auto rule = parse_zone_rule("IST-2IDT,M3.4.4/26,J300/-1:30");
  ASSERT_TRUE(rule);
  EXPECT_EQ(rule->summer_begin.seconds, 26 * 3600);
  EXPECT_EQ(rule->summer_end.seconds, -5400);
  EXPECT_EQ(rule->summer_offset, 3 * 3600);
  for (const char* text : {"", "A", "CET", "CET-1CEST", "CET-1CEST,M13.1.0,M1.1.0", "CET-1CEST,M3.5.0,M10.5.0/3x"}) EXPECT_FALSE(parse_zone_rule(text)) << text;
}

TEST(Zone, TheSystemsOwnFilesAreRead) {
  std::ifstream file{"/usr/share/zoneinfo/America/New_York", std::ios::binary};
  if (!file) GTEST_SKIP() << "no zoneinfo here";
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  const auto zone = Zone::from_tzif("America/New_York", bytes);
  ASSERT_TRUE(zone);
  EXPECT_EQ(zone->text(utc(2026, 3, 8, 6, 59)), "2026-03-08T01:59:00-05:00");
  EXPECT_EQ(zone->text(utc(2026, 3, 8, 7)), "2026-03-08T03:00:00-04:00");
  EXPECT_EQ(zone->text(utc(2045, 7, 1, 0)), "2045-06-30T20:00:00-04:00");
}

}  // namespace
}  // namespace bellwether::audit
