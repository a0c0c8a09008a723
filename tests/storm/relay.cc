// Storms of events through relay and health: many requests at once over a few upstreams that do whatever a seed says, with a lane's
// time moved from event to event. After each event, what must hold whatever happens:
//
//   attempts are bounded · there is one commit point · nothing follows a caller's own mistake · the deadline is kept · nobody is asked
//   to continue who cannot · waits are neither negative nor endless · a half-open breaker lets one in · what was begun ends once.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <optional>
#include <queue>
#include <vector>

#include "base/random.h"
#include "relay/relay.h"
#include "relay/spread.h"

namespace bellwether::relay {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr TimePoint start{std::chrono::hours(1)};
constexpr std::size_t requests_per_storm = 60;
constexpr Duration wait_max = seconds(5) + seconds(8);  // The longest Retry-After that is honoured, and the longest backoff.

/// What an upstream does with an attempt, drawn when it begins.
struct Fate {
  AttemptFailed failure{};  ///< Of use if it fails.
  bool succeeds = true;
  bool answers = false;
  Duration after{};
};

/// That the storms reach what they are to test.
struct Seen {
  std::uint64_t tries = 0, continued = 0, hedges = 0, probes = 0, waits = 0, cancelled = 0, served = 0, failed = 0, refused_untried = 0;
};

class Storm {
 public:
  Storm(std::uint64_t seed, Seen& seen) : seen_{seen}, random_{seed}, health_{1} {
    const std::size_t count = 1 + random_.below(5);
    std::vector<catalog::Upstream> upstreams(count);
    catalog::Model model;
    model.id = "m";
    for (std::size_t i = 0; i < count; ++i) {
      upstreams[i].name = std::string(1, static_cast<char>('a' + i));
      upstreams[i].retry.retries = static_cast<std::uint32_t>(random_.below(8));
      model.route.push_back({.upstream = i, .model = "m"});
      purposes_.push_back(i > 0 && random_.below(4) == 0 ? catalog::Purpose::context_too_long : catalog::Purpose::every_request);
      can_continue_.push_back(random_.below(3) > 0);
      // From always well to always ill, so that breakers open in some storms and stay closed in others.
      illness_.push_back(random_.below(101));
    }
    targets_ = health_.adopt(catalog::Revision{1, upstreams, {model}}, start);
    for (int i = 0; i < 200; ++i) hedge_.observe(milliseconds(random_.below(500)));  // So that it knows what is late.
    open_for_max_ = upstreams[0].breaker.open_for_max;
  }

  void run() {
    for (std::size_t i = 0; i < requests_per_storm; ++i) {
      Request& request = requests_.emplace_back();
      request.index = i;
      post(request, Begin{}, start + milliseconds(random_.below(20'000)));
    }
    while (!agenda_.empty() && !testing::Test::HasFatalFailure()) {
      const Due due = agenda_.top();
      agenda_.pop();
      now_ = due.at;
      happen(requests_[due.request], due.event);
    }
    for (const Request& request : requests_) EXPECT_TRUE(request.finished);
    for (const auto& target : targets_->of(0)) EXPECT_EQ(target->load().outstanding, 0U);
  }

 private:
  struct Attempt {
    std::size_t candidate;
    Mode mode;
    Fate fate;
  };
  struct Request {
    std::size_t index = 0;
    std::optional<Relay> relay;
    std::vector<Candidate> candidates;
    std::vector<std::uint32_t> tries;
    std::map<std::uint32_t, Attempt> under_way;
    TimePoint deadline{};
    Substance substance = Substance::none;
    std::uint32_t attempts = 0;
    std::uint32_t seams = 0;
    bool over_for_good = false;  ///< The caller's own mistake was told.
    bool too_long = false;
    bool waits = false;
    bool finished = false;
  };
  struct Due {
    TimePoint at;
    std::uint64_t order;  ///< Of equal times, the first posted first: a storm is the same each time.
    std::size_t request;
    Event event;
    friend bool operator<(const Due& a, const Due& b) { return a.at != b.at ? a.at > b.at : a.order > b.order; }
  };

  void post(const Request& request, Event event, TimePoint at) { agenda_.push({at, posted_++, request.index, std::move(event)}); }

  void begin(Request& request) {
    std::vector<Share> shares;
    for (std::size_t i = 0; i < purposes_.size(); ++i) {
      Target& target = *targets_->of(0)[i];
      shares.push_back({.weight = static_cast<std::uint32_t>(1 + i), .outstanding = target.load().outstanding, .id = target.id()});
    }
    std::vector<std::uint8_t> order(shares.size());
    spread(static_cast<catalog::Policy>(random_.below(4)), shares, random_.next(), random_, order);
    for (const std::uint8_t i : order)
      request.candidates.push_back({.target = targets_->of(0)[i].get(), .purpose = purposes_[i], .can_continue = can_continue_[i] != 0});
    request.tries.resize(order.size());
    request.deadline = now_ + milliseconds(random_.below(120'000));
    const Terms terms{.deadline = request.deadline,
                      .rescue = random_.below(8) == 0 ? catalog::Rescue::off : catalog::Rescue::on,
                      .hedge = random_.below(2) == 0 ? &hedge_ : nullptr};
    request.relay.emplace(request.candidates, terms, random_.next());
  }

  Fate fate_of(const Request& request, const Candidate& candidate) {
    const std::size_t upstream = static_cast<std::size_t>(candidate.target->load().upstream[0] - 'a');
    Fate fate;
    fate.after = milliseconds(random_.below(3'000));
    fate.succeeds = random_.below(100) >= illness_[upstream];
    fate.answers = random_.below(2) == 0;
    AttemptFailed& failure = fate.failure;
    failure.progress = static_cast<Progress>(random_.below(3));
    // Mostly what upstreams do; now and then any reason at all.
    constexpr std::array usual{Reason::upstream_unreachable, Reason::upstream_down, Reason::upstream_timeout, Reason::upstream_broken, Reason::upstream_busy};
    failure.reason =
        random_.below(8) == 0 ? static_cast<Reason>(random_.below(static_cast<std::uint64_t>(Reason::internal) + 1)) : usual[random_.below(usual.size())];
    if (random_.below(3) == 0) failure.retry_after_ms = static_cast<std::int64_t>(random_.below(8'000));
    if (fate.answers) {
      failure.progress = Progress::reply_started;
      failure.substance = std::max(request.substance, static_cast<Substance>(random_.below(3)));
      failure.gave_text = failure.substance != Substance::none;
    } else {
      failure.substance = request.substance;
    }
    return fate;
  }

  void happen(Request& request, const Event& event) {
    if (request.finished) return;
    if (std::holds_alternative<Begin>(event)) begin(request);
    // What was cancelled is not told, as a driver does not.
    if (const auto* failed = std::get_if<AttemptFailed>(&event)) {
      const auto it = request.under_way.find(failed->attempt);
      if (it == request.under_way.end()) return;
      const Mode mode = it->second.mode;
      if (mode == Mode::continued && failed->gave_text) ++request.seams;
      ended(request, failed->attempt);
      request.substance = std::max(request.substance, failed->substance);
      const bool refused = meaning_of(failed->reason).next == Next::give_up && failed->reason != Reason::overloaded;
      const bool is_prefill = mode == Mode::continued && failed->reason == Reason::upstream_refused;
      const bool is_too_long = failed->reason == Reason::context_too_long;
      if (refused && !is_prefill && !is_too_long) request.over_for_good = true;
      if (is_too_long && mode == Mode::fresh) request.too_long = true;
    }
    if (const auto* answered = std::get_if<AttemptAnswered>(&event); answered != nullptr && !request.under_way.contains(answered->attempt)) return;
    if (const auto* done = std::get_if<AttemptDone>(&event)) {
      if (!request.under_way.contains(done->attempt)) return;
      ended(request, done->attempt);
    }
    if (std::holds_alternative<WaitOver>(event)) request.waits = false;
    const Step step = request.relay->next(event, now_);
    // A probe's first token closes the breaker, though the attempt goes on.
    for (const auto& target : targets_->of(0))
      if (target->breaker().state() == Breaker::State::closed) probes_.erase(target.get());
    obey(request, step);
  }

  void ended(Request& request, std::uint32_t attempt) {
    const auto it = request.under_way.find(attempt);
    const auto probe = probes_.find(request.candidates[it->second.candidate].target);
    if (probe != probes_.end() && probe->second.request == request.index && probe->second.attempt == attempt) probes_.erase(probe);
    request.under_way.erase(it);
  }

  void obey(Request& request, const Step& step) {
    std::visit([&](const auto& what) { obey(request, what); }, step);
  }

  void obey(Request& request, const Try& attempt) {
    ASSERT_FALSE(request.waits);
    ASSERT_EQ(attempt.attempt, ++request.attempts);
    ASSERT_LE(request.attempts, attempts_max);
    ++seen_.tries;
    if (!request.under_way.empty()) ++seen_.hedges;
    ASSERT_LT(attempt.candidate, request.candidates.size());
    const Candidate& candidate = request.candidates[attempt.candidate];
    ASSERT_LE(++request.tries[attempt.candidate], std::min(tries_max, candidate.target->load().retry.retries + 1));
    ASSERT_LT(now_, request.deadline);
    ASSERT_FALSE(request.over_for_good);
    ASSERT_EQ(candidate.purpose == catalog::Purpose::context_too_long, request.too_long);
    ASSERT_LE(request.under_way.size(), 1U);
    // One commit point: fresh before it, continued after it, and only by who can, and not for ever.
    ASSERT_EQ(attempt.mode == Mode::continued, request.substance != Substance::none);
    ASSERT_NE(request.substance, Substance::sealed);
    if (attempt.mode == Mode::continued) {
      ++seen_.continued;
      ASSERT_TRUE(candidate.can_continue);
      ASSERT_LT(request.seams, continuations_max);
      ASSERT_TRUE(request.under_way.empty());
    }
    // Half open lets one in, until it has been silent for too long.
    ASSERT_NE(candidate.target->breaker().state(), Breaker::State::open);
    if (candidate.target->breaker().state() == Breaker::State::half_open) {
      ++seen_.probes;
      const auto out = probes_.find(candidate.target);
      ASSERT_TRUE(out == probes_.end() || now_ - out->second.since >= open_for_max_);
      probes_[candidate.target] = {request.index, attempt.attempt, now_};
    }

    const Fate fate = fate_of(request, candidate);
    request.under_way.emplace(attempt.attempt, Attempt{attempt.candidate, attempt.mode, fate});
    if (attempt.hedge_after) post(request, HedgeDue{attempt.attempt}, now_ + *attempt.hedge_after);
    if (fate.answers) post(request, AttemptAnswered{attempt.attempt, fate.after / 2}, now_ + fate.after / 2);
    if (fate.succeeds) return post(request, AttemptDone{attempt.attempt, fate.after}, now_ + fate.after);
    AttemptFailed failure = fate.failure;
    failure.attempt = attempt.attempt;
    post(request, failure, now_ + fate.after);
  }

  void obey(Request& request, const Wait& wait) {
    ASSERT_TRUE(request.under_way.empty());
    ASSERT_GE(wait.until, now_);
    ASSERT_LE(wait.until - now_, wait_max);
    ASSERT_LT(wait.until, request.deadline);
    ASSERT_FALSE(request.over_for_good);
    request.waits = true;
    ++seen_.waits;
    post(request, WaitOver{}, wait.until);
  }

  void obey(Request& request, const Carry& carry) {
    ASSERT_TRUE(request.waits || !request.under_way.empty());
    if (carry.cancel == 0) return;
    ++seen_.cancelled;
    ASSERT_TRUE(request.under_way.contains(carry.cancel));
    ended(request, carry.cancel);
    ASSERT_EQ(request.under_way.size(), 1U);
  }

  void obey(Request& request, const Finish& finish) {
    ASSERT_LE(finish.attempt, request.attempts);
    ++(finish.ending == Finish::Ending::served ? seen_.served : seen_.failed);
    if (finish.ending == Finish::Ending::failed) {
      if (finish.attempt == 0) ++seen_.refused_untried;
      ASSERT_TRUE(request.under_way.empty());
      ASSERT_EQ(finish.attempt == 0, request.attempts == 0);
    }
    while (!request.under_way.empty()) ended(request, request.under_way.begin()->first);
    request.finished = true;
    request.relay.reset();
  }

  Seen& seen_;
  Random random_;
  Health health_;
  Hedge hedge_{{.percentile = 50, .extra_percent = 50}};
  std::shared_ptr<const Targets> targets_;
  std::vector<catalog::Purpose> purposes_;
  std::vector<char> can_continue_;
  std::vector<std::uint64_t> illness_;
  Duration open_for_max_{};
  TimePoint now_ = start;
  std::deque<Request> requests_;
  std::priority_queue<Due> agenda_;
  std::uint64_t posted_ = 0;
  struct Probe {
    std::size_t request;
    std::uint32_t attempt;
    TimePoint since;
  };
  std::map<const Target*, Probe> probes_;  ///< The one that is out, of each target that is half open.
};

TEST(Relay, KeepsItsPromisesThroughAnyStorm) {
  Seen seen;
  for (std::uint64_t seed = 0; seed < 5'000; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Storm{seed, seen}.run();
    if (HasFailure()) return;
  }
  constexpr std::uint64_t often = 1'000;
  for (const std::uint64_t count :
       {seen.tries, seen.continued, seen.hedges, seen.probes, seen.waits, seen.cancelled, seen.served, seen.failed, seen.refused_untried})
    EXPECT_GT(count, often);
}

}  // namespace
}  // namespace bellwether::relay
