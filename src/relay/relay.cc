#include "relay/relay.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/check.h"

namespace bellwether::relay {
namespace {

// 250 ms is what a loaded model server needs to see the end of a batch; 8 s is the longest pause that a person still waits through.
constexpr Duration backoff_first = std::chrono::milliseconds(250);
constexpr Duration backoff_max = std::chrono::seconds(8);
// A server that loads its model says so at once, so asking is cheap, and asking within the second is of no use.
constexpr Duration loading_again = std::chrono::seconds(1);
// What a caller is asked to wait where we know of nothing better: the shortest that SDKs do not round to none.
constexpr std::int64_t retry_after_ms_min = 1'000;

/// What a failure allows.
enum class Way : std::uint8_t {
  finish,       ///< Nothing: it would be the same again.
  elsewhere,    ///< Another candidate, and never this one again.
  next_first,   ///< Another candidate where one is ready, else this one again: the caller has waited long, or it is plainly gone.
  again_first,  ///< This one again: it is alive, and its prefix cache is warm. Then another.
};

Way way_of(const AttemptFailed& failed, Mode mode) {
  switch (failed.reason) {
    case Reason::upstream_busy:
    case Reason::upstream_down: return failed.progress == Progress::reply_started ? Way::next_first : Way::again_first;
    case Reason::upstream_broken:
      // 404, 405 and the like: no server of its dialect, or not at that path.
      if (failed.http_status / 100 == 4) return Way::elsewhere;
      return failed.progress == Progress::reply_started ? Way::next_first : Way::again_first;
    case Reason::upstream_unreachable:
    case Reason::upstream_loading:
    case Reason::upstream_timeout: return Way::next_first;
    case Reason::upstream_denied_us:
    case Reason::upstream_lacks_model:
    case Reason::context_too_long:
    case Reason::cannot_continue:
    case Reason::overloaded:
      return Way::elsewhere;  // overloaded: our queue before that upstream is full; another's may not be.
    // Of a continuation the caller knows nothing: that the upstream refuses our prefill is not the caller's mistake.
    case Reason::upstream_refused: return mode == Mode::continued ? Way::elsewhere : Way::finish;
    case Reason::content_filtered: return Way::finish;
    default: return Way::finish;
  }
}

/// Full jitter (Brooker 2015: the least work for the upstream of all variants): anything from nothing to the exponential bound.
Duration backoff(std::uint32_t tries, Random& random) {
  const Duration bound = std::min(backoff_max, backoff_first * (std::int64_t{1} << std::min(tries - 1, tries_max)));
  return Duration(static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(bound.count()) + 1)));
}

}  // namespace

Relay::Relay(std::span<const Candidate> candidates, const Terms& terms, std::uint64_t seed) : terms_{terms}, random_{seed}, candidates_{candidates} {
  BW_CHECK(!candidates_.empty() && candidates_.size() <= tries_.size());
}

Relay::~Relay() {
  for (const Leg& leg : legs_)
    if (leg.attempt != 0) candidates_[leg.candidate].target->abandoned(leg.turn);
}

Step Relay::next(const Event& event, TimePoint now) {
  return std::visit([&](const auto& happened) { return on(happened, now); }, event);
}

Step Relay::on(const Begin&, TimePoint now) {
  BW_CHECK(attempts_ == 0);
  if (now >= terms_.deadline) return give_up(now);
  std::optional<Step> step = try_next(Among::all, now);
  if (!step) return give_up(now);
  if (auto* attempt = std::get_if<Try>(&*step); attempt != nullptr && terms_.hedge != nullptr) attempt->hedge_after = terms_.hedge->begin();
  return *step;
}

Step Relay::on(const AttemptAnswered& answered, TimePoint) {
  Leg* const leg = find_leg(answered.attempt);
  if (leg == nullptr || leg->answered) return Carry{};
  leg->answered = true;
  if (terms_.deadline_once_answered) terms_.deadline = *terms_.deadline_once_answered;
  candidates_[leg->candidate].target->answered(leg->turn, answered.first_token);
  if (terms_.hedge != nullptr) terms_.hedge->observe(answered.first_token);
  Carry carry;
  for (Leg& loser : legs_) {
    if (loser.attempt == 0 || &loser == leg) continue;
    candidates_[loser.candidate].target->abandoned(loser.turn);
    carry.cancel = std::exchange(loser.attempt, 0);
  }
  return carry;
}

Step Relay::on(const AttemptDone& done, TimePoint now) {
  Leg* const leg = find_leg(done.attempt);
  if (leg == nullptr) return Carry{};
  Target& target = *candidates_[leg->candidate].target;
  if (!leg->answered) {
    target.answered(leg->turn, done.first_token);
    if (terms_.hedge != nullptr) terms_.hedge->observe(done.first_token);
  }
  target.served(leg->turn, now);
  leg->attempt = 0;
  return Finish{};
}

Step Relay::on(const AttemptFailed& failed, TimePoint now) {
  Leg* const leg = find_leg(failed.attempt);
  if (leg == nullptr) return Carry{};
  const std::size_t candidate = leg->candidate;
  const Mode mode = leg->mode;
  candidates_[candidate].target->failed(leg->turn, failed.reason, failed.retry_after_ms, now, random_.next());
  leg->attempt = 0;

  substance_ = std::max(substance_, failed.substance);
  if (mode == Mode::continued && failed.gave_text) ++continuations_;
  remember(failed, mode);
  const Way way = way_of(failed, mode);
  if (way == Way::finish) hopeless_ = true;
  if (failed.reason == Reason::context_too_long && mode == Mode::fresh) purpose_ = catalog::Purpose::context_too_long;
  if (is_under_way()) return Carry{};
  if (substance_ == Substance::sealed) return give_up(now);
  if (substance_ == Substance::continuable && (terms_.rescue == catalog::Rescue::off || continuations_ >= continuations_max)) return give_up(now);
  if (!may_go_on(now)) return give_up(now);

  std::optional<Step> step;
  if (way == Way::again_first) step = try_again(candidate, failed, Patience::backoff, now);
  if (!step) step = try_next(Among::ready, now);
  if (!step && way == Way::next_first) step = try_again(candidate, failed, Patience::backoff, now);
  if (!step) step = try_next(Among::all, now);
  if (!step && way != Way::elsewhere) step = try_again(candidate, failed, Patience::cool_down, now);
  return step ? *step : give_up(now);
}

Step Relay::on(const WaitOver&, TimePoint now) {
  const std::size_t candidate = std::exchange(pending_, nobody);
  BW_CHECK(candidate != nobody);
  if (!may_go_on(now)) return give_up(now);
  // Others may have found it broken meanwhile; a wait that it asked others for is theirs.
  if (const auto attempt = begin(candidate, Urgency::normal, now)) return *attempt;
  const auto step = try_next(Among::all, now);
  return step ? *step : give_up(now);
}

Step Relay::on(const HedgeDue& due, TimePoint now) {
  const Leg* const slow = find_leg(due.attempt);
  const bool is_alone = legs_[0].attempt == 0 || legs_[1].attempt == 0;
  if (terms_.hedge == nullptr || slow == nullptr || slow->answered || !is_alone) return Carry{};
  if (mode() != Mode::fresh || !may_go_on(now)) return Carry{};
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    // Nobody is probed with a request that another upstream is about to answer.
    const Target& target = *candidates_[i].target;
    if (!fits(i) || tries_[i] > 0 || target.standing(now) != Standing::ready || target.breaker().state() != Breaker::State::closed) continue;
    if (!terms_.hedge->spend()) return Carry{};
    if (const auto attempt = begin(i, Urgency::normal, now)) return *attempt;
  }
  return Carry{};
}

bool Relay::fits(std::size_t candidate) const {
  const Candidate& it = candidates_[candidate];
  return it.purpose == purpose_ && (mode() == Mode::fresh || it.can_continue);
}

std::optional<Step> Relay::try_next(Among among, TimePoint now) {
  std::size_t soonest_busy = nobody, soonest_open = nobody;
  const auto is_sooner = [&](std::size_t one, std::size_t other) {
    return other == nobody || candidates_[one].target->until(now) < candidates_[other].target->until(now);
  };
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    if (tries_[i] > 0 || !fits(i)) continue;
    switch (candidates_[i].target->standing(now)) {
      case Standing::ready:
        if (const auto attempt = begin(i, Urgency::normal, now)) return *attempt;
        break;
      case Standing::busy:
        if (is_sooner(i, soonest_busy)) soonest_busy = i;
        break;
      case Standing::open:
        if (candidates_[i].target->breaker().may_enter(now, Urgency::last_resort) && is_sooner(i, soonest_open)) soonest_open = i;
        break;
    }
  }
  if (among == Among::ready) return std::nullopt;
  if (soonest_busy != nobody) {
    const Target& target = *candidates_[soonest_busy].target;
    const TimePoint until = target.until(now);
    if (until - now <= target.load().retry.after_max)
      if (const auto wait = wait_for(soonest_busy, until + backoff(1, random_))) return wait;
  }
  // Nobody else is left: better one try at what is thought to be broken than a refusal without any.
  if (soonest_open != nobody)
    if (const auto attempt = begin(soonest_open, Urgency::last_resort, now)) return *attempt;
  return std::nullopt;
}

std::optional<Step> Relay::try_again(std::size_t candidate, const AttemptFailed& failed, Patience patience, TimePoint now) {
  Target& target = *candidates_[candidate].target;
  Load& load = target.load();
  if (!fits(candidate) || tries_[candidate] > load.retry.retries || tries_[candidate] >= tries_max) return std::nullopt;
  if (load.retry.budget_percent == 0) return std::nullopt;

  Duration floor{};
  if (failed.reason == Reason::upstream_loading) floor = loading_again;
  if (failed.retry_after_ms >= 0) {
    const std::int64_t bound_ms = std::chrono::duration_cast<std::chrono::milliseconds>(load.retry.after_max).count();
    if (failed.retry_after_ms > bound_ms) return std::nullopt;
    floor = std::max<Duration>(floor, std::chrono::milliseconds(failed.retry_after_ms));
  }
  // On top of what was asked for, so that all who were told "2 s" do not come back together.
  TimePoint until = now + floor + backoff(tries_[candidate], random_);
  const Breaker& breaker = target.breaker();
  if (breaker.state() != Breaker::State::closed && until < breaker.until()) {
    if (patience == Patience::backoff || breaker.until() - now > load.retry.after_max) return std::nullopt;
    until = breaker.until();
  }
  if (until >= terms_.deadline) return std::nullopt;
  if (!load.budget.spend(now)) {
    ++load.retries_refused_total;
    return std::nullopt;
  }
  return wait_for(candidate, until);
}

std::optional<Step> Relay::wait_for(std::size_t candidate, TimePoint until) {
  if (until >= terms_.deadline) return std::nullopt;  // It would end in a failure that can be told now.
  pending_ = candidate;
  return Wait{until};
}

std::optional<Try> Relay::begin(std::size_t candidate, Urgency urgency, TimePoint now) {
  Target& target = *candidates_[candidate].target;
  const std::optional<Turn> turn = target.begin(now, urgency);
  if (!turn) return std::nullopt;
  Load& load = target.load();
  if (tries_[candidate]++ == 0) load.budget.earn(now);
  else ++load.retries_total;
  Leg& leg = legs_[0].attempt == 0 ? legs_[0] : legs_[1];
  BW_CHECK(leg.attempt == 0);
  leg = {.attempt = ++attempts_, .candidate = static_cast<std::uint8_t>(candidate), .mode = mode(), .turn = *turn};
  return Try{.attempt = leg.attempt, .candidate = candidate, .mode = leg.mode};
}

void Relay::remember(const AttemptFailed& failed, Mode mode) {
  // What ended the stream that the caller saw is what went wrong for them, not that nobody could go on from there.
  if (mode == Mode::continued && !failed.gave_text) return;
  // A fallback that is configured badly says nothing about why the first choice failed.
  const bool ours = failed.reason == Reason::upstream_denied_us || failed.reason == Reason::upstream_lacks_model || failed.reason == Reason::overloaded;
  if (ours && told_ != 0) return;
  // Nor does a second attempt beside one that was told that the request itself is wrong.
  if (hopeless_) return;
  told_ = failed.attempt;
}

Finish Relay::give_up(TimePoint now) const {
  Finish finish{.ending = Finish::Ending::failed, .attempt = told_};
  if (told_ != 0) return finish;
  TimePoint soonest = TimePoint::max();
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    if (candidates_[i].purpose != purpose_) continue;
    soonest = std::min(soonest, candidates_[i].target->until(now));
    if (candidates_[i].target->standing(now) == Standing::busy) finish.reason = Reason::upstream_busy;
  }
  if (now >= terms_.deadline) finish.reason = Reason::upstream_timeout;
  else if (soonest != TimePoint::max())
    finish.retry_after_ms = std::max(retry_after_ms_min, std::int64_t{std::chrono::ceil<std::chrono::milliseconds>(soonest - now).count()});
  return finish;
}

bool Relay::has_alternative(TimePoint now) const {
  for (std::size_t i = 0; i < candidates_.size(); ++i)
    if (tries_[i] == 0 && fits(i) && candidates_[i].target->standing(now) == Standing::ready) return true;
  return false;
}

Relay::Leg* Relay::find_leg(std::uint32_t attempt) {
  for (Leg& leg : legs_)
    if (leg.attempt == attempt && attempt != 0) return &leg;
  return nullptr;
}

}  // namespace bellwether::relay
