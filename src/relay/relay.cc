#include "relay/relay.h"

#include "base/check.h"

namespace bellwether::relay {
namespace {

/// Whether another upstream may still answer after this failure.
bool may_try_again(const AttemptFailed& failed) {
  if (failed.progress == Progress::reply_started) return false;
  return meaning_of(failed.reason).next == Next::elsewhere;
}

}  // namespace

Relay::Relay(std::size_t candidates) : candidates_{candidates} { BW_CHECK(candidates_ > 0); }

Step Relay::next(const Event& event) {
  if (std::holds_alternative<AttemptDone>(event)) return Finish{};
  if (const auto* failed = std::get_if<AttemptFailed>(&event)) {
    BW_CHECK(tried_ > 0);
    if (!may_try_again(*failed) || tried_ == candidates_) return Finish{};
  }
  return Try{tried_++};
}

}  // namespace bellwether::relay
