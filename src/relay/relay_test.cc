#include "relay/relay.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace bellwether::relay {
namespace {

AttemptFailed failed_at(Progress progress, Reason reason = Reason::upstream_down) { return {progress, reason}; }

TEST(Relay, BeginsWithTheFirstCandidate) {
  Relay relay{2};
  EXPECT_EQ(relay.next(Begin{}), Step{Try{0}});
}

TEST(Relay, TriesTheNextCandidateWhenNothingWasSent) {
  Relay relay{2};
  std::ignore = relay.next(Begin{});
  EXPECT_EQ(relay.next(failed_at(Progress::nothing_sent, Reason::upstream_unreachable)), Step{Try{1}});
}

TEST(Relay, TriesTheNextCandidateAfterARequestThatWasSent) {
  Relay relay{2};
  std::ignore = relay.next(Begin{});
  EXPECT_EQ(relay.next(failed_at(Progress::request_sent, Reason::upstream_timeout)), Step{Try{1}});
}

TEST(Relay, StopsOnceTheCallerHasSeenAByte) {
  Relay relay{2};
  std::ignore = relay.next(Begin{});
  EXPECT_EQ(relay.next(failed_at(Progress::reply_started, Reason::upstream_broken)), Step{Finish{}});
}

TEST(Relay, DoesNotTryAgainAfterTheCallersOwnMistake) {
  for (const Reason reason : {Reason::upstream_refused, Reason::context_too_long, Reason::caller_gone, Reason::request_malformed}) {
    Relay relay{3};
    std::ignore = relay.next(Begin{});
    EXPECT_EQ(relay.next(failed_at(Progress::request_sent, reason)), Step{Finish{}}) << name_of(reason);
  }
}

TEST(Relay, GoesOnWhenAnUpstreamDeniesUsOrLacksTheModel) {
  for (const Reason reason : {Reason::upstream_denied_us, Reason::upstream_lacks_model, Reason::upstream_busy}) {
    Relay relay{2};
    std::ignore = relay.next(Begin{});
    EXPECT_EQ(relay.next(failed_at(Progress::request_sent, reason)), Step{Try{1}}) << name_of(reason);
  }
}

TEST(Relay, FinishesWhenNobodyIsLeft) {
  Relay relay{1};
  std::ignore = relay.next(Begin{});
  EXPECT_EQ(relay.next(failed_at(Progress::nothing_sent)), Step{Finish{}});
}

TEST(Relay, FinishesWhenServed) {
  Relay relay{2};
  std::ignore = relay.next(Begin{});
  EXPECT_EQ(relay.next(AttemptDone{}), Step{Finish{}});
}

TEST(Relay, KeepsItsPromisesThroughAnyStorm) {
  for (std::uint64_t seed = 0; seed < 2'000; ++seed) {
    Random random{seed};
    const std::size_t candidates = 1 + random.below(5);
    Relay relay{candidates};
    Step step = relay.next(Begin{});
    for (std::size_t tried = 0; std::holds_alternative<Try>(step); ++tried) {
      ASSERT_LT(tried, candidates) << seed;
      ASSERT_EQ(std::get<Try>(step).candidate, tried) << seed;
      const auto progress = static_cast<Progress>(random.below(3));
      const auto reason = static_cast<Reason>(random.below(static_cast<std::uint64_t>(Reason::internal) + 1));
      const bool final = progress == Progress::reply_started || meaning_of(reason).next == Next::give_up;
      step = relay.next(failed_at(progress, reason));
      if (final) {
        ASSERT_EQ(step, Step{Finish{}}) << seed;
      }
    }
  }
}

}  // namespace
}  // namespace bellwether::relay
