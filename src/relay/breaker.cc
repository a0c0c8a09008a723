#include "relay/breaker.h"

#include <algorithm>
#include <chrono>

namespace bellwether::relay {
namespace {

// Fewer say nothing: half of four are two callers with bad luck.
constexpr std::uint32_t outcomes_min = 20;
// A person has to change something: asking more often costs callers' time and the vendor's patience. A reload asks at once.
constexpr Duration configuration_again = std::chrono::seconds(60);
// Loading takes seconds to minutes and ends for sure, so the pause does not grow.
constexpr Duration loading_again = std::chrono::seconds(1);

bool is_about_configuration(Reason cause) { return cause == Reason::upstream_denied_us || cause == Reason::upstream_lacks_model; }

/// Doubled for each cool-down before it, with equal jitter (half of it fixed), so that the lanes do not probe in step.
Duration cool_down(const catalog::BreakerPolicy& policy, std::uint32_t before, std::uint64_t bits) {
  constexpr std::uint32_t doublings_max = 20;
  const Duration longest = std::max(policy.open_for, policy.open_for_max);
  const Duration whole = std::min(longest, policy.open_for * (std::int64_t{1} << std::min(before, doublings_max)));
  const auto half = static_cast<std::uint64_t>(whole.count() / 2);
  return whole / 2 + Duration(static_cast<std::int64_t>(bits % (half + 1)));
}

}  // namespace

bool Breaker::probe_is_out(TimePoint now) const {
  // A probe that is silent for so long holds its place no more: a black hole answers nothing for a minute, and its recovery must not
  // wait for that.
  return probe_ != 0 && now < probe_since_ + policy_.open_for_max;
}

bool Breaker::may_enter(TimePoint now, Urgency urgency) const {
  if (closed_) return true;
  return !probe_is_out(now) && (urgency == Urgency::last_resort || now >= until_);
}

std::optional<Turn> Breaker::enter(TimePoint now, Urgency urgency) {
  if (closed_) return Turn{};
  if (!may_enter(now, urgency)) return std::nullopt;
  if (++probes_ == 0) ++probes_;
  probe_ = probes_;
  probe_since_ = now;
  return Turn{probe_};
}

void Breaker::answered(Turn turn) {
  if (closed_ || turn.probe == 0) return;
  // On trial until an attempt ends well: an upstream that begins every stream and finishes none would be let in for five more.
  close(policy_.failures > 0 ? policy_.failures - 1 : 0);
}

void Breaker::succeeded(Turn turn, TimePoint now) {
  if (!closed_ && turn.probe == 0) return;  // Begun before it opened: old news.
  if (!closed_) close(0);
  failures_ = 0;
  cool_downs_ = 0;
  outcomes_.add_whole(now);
}

void Breaker::failed(Turn turn, Reason cause, TimePoint now, std::uint64_t bits) {
  if (!closed_) {
    if (turn.probe != 0 && turn.probe == probe_) open(cause, now, bits);
    return;  // Else begun before it opened, or a probe that was given up: old news.
  }
  if (is_about_configuration(cause) || cause == Reason::upstream_loading) return open(cause, now, bits);
  ++failures_;
  outcomes_.add_whole(now);
  outcomes_.add_part(now);
  const std::uint64_t all = outcomes_.whole(now);
  const bool too_many = policy_.rate_percent > 0 && all >= outcomes_min && std::uint64_t{outcomes_.part(now)} * 100 >= all * policy_.rate_percent;
  const bool in_a_row = policy_.failures > 0 && failures_ >= policy_.failures;
  if (in_a_row || too_many) open(cause, now, bits);
}

void Breaker::abandoned(Turn turn) {
  if (turn.probe != 0 && turn.probe == probe_) probe_ = 0;
}

void Breaker::try_soon(TimePoint now) {
  if (!closed_) until_ = std::min(until_, now);
}

bool Breaker::waits_for_configuration() const { return !closed_ && is_about_configuration(cause_); }

Breaker::State Breaker::state() const {
  if (closed_) return State::closed;
  return probe_ != 0 ? State::half_open : State::open;
}

void Breaker::open(Reason cause, TimePoint now, std::uint64_t bits) {
  if (closed_) ++opened_total_;
  closed_ = false;
  cause_ = cause;
  probe_ = 0;
  if (is_about_configuration(cause)) until_ = now + configuration_again;
  else if (cause == Reason::upstream_loading) until_ = now + loading_again;
  else until_ = now + cool_down(policy_, cool_downs_++, bits);
}

void Breaker::close(std::uint32_t failures) {
  closed_ = true;
  probe_ = 0;
  failures_ = failures;
  outcomes_.clear();
}

}  // namespace bellwether::relay
