#include "relay/health.h"

#include <gtest/gtest.h>

#include "relay/support_test.h"

namespace bellwether::relay {
namespace {

void fail(Target& target, Reason reason, TimePoint now = start, std::int64_t retry_after_ms = -1) {
  target.failed(*target.begin(now, Urgency::last_resort), reason, retry_after_ms, now, 0);
}

TEST(Health, NeverHoldsACallersMistakeOrOurTroubleAgainstAnUpstream) {
  Fleet fleet{1};
  for (const Reason reason : {Reason::upstream_refused, Reason::context_too_long, Reason::content_filtered, Reason::caller_gone, Reason::overloaded,
                              Reason::upstream_busy, Reason::internal})
    for (int i = 0; i < 30; ++i) fail(fleet[0], reason);
  EXPECT_EQ(fleet[0].standing(start), Standing::ready);
  EXPECT_EQ(fleet[0].load().outstanding, 0U);
}

TEST(Health, CountsFaultsOfAnUpstream) {
  for (const Reason reason : {Reason::upstream_unreachable, Reason::upstream_down, Reason::upstream_timeout, Reason::upstream_broken}) {
    Fleet fleet{1};
    for (int i = 0; i < 4; ++i) fail(fleet[0], reason);
    EXPECT_EQ(fleet[0].standing(start), Standing::ready) << name_of(reason);
    fail(fleet[0], reason);
    EXPECT_EQ(fleet[0].standing(start), Standing::open) << name_of(reason);
  }
}

TEST(Health, CallsAnUpstreamBusyForAsLongAsItAsks) {
  Fleet fleet{1};
  fail(fleet[0], Reason::upstream_busy, start, 2'000);
  EXPECT_EQ(fleet[0].standing(start + milliseconds(1'999)), Standing::busy);
  EXPECT_EQ(fleet[0].until(start), start + seconds(2));
  EXPECT_EQ(fleet[0].standing(start + seconds(2)), Standing::ready);
  fail(fleet[0], Reason::upstream_busy, start, 86'400'000);
  EXPECT_EQ(fleet[0].until(start), start + seconds(60));
}

TEST(Health, ClosesOnAProbesRefusal) {
  Fleet fleet{1};
  fleet.break_down(0, start);
  fail(fleet[0], Reason::upstream_refused);
  EXPECT_EQ(fleet[0].breaker().state(), Breaker::State::closed);
}

TEST(Health, KeepsTheModelsOfAnUpstreamApart) {
  catalog::Upstream upstream;
  upstream.name = "a";
  catalog::Model one, two;
  one.id = "one", two.id = "two";
  one.route = {{.upstream = 0, .model = "one"}};
  two.route = {{.upstream = 0, .model = "two"}};
  Health health{1};
  const auto targets = health.adopt(catalog::Revision{1, {upstream}, {one, two}}, start);
  fail(*targets->of(0)[0], Reason::upstream_lacks_model);
  EXPECT_EQ(targets->of(0)[0]->standing(start), Standing::open);
  EXPECT_EQ(targets->of(1)[0]->standing(start), Standing::ready);
  EXPECT_EQ(&targets->of(0)[0]->load(), &targets->of(1)[0]->load());
}

TEST(Health, SurvivesARevision) {
  catalog::Upstream upstream;
  upstream.name = "a";
  catalog::Model model;
  model.id = "m";
  model.route = {{.upstream = 0, .model = "m"}};
  Health health{1};
  auto before = health.adopt(catalog::Revision{1, {upstream}, {model}}, start);
  fail(*before->of(0)[0], Reason::upstream_denied_us);
  upstream.retry.retries = 1;
  auto after = health.adopt(catalog::Revision{2, {upstream}, {model}}, start + seconds(1));
  EXPECT_EQ(before->of(0)[0], after->of(0)[0]);
  EXPECT_EQ(after->of(0)[0]->load().retry.retries, 1U);
  EXPECT_EQ(after->of(0)[0]->standing(start + seconds(1)), Standing::ready);  // The key may be right now.

  upstream.base_url.host = "elsewhere";
  const auto moved = health.adopt(catalog::Revision{3, {upstream}, {model}}, start);
  EXPECT_NE(moved->of(0)[0], after->of(0)[0]);
  EXPECT_EQ(moved->of(0)[0]->breaker().state(), Breaker::State::closed);
}

TEST(Health, KeepsWhatItKnowsForHedging) {
  catalog::Upstream upstream;
  upstream.name = "a";
  catalog::Model hedged, plain;
  hedged.id = "hedged", plain.id = "plain";
  hedged.route = plain.route = {{.upstream = 0, .model = "m"}};
  hedged.hedge.emplace();
  Health health{1};
  const auto before = health.adopt(catalog::Revision{1, {upstream}, {hedged, plain}}, start);
  const auto after = health.adopt(catalog::Revision{2, {upstream}, {plain, hedged}}, start);
  EXPECT_NE(before->hedge(0), nullptr);
  EXPECT_EQ(before->hedge(1), nullptr);
  EXPECT_EQ(after->hedge(1), before->hedge(0));
}

TEST(Health, ForgetsTargetsThatNoRevisionNames) {
  catalog::Upstream upstream;
  upstream.name = "a";
  Health health{1};
  std::shared_ptr<const Targets> targets;
  for (int i = 0; i < 100; ++i) {
    catalog::Model model;
    model.id = std::to_string(i);
    model.route = {{.upstream = 0, .model = model.id}};
    targets = health.adopt(catalog::Revision{1, {upstream}, {model}}, start);
  }
  const auto rows = health.snapshot(start);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].model, "99");
}

TEST(Health, ShowsItsState) {
  Fleet fleet{2};
  fleet.break_down(1, start, Reason::upstream_timeout);
  fail(fleet[0], Reason::upstream_busy, start, 3'000);
  const auto rows = fleet.health.snapshot(start);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].upstream, "a");
  EXPECT_EQ(rows[0].state, Breaker::State::closed);
  EXPECT_EQ(rows[0].busy_for, seconds(3));
  EXPECT_EQ(rows[1].state, Breaker::State::open);
  EXPECT_EQ(rows[1].cause, Reason::upstream_timeout);
  EXPECT_EQ(rows[1].opened_total, 1U);
  EXPECT_GT(rows[1].open_for, Duration{});
}

TEST(Health, MakesTheNextRequestTheProbeWhenAnActiveOneFindsItWell) {
  Fleet fleet{1};
  fleet.break_down(0, start);
  fleet[0].probed(Target::Probed::well, start);
  EXPECT_EQ(fleet[0].standing(start), Standing::ready);
  EXPECT_NE(fleet[0].breaker().state(), Breaker::State::closed);
  EXPECT_TRUE(fleet[0].begin(start));
  EXPECT_EQ(fleet[0].standing(start), Standing::open);
}

/// What the issue asks for: an outage of a minute, a call every `gap`, and back home soon after its end.
Duration time_to_return(Duration gap) {
  Fleet fleet{1};
  const TimePoint well_from = start + seconds(60);
  std::uint64_t bits = 1;
  for (TimePoint now = start;; now += gap) {
    const auto turn = fleet[0].begin(now);
    if (!turn) continue;
    if (now >= well_from) return now - well_from;
    fleet[0].failed(*turn, Reason::upstream_unreachable, -1, now, bits = bits * 6364136223846793005ULL + 1442695040888963407ULL);
  }
}

TEST(Health, LetsTrafficBackWithinFiveSecondsOfAnOutagesEnd) {
  EXPECT_LE(time_to_return(milliseconds(10)), seconds(4));
  EXPECT_LE(time_to_return(milliseconds(500)), seconds(5));
  EXPECT_LE(time_to_return(seconds(4)), seconds(8));
}

}  // namespace
}  // namespace bellwether::relay
