#include "gateway/drive.h"

#include <variant>

#include "gateway/attempt.h"
#include "relay/relay.h"

namespace bellwether::gateway {
namespace {

relay::Event event_of(const AttemptEnd& end) {
  if (!end.failure) return relay::AttemptDone{};
  return relay::AttemptFailed{end.progress, end.failure->reason};
}

std::string_view outcome_of(const AttemptEnd& end) { return end.failure ? name_of(end.failure->reason) : std::string_view("ok"); }

}  // namespace

net::Task<Result<void>> drive(Lane& lane, const catalog::Plan& plan, const chat::Request& chat, net::Request& raw, net::Reply& reply, Trail& trail) {
  if (plan.candidates.empty()) co_return failed(Reason::no_upstream);
  Cancellation cancellation;
  reply.watch_caller([&cancellation] { cancellation.request(); });

  relay::Relay relay{plan.candidates.size()};
  AttemptEnd end;
  relay::Step step = relay.next(relay::Begin{});
  while (const auto* attempted = std::get_if<relay::Try>(&step)) {
    const catalog::Candidate& candidate = plan.candidates[attempted->candidate];
    trail.upstream = candidate.upstream;
    ++trail.attempts;
    end = co_await attempt(lane, chat, raw, reply, trail, cancellation, candidate);
    lane.metrics().count_attempt(candidate.upstream->name, outcome_of(end));
    step = relay.next(event_of(end));
  }
  reply.unwatch_caller();
  trail.caller_gone = reply.caller_gone();
  if (trail.caller_gone) co_return failed(Reason::caller_gone);
  if (end.failure) co_return std::unexpected(std::move(*end.failure));
  co_return Result<void>{};
}

}  // namespace bellwether::gateway
