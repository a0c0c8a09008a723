#include "relay/concurrency.h"

#include <algorithm>
#include <limits>

#include "base/check.h"

namespace bellwether::relay {
namespace {

// Gradient2 of Netflix' concurrency-limits (Gradient2Limit.java), with its constants, but for the smallest limit: 20 there, and more
// than the slots of a llama-server.
constexpr double limit_first = 20;
constexpr double limit_min = 4;
constexpr double smoothing = 0.2;
constexpr double queue = 4;        // Room to grow into while the gradient is 1.
constexpr double tolerance = 1.5;  // The time may be this many times the usual one before the limit shrinks.
constexpr double long_window = 600;
constexpr std::uint32_t warm_up = 10;
// AIMD on 429, which says "too much" without a measurement.
constexpr double throttled_factor = 0.7;

std::uint32_t share(std::uint32_t whole, std::uint32_t lanes) { return whole == 0 ? 0 : std::max<std::uint32_t>(1, whole / lanes); }

double bounded(double limit, std::uint32_t limit_max) {
  const double highest = limit_max;
  return std::clamp(limit, std::min(limit_min, highest), highest);
}

}  // namespace

Concurrency::Concurrency(const catalog::ConcurrencyPolicy& policy, std::uint32_t lanes) { set_policy(policy, lanes); }

void Concurrency::set_policy(const catalog::ConcurrencyPolicy& policy, std::uint32_t lanes) {
  BW_CHECK(lanes > 0);
  policy_ = policy;
  policy_.max = share(policy.max, lanes);
  policy_.queue_max = share(policy.queue_max, lanes);
  if (policy_.max > 0) limit_ = bounded(limit_ == 0 ? limit_first : limit_, policy_.max);
}

std::uint32_t Concurrency::limit() const {
  if (policy_.max == 0) return std::numeric_limits<std::uint32_t>::max();
  return policy_.adaptive ? static_cast<std::uint32_t>(limit_) : policy_.max;
}

Entry Concurrency::enter() {
  // Nobody overtakes those who wait.
  if (waiting_ == 0 && under_way_ < limit()) {
    ++under_way_;
    return Entry::admit;
  }
  if (waiting_ >= policy_.queue_max) return Entry::shed;
  ++waiting_;
  return Entry::wait;
}

void Concurrency::enter_from_queue() {
  BW_CHECK(waiting_ > 0);
  --waiting_;
  ++under_way_;
}

void Concurrency::give_up_waiting() {
  BW_CHECK(waiting_ > 0);
  --waiting_;
}

void Concurrency::leave() {
  BW_CHECK(under_way_ > 0);
  --under_way_;
}

void Concurrency::observe(Duration first_token) {
  if (!policy_.adaptive || policy_.max == 0) return;
  const double now_ms = std::max(0.001, milliseconds_of(first_token));
  if (observed_ < warm_up) {
    usual_ms_ = (usual_ms_ * observed_ + now_ms) / (observed_ + 1);
    ++observed_;
  } else {
    usual_ms_ += (now_ms - usual_ms_) * 2 / (long_window + 1);
  }
  // A usual time far above the present one is left from a bad hour: let it go.
  if (usual_ms_ > 2 * now_ms) usual_ms_ *= 0.95;
  // A limit that is not used says nothing about what lies above it.
  if (under_way_ < limit_ / 2) return;
  const double gradient = std::clamp(tolerance * usual_ms_ / now_ms, 0.5, 1.0);
  limit_ = bounded(limit_ * (1 - smoothing) + (limit_ * gradient + queue) * smoothing, policy_.max);
}

void Concurrency::throttled() {
  if (policy_.adaptive && policy_.max > 0) limit_ = bounded(limit_ * throttled_factor, policy_.max);
}

}  // namespace bellwether::relay
