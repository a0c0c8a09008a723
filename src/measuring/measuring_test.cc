#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "measuring/difference.h"
#include "measuring/distribution.h"
#include "measuring/schedule.h"
#include "measuring/summary.h"
#include "measuring/threshold.h"

namespace bellwether::measuring {
namespace {

using std::chrono::milliseconds;

std::vector<double> to_hundred() {
  std::vector<double> values(100);
  std::iota(values.begin(), values.end(), 1);
  return values;
}

// ---- Distribution ----

TEST(Distribution, TellsPercentilesByNearestRank) {
  const Distribution all{to_hundred()};
  EXPECT_EQ(all.value_at(0.5), 50);
  EXPECT_EQ(all.value_at(0.95), 95);
  EXPECT_EQ(all.value_at(0.99), 99);
  EXPECT_EQ(all.max(), 100);
  EXPECT_EQ(all.mean(), 50.5);
  EXPECT_EQ(Distribution{{7}}.value_at(0.99), 7);
}

TEST(Distribution, EnclosesTheMedianAsTheTablesDo) {
  // Conover, Practical Nonparametric Statistics, table A3: 95 % for the median of 100 values are ranks 40 and 61; of 10, 2 and 9.
  EXPECT_EQ(ranks_around(0.5, 100).low, 40U);
  EXPECT_EQ(ranks_around(0.5, 100).high, 61U);
  EXPECT_EQ(ranks_around(0.5, 10).low, 2U);
  EXPECT_EQ(ranks_around(0.5, 10).high, 9U);
}

TEST(Distribution, LeavesAnIntervalOpenWhereTooFewValuesReach) {
  const Estimate p99 = Distribution{to_hundred()}.quantile(0.99);
  EXPECT_EQ(p99.value, 99);
  EXPECT_TRUE(p99.low);
  EXPECT_FALSE(p99.high);
  EXPECT_FALSE(Distribution{{1}}.quantile(0.5).low);
  // 0.99³⁶⁸ is under 2.5 %: from 368 values on the largest bounds the 99th percentile.
  EXPECT_EQ(ranks_around(0.99, 367).high, 368U);
  EXPECT_EQ(ranks_around(0.99, 368).high, 368U);
}

TEST(Distribution, IntervalsHoldTheTruthAsOftenAsTheySay) {
  Random random{7};
  int held = 0;
  constexpr int tries = 2000;
  for (int i = 0; i < tries; ++i) {
    std::vector<double> values(200);
    for (double& value : values) value = -std::log((static_cast<double>(random.next() >> 11) + 1) * 0x1p-53);
    const Estimate p90 = Distribution{std::move(values)}.quantile(0.9);
    const double truth = -std::log(0.1);
    held += p90.low && p90.high && *p90.low <= truth && truth <= *p90.high ? 1 : 0;
  }
  EXPECT_GE(held, tries * 94 / 100);
}

TEST(Distribution, OfAMillionTakesNoTime) {
  const Ranks ranks = ranks_around(0.99, 1'000'000);
  // 990,000 ± 1.96 × √9,900
  EXPECT_NEAR(static_cast<double>(ranks.low), 989'805, 3);
  EXPECT_NEAR(static_cast<double>(ranks.high), 990'196, 3);
}

TEST(Reservoir, KeepsAFairChoice) {
  Reservoir reservoir{1000, 3};
  for (int i = 0; i < 100'000; ++i) reservoir.offer(i);
  EXPECT_EQ(reservoir.values().size(), 1000U);
  EXPECT_EQ(reservoir.offered(), 100'000U);
  EXPECT_NEAR(Distribution{reservoir.values()}.mean(), 50'000, 4000);
}

// ---- Schedule ----

TEST(Schedule, ConstantIsEven) {
  Schedule schedule{Arrivals::constant, 4, 1};
  for (int i = 0; i < 100; ++i) EXPECT_EQ(schedule.next(), milliseconds(250) * i);
}

TEST(Schedule, PoissonHasItsRateAndComesAgainWithItsSeed) {
  Schedule one{Arrivals::poisson, 100, 9}, again{Arrivals::poisson, 100, 9}, other{Arrivals::poisson, 100, 10};
  Duration last{}, difference{};
  double squares = 0;
  constexpr int count = 20'000;
  for (int i = 0; i < count; ++i) {
    const Duration next = one.next();
    EXPECT_GE(next, last);
    EXPECT_EQ(next, again.next());
    difference += next > other.next() ? Duration{1} : Duration{0};
    squares += std::pow(milliseconds_of(next - last), 2);
    last = next;
  }
  EXPECT_NEAR(milliseconds_of(last) / count, 10, 0.3);
  EXPECT_NEAR(squares / count, 200, 15);  // Exponential: the mean square is twice the squared mean.
  EXPECT_GT(difference.count(), 0);
}

// ---- Difference ----

TEST(Difference, FindsAShiftThatTheSpreadWouldHide) {
  std::vector<Pair> pairs;
  Random random{5};
  for (int i = 0; i < 200; ++i) {
    const double prompt = static_cast<double>(random.below(1000));  // What both have in common varies by far more than they differ.
    pairs.push_back({prompt, prompt + 5 + static_cast<double>(random.below(3))});
  }
  const auto difference = difference_of(pairs, 1);
  ASSERT_TRUE(difference);
  EXPECT_EQ(difference->pairs, 200U);
  EXPECT_NEAR(difference->typical.value, 6, 1);
  EXPECT_TRUE(difference->is_certain());
  EXPECT_LE(*difference->quantiles[0].low, difference->quantiles[0].value);
  EXPECT_GE(*difference->quantiles[0].high, difference->quantiles[0].value);
}

TEST(Difference, DoesNotFindWhatIsNotThere) {
  std::vector<Pair> pairs;
  Random random{6};
  for (int i = 0; i < 200; ++i) pairs.push_back({static_cast<double>(random.below(1000)), static_cast<double>(random.below(1000))});
  EXPECT_FALSE(difference_of(pairs, 1)->is_certain());
  EXPECT_FALSE(difference_of({}, 1));
}

// ---- Summary ----

Sample answered(int number, milliseconds first, milliseconds last, std::int64_t tokens) {
  Sample sample;
  sample.number = static_cast<std::uint64_t>(number);
  sample.intended = milliseconds(100) * number;
  sample.first_token = first;
  sample.last_token = last;
  sample.total = last + milliseconds(1);
  sample.input_tokens = 10;
  sample.output_tokens = tokens;
  sample.chunks = static_cast<std::uint64_t>(tokens);
  return sample;
}

TEST(Summary, CountsErrorsByKindAndTimesOfAnswersAlone) {
  std::vector<Sample> samples{answered(0, milliseconds(10), milliseconds(50), 5), answered(1, milliseconds(20), milliseconds(60), 5)};
  samples.push_back({.number = 2, .intended = milliseconds(200), .total = milliseconds(800), .error = "timeout"});
  samples.push_back({.number = 3, .intended = milliseconds(300), .total = milliseconds(5), .error = "status_429"});
  const std::vector<Goal> goals{{Metric::ttft, 15}};
  const Summary summary = summarise(samples, {10, 10}, goals);
  EXPECT_EQ(summary.requests, 4U);
  EXPECT_EQ(summary.ok, 2U);
  EXPECT_EQ(summary.errors.at("timeout"), 1U);
  EXPECT_EQ(summary.errors.at("status_429"), 1U);
  EXPECT_EQ(summary.good, 1U);
  EXPECT_EQ(summary.input_tokens, 20);
  EXPECT_EQ(summary.output_tokens, 10);
  EXPECT_DOUBLE_EQ(summary.seconds, 1);
  EXPECT_EQ(summary.of(Metric::ttft)->count(), 2U);
  EXPECT_EQ(summary.of(Metric::tpot)->value_at(0.5), 10);
  EXPECT_EQ(summary.of(Metric::send_delay)->count(), 4U);
}

TEST(Summary, PairsWhatBothAnswered) {
  std::vector<Sample> first{answered(0, milliseconds(10), milliseconds(50), 5), answered(1, milliseconds(20), milliseconds(60), 5)};
  std::vector<Sample> second{answered(2, milliseconds(1), milliseconds(2), 5), answered(1, milliseconds(25), milliseconds(60), 5),
                             answered(0, milliseconds(13), milliseconds(50), 5)};
  second.back().error = "cut";
  const std::vector<Pair> pairs = pairs_of(first, second, Metric::ttft);
  ASSERT_EQ(pairs.size(), 1U);
  EXPECT_EQ(pairs[0].second - pairs[0].first, 5);
}

TEST(Summary, OfNothingIsEmpty) {
  const Summary summary = summarise({}, {}, {});
  EXPECT_EQ(summary.requests, 0U);
  EXPECT_FALSE(summary.of(Metric::total));
  EXPECT_EQ(summary.per_second(5), 0);
}

// ---- Threshold ----

TEST(Threshold, ReadsWhatItIsGiven) {
  const auto time = parse_threshold("ttft.p99>1.5s");
  ASSERT_TRUE(time);
  EXPECT_EQ(time->metric, Metric::ttft);
  EXPECT_EQ(time->statistic, Statistic::p99);
  EXPECT_EQ(time->bound, 1500);
  const auto rate = parse_threshold(" errors.rate >= 0.5% ");
  ASSERT_TRUE(rate);
  EXPECT_EQ(rate->figure, Figure::error_rate);
  EXPECT_EQ(rate->compare, Compare::at_least);
  EXPECT_EQ(rate->bound, 0.5);
  EXPECT_EQ(parse_threshold("difference.total.p50>20ms")->of, Of::difference);
  EXPECT_EQ(parse_threshold("against.requests_per_second<100")->of, Of::against);
}

TEST(Threshold, SaysWhatIsWrongAndWhatWasMeant) {
  const auto said = [](std::string_view text) {
    const auto parsed = parse_threshold(text);
    return parsed ? std::string("taken") : parsed.error().about.text.str();
  };
  EXPECT_NE(said("tftt.p99>500ms").find("did you mean ttft?"), std::string::npos) << said("tftt.p99>500ms");
  EXPECT_NE(said("ttft.p9>500ms").find("did you mean p9"), std::string::npos) << said("ttft.p9>500ms");
  EXPECT_NE(said("error.rate>1%").find("did you mean errors.rate?"), std::string::npos) << said("error.rate>1%");
  EXPECT_NE(said("ttft>500ms").find("ttft.p99"), std::string::npos);
  EXPECT_NE(said("ttft.p99>500").find("takes a value such as 500ms"), std::string::npos);
  EXPECT_NE(said("errors.rate>1").find("1%"), std::string::npos);
  EXPECT_NE(said("ttft.p99=500ms").find("says when it is missed"), std::string::npos);
  EXPECT_NE(said("ttft.p99>-5ms"), "taken");
  EXPECT_NE(said("ttft.p99>ms"), "taken");
  EXPECT_NE(said("difference.errors.rate>1%"), "taken");
  EXPECT_NE(said("difference.ttft.max>1s"), "taken");
  EXPECT_NE(said(""), "taken");
  EXPECT_FALSE(parse_goals("itl<5ms"));
  EXPECT_FALSE(parse_goals("ttft>5ms"));
  EXPECT_EQ(parse_goals("ttft<500ms, tpot<50ms")->size(), 2U);
}

TEST(Threshold, IsJudgedByTheRun) {
  const std::vector<Sample> samples{answered(0, milliseconds(10), milliseconds(50), 5), answered(1, milliseconds(20), milliseconds(60), 5)};
  const Outcome outcome{.endpoints = {summarise(samples, {}, {})}};
  EXPECT_TRUE(judge(*parse_threshold("ttft.max>19ms"), outcome).is_missed);
  EXPECT_FALSE(judge(*parse_threshold("ttft.max>20ms"), outcome).is_missed);
  EXPECT_TRUE(judge(*parse_threshold("ttft.max>=20ms"), outcome).is_missed);
  EXPECT_FALSE(judge(*parse_threshold("errors.rate>0%"), outcome).is_missed);
  EXPECT_TRUE(judge(*parse_threshold("requests_per_second<1000"), outcome).is_missed);
}

TEST(Threshold, AFigureThatIsNotThereIsMissed) {
  const Outcome outcome{.endpoints = {summarise({}, {}, {})}};
  EXPECT_TRUE(judge(*parse_threshold("ttft.p50>5s"), outcome).is_missed);
  EXPECT_TRUE(judge(*parse_threshold("errors.rate>50%"), outcome).is_missed);
  EXPECT_TRUE(judge(*parse_threshold("against.ttft.p50>5s"), outcome).is_missed);
  EXPECT_TRUE(judge(*parse_threshold("goodput.rate<5%"), outcome).is_missed);
}

}  // namespace
}  // namespace bellwether::measuring
