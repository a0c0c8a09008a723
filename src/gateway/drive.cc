#include "gateway/drive.h"

#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <span>
#include <variant>

#include "gateway/attempt.h"
#include "relay/relay.h"

namespace bellwether::gateway {
namespace {

relay::Event event_of(const AttemptEnd& end, std::uint32_t attempt) {
  if (!end.failure) return relay::AttemptDone{attempt, Duration{}};
  const bool began = end.progress == relay::Progress::reply_started;
  return relay::AttemptFailed{.attempt = attempt,
                              .progress = end.progress,
                              .reason = end.failure->reason,
                              .substance = began ? relay::Substance::sealed : relay::Substance::none,
                              .retry_after_ms = end.failure->retry_after_ms};
}

std::string_view outcome_of(const AttemptEnd& end) { return end.failure ? name_of(end.failure->reason) : std::string_view("ok"); }

}  // namespace

net::Task<Result<void>> drive(Lane& lane, const catalog::Plan& plan, const chat::Request& chat, net::Request& raw, net::Reply& reply, Trail& trail) {
  if (plan.candidates.empty()) co_return failed(Reason::no_upstream);
  Cancellation cancellation;
  reply.watch_caller([&cancellation] { cancellation.request(); });

  // Until the lane holds the health of its upstreams: each request sees them all as new, and asks each once.
  std::array<relay::Candidate, catalog::route_entries_max> candidates;
  const std::size_t count = std::min(plan.candidates.size(), candidates.size());
  std::deque<relay::Target> targets;
  for (std::size_t i = 0; i < count; ++i) {
    catalog::Upstream once = *plan.candidates[i].upstream;
    once.retry.retries = 0;
    targets.emplace_back(std::make_shared<relay::Load>(once, 1), plan.candidates[i].entry->model, once.breaker);
    candidates[i] = {.target = &targets.back()};
  }
  relay::Relay relay{std::span(candidates).first(count), {.deadline = TimePoint::max()}, 0};
  AttemptEnd end;
  relay::Step step = relay.next(relay::Begin{}, lane.loop().now());
  while (const auto* attempted = std::get_if<relay::Try>(&step)) {
    const catalog::Candidate& candidate = plan.candidates[attempted->candidate];
    trail.upstream = candidate.upstream;
    ++trail.attempts;
    end = co_await attempt(lane, chat, raw, reply, trail, cancellation, candidate);
    lane.metrics().count_attempt(candidate.upstream->name, outcome_of(end));
    step = relay.next(event_of(end, attempted->attempt), lane.loop().now());
  }
  reply.unwatch_caller();
  trail.caller_gone = reply.caller_gone();
  if (trail.caller_gone) co_return failed(Reason::caller_gone);
  if (end.failure) co_return std::unexpected(std::move(*end.failure));
  co_return Result<void>{};
}

}  // namespace bellwether::gateway
