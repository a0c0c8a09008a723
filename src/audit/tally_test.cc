#include "audit/tally.h"

#include <gtest/gtest.h>

namespace bellwether::audit {
namespace {

using namespace std::chrono;

constexpr Instant noon{sys_days{2026y / October / 5} + 12h};

RatesSeen rates(std::uint32_t source, Instant at, double prompt, double generation, std::string_view engine = "000") {
  return {.place = {source, 1}, .at = at, .engine = engine, .prompt_tokens_per_second = prompt, .generation_tokens_per_second = generation};
}

CounterSeen counter(std::uint32_t source, Instant at, double value, std::string_view instance = "gpu-0:8000", Counter of = Counter::generation_tokens) {
  return {.place = {source, 1},
          .at = at,
          .series = {.hash = std::hash<std::string_view>{}(instance), .model = "m", .instance = instance},
          .counter = of,
          .value = value};
}

RequestSeen request(std::uint32_t source, Instant end, std::uint64_t input, std::uint64_t output) {
  return {.place = {source, 1}, .log = RequestLog::usage_records, .end = end, .model = "m", .input_tokens = input, .output_tokens = output};
}

double output_of(const Report& report) { return report.totals[Quantity::output].value; }

TEST(Tally, MultipliesARateByTheTimeSinceTheLineBefore) {
  Tally tally{Zone{}};
  const std::uint32_t source = tally.add_source("log", "vllm-log", 0);
  for (int i = 0; i <= 60; ++i) tally.seen(rates(source, noon + seconds{10 * i}, 100, 20));
  tally.end_source(source);
  const Report report = tally.report({});
  EXPECT_NEAR(output_of(report), 61 * 10 * 20, 1);
  EXPECT_EQ(report.totals[Quantity::output].basis, Basis::integrated);
  EXPECT_LT(report.totals[Quantity::output].low, 61 * 10 * 20);
  EXPECT_GT(report.totals[Quantity::output].high, 61 * 10 * 20);
}

TEST(Tally, DoesNotBridgeAGap) {
  Tally tally{Zone{}};
  const std::uint32_t source = tally.add_source("log", "vllm-log", 0);
  for (int i = 0; i <= 30; ++i) tally.seen(rates(source, noon + seconds{10 * i}, 100, 20));
  tally.seen(rates(source, noon + seconds{310}, 0, 0));
  for (int i = 0; i < 30; ++i) tally.seen(rates(source, noon + hours{5} + seconds{10 * i}, 100, 20));
  tally.end_source(source);
  const Report report = tally.report({});
  EXPECT_NEAR(output_of(report), 61 * 10 * 20, 1);
  EXPECT_EQ(report.missing_seconds, 0);
  EXPECT_NEAR(report.idle_seconds, 5 * 3600 - 320, 30);
}

TEST(Tally, AddsEnginesAndTakesAnAggregateForOneOfThem) {
  Tally tally{Zone{}};
  const std::uint32_t source = tally.add_source("log", "vllm-log", 0);
  for (int i = 0; i <= 60; ++i) {
    tally.seen(rates(source, noon + seconds{10 * i}, 100, 20, "000"));
    tally.seen(rates(source, noon + seconds{10 * i}, 100, 21, "001"));
    RatesSeen sum = rates(source, noon + seconds{10 * i}, 200, 41, "2 Engines");
    sum.is_aggregate = true;
    tally.seen(sum);
  }
  tally.end_source(source);
  EXPECT_NEAR(output_of(tally.report({})), 61 * 10 * 41, 2);
}

TEST(Tally, CountsACounterBetweenItsSamplesAndFromZeroAfterARestart) {
  Tally tally{Zone{}};
  const std::uint32_t source = tally.add_source("metrics", "prometheus-api", 0);
  for (int i = 0; i <= 10; ++i) tally.seen(counter(source, noon + minutes{i}, 1'000 + 100 * i));
  for (int i = 0; i <= 10; ++i) tally.seen(counter(source, noon + minutes{11 + i}, 50 + 100 * i));
  tally.end_source(source);
  const Report report = tally.report({});
  EXPECT_EQ(output_of(report), 1'000 + 50 + 1'000);
  // What came between the last sample and the restart is in nobody's books: at most a scrape's worth.
  EXPECT_GE(report.totals[Quantity::output].high, 2'050);
  EXPECT_LE(report.totals[Quantity::output].high, 2'250);
}

TEST(Tally, BelievesTwoInstancesThatCountAlike) {
  Tally tally{Zone{}};
  const std::uint32_t source = tally.add_source("metrics", "prometheus-api", 0);
  for (const std::string_view instance : {"gpu-0:8000", "gpu-1:8000"})
    for (int i = 0; i <= 10; ++i) tally.seen(counter(source, noon + minutes{i}, 100 * i, instance));
  tally.end_source(source);
  EXPECT_EQ(output_of(tally.report({})), 2'000);
}

TEST(Tally, WeighsRecordsAndRatesOfOneTrafficInsteadOfAddingThem) {
  Tally tally{Zone{}};
  const std::uint32_t log = tally.add_source("log", "vllm-log", 0), records = tally.add_source("records", "usage-jsonl", 1);
  for (int i = 0; i <= 360; ++i) tally.seen(rates(log, noon + seconds{10 * i}, 100, 20));
  tally.end_source(log);
  for (int i = 0; i < 360; ++i) tally.seen(request(records, noon + seconds{10 * i + 5}, 1'000, 200));
  tally.end_source(records);
  const Report report = tally.report({});
  EXPECT_NEAR(output_of(report), 360 * 200, 0.03 * 360 * 200);
  EXPECT_TRUE(report.disagreements.empty());
}

TEST(Tally, SaysWhereTwoSourcesDisagree) {
  Tally tally{Zone{}};
  const std::uint32_t log = tally.add_source("log", "vllm-log", 0), records = tally.add_source("records", "usage-jsonl", 1);
  for (int i = 0; i <= 720; ++i) tally.seen(rates(log, noon + seconds{10 * i}, 100, 20));
  tally.end_source(log);
  for (int i = 0; i < 720; ++i) tally.seen(request(records, noon + seconds{10 * i + 5}, 1'000, 100));
  tally.end_source(records);
  const Report report = tally.report({});
  ASSERT_FALSE(report.disagreements.empty());
  EXPECT_NEAR(output_of(report), 720 * 100, 0.03 * 720 * 100);
}

TEST(Tally, CountsOnlyWhatLiesInThePeriod) {
  Tally tally{Zone{}, {.since = noon + hours{1}, .until = noon + hours{2}}};
  const std::uint32_t source = tally.add_source("records", "usage-jsonl", 0);
  for (int i = 0; i < 180; ++i) tally.seen(request(source, noon + minutes{i} + seconds{30}, 10, 1));
  tally.end_source(source);
  EXPECT_EQ(output_of(tally.report({})), 60);
}

TEST(Tally, CountsARequestThatComesTwiceOnce) {
  Tally tally{Zone{}};
  const std::uint32_t source = tally.add_source("records", "usage-jsonl", 0);
  RequestSeen one = request(source, noon, 10, 1);
  one.id = "chatcmpl-1";
  tally.seen(one);
  tally.seen(one);
  tally.end_source(source);
  EXPECT_EQ(output_of(tally.report({})), 1);
}

TEST(Tally, FindsNothingInNothing) {
  Tally tally{Zone{}};
  const Report report = tally.report({});
  EXPECT_TRUE(report.is_empty());
  EXPECT_EQ(report.totals[Quantity::output].basis, Basis::unknown);
}

}  // namespace
}  // namespace bellwether::audit
