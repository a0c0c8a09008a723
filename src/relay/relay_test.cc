#include "relay/relay.h"

#include <gtest/gtest.h>

#include "relay/support_test.h"

namespace bellwether::relay {
namespace {

/// A relay whose time is moved by its waits alone.
struct Driven {
  Driven(Fleet& fleet, std::vector<Candidate> asked, Terms terms = {.deadline = start + minutes(10)}, std::uint64_t seed = 1)
      : fleet{fleet}, candidates{std::move(asked)}, relay{candidates, terms, seed} {}
  Driven(const Driven&) = delete;
  Driven& operator=(const Driven&) = delete;
  Driven(Fleet& fleet, std::size_t count, std::uint64_t seed = 1) : Driven{fleet, all(fleet, count), {.deadline = start + minutes(10)}, seed} {}

  static std::vector<Candidate> all(Fleet& fleet, std::size_t count, bool can_continue = false) {
    std::vector<Candidate> candidates;
    for (std::size_t i = 0; i < count; ++i) candidates.push_back({.target = &fleet[i], .can_continue = can_continue});
    return candidates;
  }

  Step begin() { return next(Begin{}); }
  Step next(const Event& event) {
    step = relay.next(event, now);
    return step;
  }
  /// The attempt that is under way fails.
  Step fail(Reason reason, Progress progress = Progress::request_sent) { return fail({.progress = progress, .reason = reason}); }
  Step fail(AttemptFailed failed) {
    failed.attempt = std::get<Try>(step).attempt;
    return next(failed);
  }
  /// Fails, and sits the wait out.
  Step fail_and_wait(AttemptFailed failed) {
    fail(failed);
    return wait();
  }
  Step wait() {
    if (const auto* pause = std::get_if<Wait>(&step)) {
      EXPECT_GE(pause->until, now);
      waited = pause->until - now;
      now = pause->until;
      next(WaitOver{});
    }
    return step;
  }
  /// The same failure for ever, until the relay gives up: the candidates in the order of the attempts.
  std::string candidates_tried(Reason reason, Progress progress = Progress::request_sent) {
    std::string tried;
    begin();
    while (const auto* attempt = std::get_if<Try>(&step)) {
      tried += static_cast<char>('a' + attempt->candidate);
      fail_and_wait({.progress = progress, .reason = reason});
    }
    return tried;
  }

  Fleet& fleet;
  std::vector<Candidate> candidates;
  Relay relay;
  TimePoint now = start;
  Step step{};
  Duration waited{};
};

Step told(std::uint32_t attempt) { return Finish{.ending = Finish::Ending::failed, .attempt = attempt}; }
bool is_wait(const Step& step) { return std::holds_alternative<Wait>(step); }

TEST(Relay, BeginsWithTheFirstCandidateAndFinishesWhenServed) {
  Fleet fleet{2};
  Driven driven{fleet, 2};
  EXPECT_EQ(driven.begin(), (Step{Try{.attempt = 1, .candidate = 0}}));
  EXPECT_EQ(fleet[0].load().outstanding, 1U);
  EXPECT_EQ(driven.next(AttemptAnswered{1, milliseconds(100)}), Step{Carry{}});
  EXPECT_EQ(driven.next(AttemptDone{1, {}}), Step{Finish{}});
  EXPECT_EQ(fleet[0].load().outstanding, 0U);
}

TEST(Relay, TriesTheSameUpstreamAgainBeforeTheNext) {
  for (const Reason reason : {Reason::upstream_down, Reason::upstream_busy, Reason::upstream_broken}) {
    Fleet fleet{2};
    EXPECT_EQ((Driven{fleet, 2}.candidates_tried(reason)), "aaabbb") << name_of(reason);
  }
}

TEST(Relay, GoesOnAtOnceFromAnUpstreamThatIsGoneOrSilent) {
  for (const Reason reason : {Reason::upstream_unreachable, Reason::upstream_timeout, Reason::upstream_loading}) {
    Fleet fleet{2};
    Driven driven{fleet, 2};
    EXPECT_EQ(driven.candidates_tried(reason), "abbb") << name_of(reason);
    Fleet alone{1};
    EXPECT_EQ((Driven{alone, 1}.candidates_tried(reason)), "aaa") << name_of(reason);
  }
}

TEST(Relay, AsksEachOnceWhereTheConfigurationIsWrong) {
  for (const Reason reason : {Reason::upstream_denied_us, Reason::upstream_lacks_model, Reason::overloaded}) {
    Fleet fleet{3};
    EXPECT_EQ((Driven{fleet, 3}.candidates_tried(reason)), "abc") << name_of(reason);
  }
}

TEST(Relay, NeverTriesAgainAfterTheCallersOwnMistake) {
  for (const Reason reason : {Reason::upstream_refused, Reason::context_too_long, Reason::content_filtered, Reason::caller_gone, Reason::internal}) {
    Fleet fleet{3};
    EXPECT_EQ((Driven{fleet, 3}.candidates_tried(reason)), "a") << name_of(reason);
  }
}

TEST(Relay, AsksNobodyAgainAboutAPathThatThereIsNot) {
  Fleet fleet{2};
  Driven driven{fleet, 2};
  driven.begin();
  EXPECT_EQ(driven.fail({.progress = Progress::request_sent, .reason = Reason::upstream_broken, .http_status = 404}),
            (Step{Try{.attempt = 2, .candidate = 1}}));
}

TEST(Relay, BacksOffWithFullJitter) {
  Duration longest_first{}, longest_second{};
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    Fleet fleet{1};
    Driven driven{fleet, 1, seed};
    driven.begin();
    driven.fail_and_wait({.reason = Reason::upstream_down});
    longest_first = std::max(longest_first, driven.waited);
    ASSERT_LE(driven.waited, milliseconds(250));
    driven.fail_and_wait({.reason = Reason::upstream_down});
    longest_second = std::max(longest_second, driven.waited);
    ASSERT_LE(driven.waited, milliseconds(500));
  }
  EXPECT_GT(longest_first, milliseconds(230));
  EXPECT_GT(longest_second, milliseconds(460));
}

TEST(Relay, WaitsAsLongAsTheUpstreamAsksAndThenAsksItAgain) {
  for (const Reason reason : {Reason::upstream_busy, Reason::upstream_down}) {
    Fleet fleet{2};
    Driven driven{fleet, 2};
    driven.begin();
    EXPECT_TRUE(is_wait(driven.fail({.progress = Progress::request_sent, .reason = reason, .retry_after_ms = 2'000})));
    EXPECT_EQ(driven.wait(), (Step{Try{.attempt = 2, .candidate = 0}}));
    EXPECT_GE(driven.waited, seconds(2));
    EXPECT_LE(driven.waited, milliseconds(2'250));
  }
}

TEST(Relay, GoesElsewhereWhereTheUpstreamAsksForTooMuch) {
  Fleet fleet{2};
  Driven driven{fleet, 2};
  driven.begin();
  const AttemptFailed busy{.progress = Progress::request_sent, .reason = Reason::upstream_busy, .retry_after_ms = 5'001};
  EXPECT_EQ(driven.fail(busy), (Step{Try{.attempt = 2, .candidate = 1}}));
  EXPECT_EQ(driven.fail(busy), told(2));  // Whose retry_after_ms the caller gets.
}

TEST(Relay, Keeps429ForEverWithinFourTriesInThreeSecondsAndThenFallsBack) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Fleet fleet{2};
    Driven driven{fleet, 2, seed};
    driven.begin();
    int tries = 0;
    while (std::get<Try>(driven.step).candidate == 0) {
      ++tries;
      driven.fail_and_wait({.progress = Progress::request_sent, .reason = Reason::upstream_busy});
    }
    ASSERT_LE(tries, 4);
    ASSERT_LE(driven.now - start, seconds(3));
  }
}

TEST(Relay, BeginsNoWaitThatEndsAfterTheDeadline) {
  Fleet fleet{1};
  Driven driven{fleet, Driven::all(fleet, 1), {.deadline = start + seconds(2)}};
  driven.begin();
  EXPECT_EQ(driven.fail({.reason = Reason::upstream_busy, .retry_after_ms = 2'000}), told(1));
}

TEST(Relay, BeginsNoAttemptAfterTheDeadline) {
  Fleet fleet{2};
  Driven driven{fleet, Driven::all(fleet, 2), {.deadline = start + seconds(2)}};
  driven.begin();
  driven.now += seconds(2);
  EXPECT_EQ(driven.fail(Reason::upstream_timeout), told(1));
}

TEST(Relay, DoesNotRetryBeyondTheBudget) {
  Fleet fleet{2, {.retry = {.budget_percent = 0}}};
  EXPECT_EQ((Driven{fleet, 2}.candidates_tried(Reason::upstream_down)), "ab");
}

TEST(Relay, AddsAFifthAtMostToTheLoadOfAFailingUpstream) {
  // A breaker that never opens, so that the budget stands alone.
  Fleet fleet{2, {.breaker = {.failures = 1'000'000, .rate_percent = 101}}};
  std::uint32_t tries = 0, requests = 0;
  for (TimePoint now = start; now < start + seconds(20); now += milliseconds(2), ++requests) {
    Driven driven{fleet, 2, requests};
    driven.now = now;
    driven.begin();
    while (std::holds_alternative<Try>(driven.step) && std::get<Try>(driven.step).candidate == 0) {
      ++tries;
      // The waits of 10,000 requests overlap; for the budget it is enough that time does not run back.
      driven.fail(Reason::upstream_down);
      if (is_wait(driven.step)) driven.next(WaitOver{});
    }
  }
  EXPECT_LE(tries, requests * 12 / 10);
  EXPECT_GT(fleet[0].load().retries_refused_total, 0U);
}

TEST(Relay, AsksAnOpenCandidateLast) {
  Fleet fleet{3};
  fleet.break_down(0, start);
  EXPECT_EQ((Driven{fleet, 3}.candidates_tried(Reason::upstream_lacks_model)), "bca");
}

TEST(Relay, ProbesTheFirstChoiceOnceItsCoolDownIsOver) {
  Fleet fleet{2};
  fleet.break_down(0, start);
  Driven one{fleet, 2}, other{fleet, 2};
  one.now = other.now = fleet[0].breaker().until();
  EXPECT_EQ(std::get<Try>(one.begin()).candidate, 0U);
  EXPECT_EQ(std::get<Try>(other.begin()).candidate, 1U);  // One probe at a time.
  one.next(AttemptAnswered{1, {}});
  Driven third{fleet, 2};
  EXPECT_EQ(std::get<Try>(third.begin()).candidate, 0U);
}

TEST(Relay, TriesWhatIsThoughtBrokenRatherThanNobodyButOneAtATime) {
  Fleet fleet{1};
  fleet.break_down(0, start);
  Driven one{fleet, 1}, other{fleet, 1};
  EXPECT_EQ(std::get<Try>(one.begin()).candidate, 0U);
  const Step refused = other.begin();
  EXPECT_EQ(std::get<Finish>(refused).attempt, 0U);
  EXPECT_EQ(std::get<Finish>(refused).reason, Reason::no_upstream);
  EXPECT_GE(std::get<Finish>(refused).retry_after_ms, 1'000);
}

TEST(Relay, SitsACoolDownOutWhereNobodyElseIsLeft) {
  Fleet fleet{1};
  fleet.break_down(0, start);
  Driven driven{fleet, 1};
  driven.begin();
  EXPECT_TRUE(is_wait(driven.fail(Reason::upstream_unreachable, Progress::nothing_sent)));
  EXPECT_EQ(driven.wait(), (Step{Try{.attempt = 2, .candidate = 0}}));
  EXPECT_LE(driven.waited, seconds(4));
}

TEST(Relay, AsksABusyCandidateAfterTheOthersAndWhenItSaid) {
  Fleet fleet{2};
  fleet[0].failed(*fleet[0].begin(start), Reason::upstream_busy, 3'000, start, 0);
  Driven driven{fleet, 2};
  EXPECT_EQ(std::get<Try>(driven.begin()).candidate, 1U);
  EXPECT_TRUE(is_wait(driven.fail(Reason::upstream_lacks_model)));
  EXPECT_EQ(std::get<Try>(driven.wait()).candidate, 0U);
  EXPECT_GE(driven.waited, seconds(3));
}

TEST(Relay, TellsWhenToComeBackWhereAllAreBusyForLong) {
  Fleet fleet{1};
  fleet[0].failed(*fleet[0].begin(start), Reason::upstream_busy, 30'000, start, 0);
  Driven driven{fleet, 1};
  EXPECT_EQ(driven.begin(), (Step{Finish{.ending = Finish::Ending::failed, .attempt = 0, .reason = Reason::upstream_busy, .retry_after_ms = 30'000}}));
}

TEST(Relay, TakesAPromptThatIsTooLongToTheEntryForThat) {
  Fleet fleet{3};
  auto candidates = Driven::all(fleet, 3);
  candidates[2].purpose = catalog::Purpose::context_too_long;
  Driven driven{fleet, candidates};
  driven.begin();
  EXPECT_EQ(driven.fail(Reason::context_too_long), (Step{Try{.attempt = 2, .candidate = 2}}));
  EXPECT_EQ(driven.fail(Reason::context_too_long), told(2));
  EXPECT_EQ((Driven{fleet, candidates}.candidates_tried(Reason::upstream_lacks_model)), "ab");
}

TEST(Relay, TellsThatTheFirstChoiceFailedAndNotThatItsFallbackIsConfiguredBadly) {
  Fleet fleet{2};
  Driven driven{fleet, 2};
  driven.begin();
  driven.fail(Reason::upstream_timeout);
  EXPECT_EQ(driven.fail(Reason::upstream_denied_us), told(1));
}

// --- Streams that break.

AttemptFailed cut(Substance substance, bool gave_text = true) {
  return {.progress = Progress::reply_started, .reason = Reason::upstream_broken, .substance = substance, .gave_text = gave_text};
}

TEST(Relay, StartsAStreamAfreshThatBrokeBeforeAnythingOfSubstance) {
  Fleet fleet{2};
  Driven driven{fleet, 2};
  driven.begin();
  EXPECT_EQ(driven.fail(cut(Substance::none, false)), (Step{Try{.attempt = 2, .candidate = 1}}));
}

TEST(Relay, ContinuesWhereTheCallerHasText) {
  Fleet fleet{3};
  auto candidates = Driven::all(fleet, 3, true);
  candidates[1].can_continue = false;
  Driven driven{fleet, candidates};
  driven.begin();
  EXPECT_EQ(driven.fail(cut(Substance::continuable)), (Step{Try{.attempt = 2, .candidate = 2, .mode = Mode::continued}}));
  EXPECT_EQ(driven.next(AttemptDone{2, {}}), Step{Finish{}});
}

TEST(Relay, EndsWhatNobodyCanContinue) {
  Fleet fleet{2};
  Driven sealed{fleet, Driven::all(fleet, 2, true)};
  sealed.begin();
  EXPECT_EQ(sealed.fail(cut(Substance::sealed)), told(1));
  Driven incapable{fleet, 2};
  incapable.begin();
  EXPECT_EQ(incapable.fail(cut(Substance::continuable)), told(1));
  Driven off{fleet, Driven::all(fleet, 2, true), {.deadline = start + minutes(10), .rescue = catalog::Rescue::off}};
  off.begin();
  EXPECT_EQ(off.fail(cut(Substance::continuable)), told(1));
}

TEST(Relay, TellsTheCutAndNotThatAPrefillWasRefused) {
  Fleet fleet{3};
  Driven driven{fleet, Driven::all(fleet, 3, true)};
  driven.begin();
  driven.fail(cut(Substance::continuable));
  const AttemptFailed refused{.progress = Progress::request_sent, .reason = Reason::upstream_refused, .substance = Substance::continuable, .http_status = 400};
  EXPECT_EQ(driven.fail(refused), (Step{Try{.attempt = 3, .candidate = 2, .mode = Mode::continued}}));
  EXPECT_EQ(driven.fail(refused), told(1));
}

TEST(Relay, ContinuesTwiceAtMost) {
  Fleet fleet{5};
  Driven driven{fleet, Driven::all(fleet, 5, true)};
  driven.begin();
  driven.fail(cut(Substance::continuable));
  EXPECT_EQ(std::get<Try>(driven.step).candidate, 1U);
  driven.fail(cut(Substance::continuable));
  EXPECT_EQ(std::get<Try>(driven.step).candidate, 2U);
  EXPECT_EQ(driven.fail(cut(Substance::continuable)), told(3));
}

TEST(Relay, ContinuesAtTheSameUpstreamWhereItIsTheOnlyOne) {
  Fleet fleet{1};
  Driven driven{fleet, Driven::all(fleet, 1, true)};
  driven.begin();
  EXPECT_TRUE(is_wait(driven.fail(cut(Substance::continuable))));
  EXPECT_EQ(driven.wait(), (Step{Try{.attempt = 2, .candidate = 0, .mode = Mode::continued}}));
}

TEST(Relay, NeverStartsAfreshAfterTheCommitPoint) {
  Fleet fleet{3};
  Driven driven{fleet, Driven::all(fleet, 3, true)};
  driven.begin();
  driven.fail(cut(Substance::continuable));
  // A driver that reports less than before does not undo it.
  driven.fail({.reason = Reason::upstream_unreachable, .substance = Substance::none});
  EXPECT_EQ(std::get<Try>(driven.step).mode, Mode::continued);
}

// --- A second attempt beside a slow one.

struct Hedged {
  Hedged() {
    for (int i = 0; i < 200; ++i) {
      std::ignore = hedge.begin();
      hedge.observe(milliseconds(100));
    }
  }
  Fleet fleet{3};
  Hedge hedge{{}};
  Driven driven{fleet, Driven::all(fleet, 3), {.deadline = start + minutes(10), .hedge = &hedge}};
};

TEST(Relay, HedgesASlowAttemptAndDropsTheOneThatIsLater) {
  for (const std::uint32_t winner : {1U, 2U}) {
    Hedged hedged;
    const Step first = hedged.driven.begin();
    ASSERT_TRUE(std::get<Try>(first).hedge_after);
    EXPECT_LE(*std::get<Try>(first).hedge_after, milliseconds(150));
    EXPECT_EQ(hedged.driven.next(HedgeDue{1}), (Step{Try{.attempt = 2, .candidate = 1}}));
    EXPECT_EQ(hedged.driven.next(AttemptAnswered{winner, milliseconds(200)}), Step{Carry{.cancel = 3 - winner}});
    EXPECT_EQ(hedged.driven.next(AttemptFailed{.attempt = 3 - winner, .reason = Reason::caller_gone}), Step{Carry{}});
    EXPECT_EQ(hedged.driven.next(AttemptDone{winner, {}}), Step{Finish{}});
    EXPECT_EQ(hedged.fleet[0].load().outstanding + hedged.fleet[1].load().outstanding, 0U);
  }
}

TEST(Relay, WaitsForTheOtherWhenOneOfTwoFails) {
  Hedged hedged;
  hedged.driven.begin();
  hedged.driven.next(HedgeDue{1});
  EXPECT_EQ(hedged.driven.next(AttemptFailed{.attempt = 1, .reason = Reason::upstream_down}), Step{Carry{}});
  EXPECT_EQ(hedged.driven.next(AttemptFailed{.attempt = 2, .reason = Reason::upstream_timeout}), (Step{Try{.attempt = 3, .candidate = 2}}));
}

TEST(Relay, DoesNotTryAgainWhereOneOfTwoFoundTheCallersMistake) {
  Hedged hedged;
  hedged.driven.begin();
  hedged.driven.next(HedgeDue{1});
  EXPECT_EQ(hedged.driven.next(AttemptFailed{.attempt = 2, .reason = Reason::upstream_refused}), Step{Carry{}});
  EXPECT_EQ(hedged.driven.next(AttemptFailed{.attempt = 1, .reason = Reason::upstream_down}), told(2));
}

TEST(Relay, HedgesNeitherAnAnsweredAttemptNorWithAProbe) {
  Hedged answered;
  answered.driven.begin();
  answered.driven.next(AttemptAnswered{1, milliseconds(100)});
  EXPECT_EQ(answered.driven.next(HedgeDue{1}), Step{Carry{}});
  Hedged alone;
  alone.fleet.break_down(1, start);
  alone.fleet.break_down(2, start);
  alone.driven.begin();
  alone.driven.now += minutes(1);
  EXPECT_EQ(alone.driven.next(HedgeDue{1}), Step{Carry{}});
}

TEST(Relay, GivesBackWhatIsUnderWayWhenItGoes) {
  Fleet fleet{1};
  fleet.break_down(0, start);
  { std::ignore = Driven{fleet, 1}.begin(); }
  EXPECT_EQ(fleet[0].load().outstanding, 0U);
  EXPECT_EQ(std::get<Try>(Driven{fleet, 1}.begin()).candidate, 0U);
}

}  // namespace
}  // namespace bellwether::relay
