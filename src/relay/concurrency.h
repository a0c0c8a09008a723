// How many attempts may be under way at one upstream, and who waits. Counts only: the waiting itself, first come first served, is
// net's. One for each upstream and lane; owned by an upstream's Load.
#pragma once

#include <cstdint>

#include "base/time.h"
#include "catalog/upstream.h"

namespace bellwether::relay {

enum class Entry : std::uint8_t {
  admit,  ///< Counted as under way; ends with `leave`.
  wait,   ///< Counted as waiting; ends with `enter_from_queue` or `give_up_waiting`, after `queue_for` at the latest.
  shed,   ///< Not counted: Reason::overloaded.
};

class Concurrency {
 public:
  /// `lanes` share the policy's numbers; each has at least one place.
  Concurrency(const catalog::ConcurrencyPolicy& policy, std::uint32_t lanes);

  [[nodiscard]] Entry enter();
  /// Whether the one who has waited longest may go now. To be asked after each `leave`, until it says no.
  [[nodiscard]] bool has_place_for_waiting() const { return waiting_ > 0 && under_way_ < limit(); }
  void enter_from_queue();
  void give_up_waiting();
  void leave();

  /// Time to the first token of an attempt that was served: never the whole, which follows the answer's length.
  void observe(Duration first_token);
  /// The upstream answered 429.
  void throttled();

  void set_policy(const catalog::ConcurrencyPolicy& policy, std::uint32_t lanes);

  [[nodiscard]] Duration queue_for() const { return policy_.queue_for; }
  [[nodiscard]] std::uint32_t under_way() const { return under_way_; }
  [[nodiscard]] std::uint32_t waiting() const { return waiting_; }
  /// Places at present; UINT32_MAX: no limit.
  [[nodiscard]] std::uint32_t limit() const;

 private:
  catalog::ConcurrencyPolicy policy_;  ///< This lane's share.
  std::uint32_t under_way_ = 0;
  std::uint32_t waiting_ = 0;
  double limit_ = 0;            ///< Adaptive: the estimate, with its fraction.
  double usual_ms_ = 0;         ///< Long average of the time to the first token.
  std::uint32_t observed_ = 0;  ///< Up to the warm-up.
};

}  // namespace bellwether::relay
