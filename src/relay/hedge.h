// When a second attempt beside a slow one is worth its money, opt-in for a model's route. One for each such model and lane.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

#include "base/time.h"
#include "catalog/model.h"

namespace bellwether::relay {

/// Times to the first token, old ones worth less: 320 bytes whatever the traffic.
class FirstTokenTimes {
 public:
  void add(Duration time);
  [[nodiscard]] std::uint32_t count() const { return count_; }
  /// The time that `percent` of the requests stay below, at most a quarter too high. Zero without any.
  [[nodiscard]] Duration percentile(std::uint32_t percent) const;

 private:
  // Four buckets for each power of two, from 1 ms to beyond a minute.
  static constexpr std::size_t buckets = 4 * 18;
  std::array<std::uint32_t, buckets> counts_{};
  std::uint32_t count_ = 0;
};

class Hedge {
 public:
  explicit Hedge(const catalog::HedgePolicy& policy) : policy_{policy} {}

  void set_policy(const catalog::HedgePolicy& policy) { policy_ = policy; }

  /// A request begins. How long it may be silent before it is late; nothing while too little is known.
  [[nodiscard]] std::optional<Duration> begin();
  /// A request is late: whether the second attempt is within the extra load that is allowed. Counts it.
  [[nodiscard]] bool spend();
  /// A request's first token. Told also of those that were not hedged: they are what "usual" means.
  void observe(Duration first_token);

 private:
  catalog::HedgePolicy policy_;
  FirstTokenTimes times_;
  Duration late_after_{};  ///< Zero: too little is known.
  double allowance_ = 0;   ///< Second attempts that may be made.
};

}  // namespace bellwether::relay
