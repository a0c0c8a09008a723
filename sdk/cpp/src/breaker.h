// Whether the primary is asked, and when a resting one is asked again. Time is an argument; nothing here waits. Any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

namespace bellwether::client {

using Moment = std::chrono::steady_clock::time_point;
using Span = std::chrono::milliseconds;

/// One call may go to the primary. What becomes of it is told back, once.
struct Permit {
  bool probe = false;
  std::uint64_t era = 0;
};

class Breaker {
 public:
  Breaker(int trip_after, Span rest, Span rest_max) : trip_after_{trip_after}, rest_first_{rest}, rest_max_{rest_max}, rest_{rest} {}

  /// Nothing while the primary rests or is being probed.
  [[nodiscard]] std::optional<Permit> ask(Moment now);
  /// The primary answered, be it with a refusal of the caller's own mistake.
  void answered(const Permit& permit);
  /// It answered a call that it was asked without a permit, because nothing else was left.
  void healed();
  /// It did not answer; `retry_after` is how long it asked to be left alone, granted up to `rest_max`.
  void failed(const Permit& permit, Moment now, std::optional<Span> retry_after);
  /// Nobody waited for the answer: it says nothing about the primary.
  void abandoned(const Permit& permit);
  [[nodiscard]] bool resting() const;

 private:
  void heal();

  const int trip_after_;
  const Span rest_first_, rest_max_;

  mutable std::mutex mutex_;  ///< For all that follows.
  Span rest_;
  int failures_ = 0;
  std::optional<Moment> rests_until_;
  bool probing_ = false;
  std::uint64_t era_ = 0;  ///< Raised when it trips or heals: news of a call that began before is old news.
};

}  // namespace bellwether::client
