// Whether a stream gives too little for too long: neither silent, so that `idle` never fires, nor of any use. One for each attempt.
#pragma once

#include <cstdint>

#include "base/time.h"
#include "catalog/upstream.h"

namespace bellwether::relay {

class RateGuard {
 public:
  /// Counts from the first token: what comes before it is `first_token`'s.
  RateGuard(const catalog::MinRate& policy, TimePoint first_token) : policy_{policy}, window_ends_{first_token + policy.over} {}

  /// Tokens (or events with text, where an upstream does not count) that came just now.
  void count(std::uint32_t tokens) { tokens_ += tokens; }

  /// Whether the stream has stalled. Cheap; to be asked with each event, and by `due` at the latest.
  [[nodiscard]] bool has_stalled(TimePoint now) {
    if (policy_.tokens == 0 || now < window_ends_) return false;
    if (tokens_ < policy_.tokens) return true;
    tokens_ = 0;
    window_ends_ = now + policy_.over;
    return false;
  }

  /// When to ask although nothing came. TimePoint::max(): never.
  [[nodiscard]] TimePoint due() const { return policy_.tokens == 0 ? TimePoint::max() : window_ends_; }

 private:
  catalog::MinRate policy_;
  TimePoint window_ends_;
  std::uint32_t tokens_ = 0;  ///< In this window.
};

}  // namespace bellwether::relay
