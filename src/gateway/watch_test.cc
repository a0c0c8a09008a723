#include "gateway/watch.h"

#include <gtest/gtest.h>

namespace bellwether::gateway {
namespace {

using State = relay::Breaker::State;
using std::chrono::seconds;

constexpr TimePoint start{std::chrono::hours(1)};

relay::TargetState row(State state, std::uint64_t opened = 0, std::string model = "m") {
  return {.upstream = "a",
          .model = std::move(model),
          .state = state,
          .cause = Reason::upstream_down,
          .failures_in_a_row = 0,
          .opened_total = opened,
          .open_for = {},
          .busy_for = {},
          .outstanding = 2,
          .waiting = 1,
          .concurrency_limit = 4,
          .retries_total = 3,
          .retries_refused_total = 1};
}

TEST(Watch, ShowsTheWorstStateOfAnyLaneAndSums) {
  Watch watch{2};
  std::ignore = watch.take(0, {row(State::closed, 1)}, start);
  std::ignore = watch.take(1, {row(State::half_open, 2)}, start);
  ASSERT_EQ(watch.upstreams().size(), 1U);
  const relay::TargetState& sum = watch.upstreams()[0];
  EXPECT_EQ(sum.state, State::half_open);
  EXPECT_EQ(sum.opened_total, 3U);
  EXPECT_EQ(sum.outstanding, 4U);
  EXPECT_EQ(sum.waiting, 2U);
  EXPECT_EQ(sum.concurrency_limit, 8U);
  EXPECT_EQ(sum.retries_total, 6U);
  EXPECT_EQ(sum.retries_refused_total, 2U);
  std::ignore = watch.take(0, {row(State::open, 2)}, start);
  EXPECT_EQ(watch.upstreams()[0].state, State::half_open) << "looked at when both have told";
  std::ignore = watch.take(1, {row(State::half_open, 2)}, start);
  EXPECT_EQ(watch.upstreams()[0].state, State::open);
}

TEST(Watch, SaysOnceThatABreakerOpenedAndOnceThatItClosed) {
  Watch watch{2};
  const auto both = [&watch](relay::TargetState first, relay::TargetState second, int second_of_time) {
    EXPECT_TRUE(watch.take(0, {std::move(first)}, start + seconds(second_of_time)).empty());
    return watch.take(1, {std::move(second)}, start + seconds(second_of_time));
  };
  EXPECT_TRUE(both(row(State::closed), row(State::closed), 0).empty());
  EXPECT_EQ(both(row(State::closed), row(State::open, 1), 1), std::vector<std::string>{"upstream a, model m: open, upstream_down"});
  EXPECT_TRUE(both(row(State::open, 1), row(State::open, 1), 2).empty());
  EXPECT_TRUE(both(row(State::half_open, 1), row(State::open, 1), 7).empty());
  EXPECT_TRUE(both(row(State::closed, 1), row(State::open, 1), 8).empty()) << "the other lane has not tried it";
  EXPECT_EQ(both(row(State::closed, 1), row(State::closed, 1), 9), std::vector<std::string>{"upstream a, model m: closed, served again after 8 s"});
}

TEST(Watch, SaysLittleAboutAnUpstreamThatFlaps) {
  Watch watch{1};
  std::size_t lines = 0;
  for (int second = 0; second < 100; ++second)
    lines += watch.take(0, {row(second % 2 == 0 ? State::open : State::closed, static_cast<std::uint64_t>(second / 2 + 1))}, start + seconds(second)).size();
  EXPECT_GE(lines, 10U);
  EXPECT_LE(lines, 21U);
}

TEST(Watch, ForgetsWhatNoRevisionNamesAnyMore) {
  Watch watch{1};
  std::ignore = watch.take(0, {row(State::open, 1), row(State::closed, 0, "n")}, start);
  EXPECT_EQ(watch.upstreams().size(), 2U);
  EXPECT_TRUE(watch.take(0, {}, start).empty());
  EXPECT_TRUE(watch.upstreams().empty());
}

}  // namespace
}  // namespace bellwether::gateway
