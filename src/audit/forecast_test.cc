#include "audit/forecast.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace bellwether::audit {
namespace {

using namespace std::chrono;

constexpr sys_days monday{2026y / June / 1};

/// Days with weekends, correlated noise and growth; the truth is the sum of the 30 behind the window.
struct World {
  std::vector<DayValue> seen;
  double truth = 0;
};
World world(std::mt19937_64& random, int window, double noise, double correlation, double growth_a_week, unsigned offset) {
  World out;
  std::normal_distribution<double> normal;
  double error = normal(random) * noise;
  for (int i = 0; i < window + 30; ++i) {
    const sys_days day = monday + days{static_cast<int>(offset) + i};
    const unsigned which = weekday{day}.iso_encoding();
    const double pattern = which == 6 ? 0.35 : which == 7 ? 0.30 : 1;
    error = correlation * error + std::sqrt(1 - correlation * correlation) * noise * normal(random);
    const double value = 1e6 * pattern * std::pow(1 + growth_a_week, i / 7.0) * std::exp(error);
    if (i < window) out.seen.push_back({day, value});
    else out.truth += value;
  }
  return out;
}

double coverage(int window, double noise, double correlation, double growth, Trend trend) {
  std::mt19937_64 random{20260601};
  constexpr int draws = 1000;
  int held = 0;
  for (int i = 0; i < draws; ++i) {
    const World one = world(random, window, noise, correlation, growth, static_cast<unsigned>(i % 7));
    const auto band = forecast_month(one.seen, trend);
    if (band && band->low <= one.truth && one.truth <= band->high) ++held;
  }
  return static_cast<double>(held) / draws;
}

TEST(Forecast, NineOfTenTruthsLieInTheTrendsInterval) {
  for (const int window : {14, 21, 28})
    for (const auto& [noise, correlation] : {std::pair{0.15, 0.3}, std::pair{0.35, 0.5}})
      for (const double growth : {0.0, 0.03}) {
        const double held = coverage(window, noise, correlation, growth, Trend::followed);
        EXPECT_GE(held, 0.80) << window << " " << noise << " " << growth;
        EXPECT_LE(held, 0.97) << window << " " << noise << " " << growth;
      }
}

TEST(Forecast, NineOfTenTruthsLieInTheFlatIntervalWhereNothingGrows) {
  for (const int window : {14, 21, 28})
    for (const auto& [noise, correlation] : {std::pair{0.15, 0.3}, std::pair{0.35, 0.5}}) {
      const double held = coverage(window, noise, correlation, 0, Trend::flat);
      EXPECT_GE(held, 0.80) << window << " " << noise;
      EXPECT_LE(held, 0.97) << window << " " << noise;
    }
}

TEST(Forecast, WithoutNoiseItIsExact) {
  std::mt19937_64 random{1};
  const World one = world(random, 28, 0, 0, 0, 0);
  const auto band = forecast_month(one.seen, Trend::flat);
  ASSERT_TRUE(band);
  // Saturdays and Sundays share one step, and differ a little here.
  EXPECT_NEAR(band->value / one.truth, 1, 0.01);
}

TEST(Forecast, StudentsQuantilesAreThoseOfTables) {
  EXPECT_NEAR(student_95(1), 6.314, 0.001);
  EXPECT_NEAR(student_95(5), 2.015, 0.01);
  EXPECT_NEAR(student_95(12), 1.782, 0.002);
  EXPECT_NEAR(student_95(1000), 1.646, 0.001);
}

Report report_of(int days_seen) {
  Report report;
  report.begin = Instant{monday};
  report.end = Instant{monday + days{days_seen}};
  for (int i = 0; i < days_seen; ++i) {
    const sys_days day = monday + days{i};
    const year_month_day date{day};
    PeriodRow row{.name = "2026-06-" + std::string(i < 9 ? "0" : "") + std::to_string(static_cast<unsigned>(date.day())),
                  .begin = Instant{day},
                  .end = Instant{day + days{1}}};
    row.used[Quantity::output] = {1000.0 + i, 900, 1100, Basis::integrated};
    add(report.totals, row.used);
    report.days.push_back(row);
  }
  return report;
}

TEST(Forecast, UnderSevenDaysThereIsNone) {
  const Forecast none = make_forecast(report_of(6));
  EXPECT_FALSE(none.given);
  EXPECT_NE(none.refused.find("6 whole day(s)"), std::string::npos);
  ASSERT_EQ(none.rough.size(), 1U);
  EXPECT_NEAR(none.rough[0].value, 1002.5, 1);
  EXPECT_FALSE(make_forecast(Report{}).given);
}

TEST(Forecast, UnderFourteenItIsWeakAndFromThenOnHasTwoScenarios) {
  const Forecast weak = make_forecast(report_of(9));
  EXPECT_TRUE(weak.given && weak.weak);
  EXPECT_EQ(weak.scenarios.size(), 1U);
  const Forecast good = make_forecast(report_of(14));
  EXPECT_TRUE(good.given && !good.weak);
  ASSERT_EQ(good.scenarios.size(), 2U);
  EXPECT_EQ(good.scenarios[1].name, "trend");
  EXPECT_LT(good.scenarios[0].low, good.scenarios[0].value);
}

TEST(Forecast, DaysThatWereHardlySeenAreLeftOut) {
  Report report = report_of(8);
  report.days[0].covered = report.days[1].covered = 0.5;
  EXPECT_FALSE(make_forecast(report).given);
}

}  // namespace
}  // namespace bellwether::audit
