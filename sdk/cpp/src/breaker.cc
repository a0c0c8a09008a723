#include "breaker.h"

#include <algorithm>

namespace bellwether::client {

std::optional<Permit> Breaker::ask(Moment now) {
  const std::lock_guard lock{mutex_};
  if (!rests_until_) return Permit{false, era_};
  if (probing_ || now < *rests_until_) return std::nullopt;
  probing_ = true;
  return Permit{true, era_};
}

void Breaker::answered(const Permit& permit) {
  const std::lock_guard lock{mutex_};
  if (permit.era != era_) return;
  failures_ = 0;
  if (permit.probe) heal();
}

void Breaker::healed() {
  const std::lock_guard lock{mutex_};
  failures_ = 0;
  if (rests_until_) heal();
}

void Breaker::failed(const Permit& permit, Moment now, std::optional<Span> retry_after) {
  const std::lock_guard lock{mutex_};
  if (permit.era != era_) return;
  ++failures_;
  const Span asked = std::min(retry_after.value_or(Span{}), rest_max_);
  if (permit.probe) rest_ = std::min(rest_ * 2, rest_max_);
  else if (failures_ < trip_after_ && asked <= Span{}) return;
  ++era_;
  probing_ = false;
  rests_until_ = now + std::max(rest_, asked);
}

void Breaker::abandoned(const Permit& permit) {
  const std::lock_guard lock{mutex_};
  if (permit.probe && permit.era == era_) probing_ = false;
}

bool Breaker::resting() const {
  const std::lock_guard lock{mutex_};
  return rests_until_.has_value();
}

void Breaker::heal() {
  ++era_;
  rests_until_.reset();
  probing_ = false;
  rest_ = rest_first_;
}

}  // namespace bellwether::client
