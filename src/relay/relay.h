// Decides what to do next for one request: which upstream to try, when to stop. Does no I/O and reads no clock: the driver tells
// it what happened and how far that got, and does what it says (gateway/drive.cc), so every path is tested by hand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <variant>

#include "base/failure.h"

namespace bellwether::relay {

/// How far an attempt got. With the reason, it alone decides whether another attempt is safe.
enum class Progress : std::uint8_t {
  nothing_sent,   ///< No request byte left us: trying again is free.
  request_sent,   ///< The upstream may bill us for it: trying again may cost twice, and is allowed.
  reply_started,  ///< The caller has seen bytes of the reply: it is committed to this attempt.
};

struct Begin {};
struct AttemptFailed {
  Progress progress;
  Reason reason;
};
struct AttemptDone {};
using Event = std::variant<Begin, AttemptFailed, AttemptDone>;

struct Try {
  std::size_t candidate;  ///< Index into the plan.
  friend bool operator==(Try, Try) = default;
};
/// The request is over: well, or with the failure of the last attempt.
struct Finish {
  friend bool operator==(Finish, Finish) = default;
};
using Step = std::variant<Try, Finish>;

/// One request's relay; lives as long as its drive. Tries each candidate of the plan once, in order.
class Relay {
 public:
  /// `candidates` is at least one: an empty plan fails before it gets here.
  explicit Relay(std::size_t candidates);
  [[nodiscard]] Step next(const Event& event);

 private:
  std::size_t candidates_;
  std::size_t tried_ = 0;  ///< Attempts begun.
};

}  // namespace bellwether::relay
