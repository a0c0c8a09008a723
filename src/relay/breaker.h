// Decides whether an upstream's model is asked at all. Closed: every attempt may go. Open: none may, until a cool-down ends. Then half
// open: one attempt goes as a probe, and its end decides. One for each (upstream, model there) and lane; owned by a Target.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "base/failure.h"
#include "base/time.h"
#include "catalog/upstream.h"
#include "relay/rolling_share.h"

namespace bellwether::relay {

/// What an attempt got from the breaker, to be given back at its end.
struct Turn {
  std::uint32_t probe = 0;  ///< 0: an ordinary attempt, else the probe's number.
};

/// A last resort does not wait for the cool-down: there is nobody else to ask. It is a probe like any other, one at a time.
enum class Urgency : std::uint8_t { normal, last_resort };

class Breaker {
 public:
  enum class State : std::uint8_t { closed, open, half_open };

  explicit Breaker(const catalog::BreakerPolicy& policy) : policy_{policy} {}
  Breaker(const Breaker&) = delete;
  Breaker& operator=(const Breaker&) = delete;

  [[nodiscard]] bool may_enter(TimePoint now, Urgency urgency = Urgency::normal) const;
  /// Nothing where it may not.
  [[nodiscard]] std::optional<Turn> enter(TimePoint now, Urgency urgency = Urgency::normal);

  /// The upstream said something of substance, though the attempt may still fail: a probe has its answer, long streams or not.
  void answered(Turn turn);
  void succeeded(Turn turn, TimePoint now);
  /// `cause` is a fault of the upstream or of our configuration of it. `bits` are random.
  void failed(Turn turn, Reason cause, TimePoint now, std::uint64_t bits);
  /// An end that says nothing of the upstream, such as the caller's hang-up: the probe's place is free again.
  void abandoned(Turn turn);

  /// What the cool-down waits for may have changed (a reload, a probe that found the upstream well): the next attempt is a probe.
  void try_soon(TimePoint now);
  [[nodiscard]] bool waits_for_configuration() const;

  void set_policy(const catalog::BreakerPolicy& policy) { policy_ = policy; }

  [[nodiscard]] State state() const;
  /// Why it opened; of use unless it is closed.
  [[nodiscard]] Reason cause() const { return cause_; }
  /// When the next probe may go; in the past: now. Of use unless it is closed.
  [[nodiscard]] TimePoint until() const { return until_; }
  [[nodiscard]] std::uint32_t failures_in_a_row() const { return failures_; }
  [[nodiscard]] std::uint64_t opened_total() const { return opened_total_; }

 private:
  [[nodiscard]] bool probe_is_out(TimePoint now) const;
  void open(Reason cause, TimePoint now, std::uint64_t bits);
  void close(std::uint32_t failures);

  catalog::BreakerPolicy policy_;
  RollingShare outcomes_{std::chrono::seconds(30)};  ///< All attempts that say something, and the failed among them.
  std::uint32_t failures_ = 0;                       ///< In a row.
  std::uint32_t cool_downs_ = 0;                     ///< Since the last success: the exponent of the next.
  bool closed_ = true;
  Reason cause_ = Reason::upstream_down;
  TimePoint until_{};
  TimePoint probe_since_{};
  std::uint32_t probe_ = 0;  ///< The one that is out; 0: none.
  std::uint32_t probes_ = 0;
  std::uint64_t opened_total_ = 0;
};

}  // namespace bellwether::relay
