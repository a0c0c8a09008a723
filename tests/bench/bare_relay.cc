// A relay that decides nothing: the first candidate, once. Linked in place of relay/relay.cc into a second gateway, so that `./dev bench`
// can say what the real one's bookkeeping costs a healthy request, side by side. Nobody is served by this.
#include "relay/relay.h"

namespace bellwether::relay {

Relay::Relay(std::span<const Candidate> candidates, const Terms& terms, std::uint64_t seed) : terms_{terms}, random_{seed}, candidates_{candidates} {}
Relay::~Relay() = default;

Step Relay::next(const Event& event, TimePoint) {
  if (std::holds_alternative<Begin>(event)) return Try{.attempt = ++attempts_, .candidate = 0};
  if (std::holds_alternative<AttemptAnswered>(event)) return Carry{};
  if (const auto* failed = std::get_if<AttemptFailed>(&event)) return Finish{.ending = Finish::Ending::failed, .attempt = 1, .reason = failed->reason};
  return Finish{.ending = Finish::Ending::served, .attempt = 1};
}

bool Relay::has_alternative(TimePoint) const { return false; }

}  // namespace bellwether::relay
