// Decides what to do next for one request: which upstream to try, how long to wait, how to go on with a stream that broke, when to
// stop. Does no I/O and reads no clock: the driver tells it what happened, how far that got and what time it is, and does what it says
// (gateway/drive.cc), so every path is tested by hand. docs/resilience.md explains each rule and constant.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <variant>

#include "base/failure.h"
#include "base/random.h"
#include "base/time.h"
#include "catalog/model.h"
#include "relay/health.h"
#include "relay/hedge.h"

namespace bellwether::relay {

/// How far an attempt got.
enum class Progress : std::uint8_t {
  nothing_sent,   ///< No request byte left us: trying again is free.
  request_sent,   ///< The upstream may bill us for it: trying again may cost twice, and is allowed.
  reply_started,  ///< The upstream's reply began.
};

/// What the caller has of the answer, of all attempts together. Only ever grows; what lies above `none` is the commit point.
enum class Substance : std::uint8_t {
  none,         ///< Nothing, comments, or the role chunk: a fresh attempt may take its place unnoticed.
  continuable,  ///< Text that another upstream can go on from.
  sealed,       ///< A tool call, JSON, reasoning, logprobs, several choices …: nobody can go on from there.
};

/// What the relay knows of one way to serve the request. The target outlives the relay (its revision is pinned).
struct Candidate {
  Target* target;
  catalog::Purpose purpose;  ///< Left out: for every request.
  bool can_continue;         ///< Left out: no. Its dialect can go on from an assistant's half-written message.
  std::uint8_t entry;        ///< Left out: 0. The driver's own: which entry of the route this is.
};

/// What one request allows.
struct Terms {
  TimePoint deadline;                                 ///< Of all attempts and waits together.
  std::optional<TimePoint> deadline_once_answered{};  ///< Left out: the same. Later for a stream whose caller bounds silence only.
  catalog::Rescue rescue = catalog::Rescue::on;
  Hedge* hedge = nullptr;  ///< Of its model; null: no second attempt beside a slow one.
};

// Attempts have ordinals, from 1: with hedging two may be under way, and their ends come in any order.

struct Begin {};
/// The first token of a stream, before any of it goes to the caller. With it the attempt has won: the other one, if any, is over
/// for the relay, and is to be cancelled.
struct AttemptAnswered {
  std::uint32_t attempt;
  Duration first_token;
};
struct AttemptFailed {
  std::uint32_t attempt;
  Progress progress = Progress::nothing_sent;
  Reason reason = Reason::internal;
  Substance substance = Substance::none;
  bool gave_text = false;            ///< This attempt itself added to what the caller has.
  int http_status = 0;               ///< The upstream's own; 0: it sent none.
  std::int64_t retry_after_ms = -1;  ///< What it asked us to wait; -1: nothing.
};
/// The caller has the whole answer, or will have it without the upstream's help.
struct AttemptDone {
  std::uint32_t attempt;
  Duration first_token;  ///< Of a reply that is not a stream: until it was whole. Not read after AttemptAnswered.
};
struct WaitOver {};
struct HedgeDue {
  std::uint32_t attempt;
};
using Event = std::variant<Begin, AttemptAnswered, AttemptFailed, AttemptDone, WaitOver, HedgeDue>;

enum class Mode : std::uint8_t {
  fresh,
  continued,  ///< Go on from the text that the caller has; its role, id and usage stay those of the stream (gateway's part).
};

/// Begin an attempt.
struct Try {
  std::uint32_t attempt;
  std::size_t candidate;  ///< Index into the candidates.
  Mode mode = Mode::fresh;
  std::optional<Duration> hedge_after{};  ///< Without a first token by then: HedgeDue.
  friend bool operator==(const Try&, const Try&) = default;
};
/// Then WaitOver. A caller of a stream gets its signs of life meanwhile.
struct Wait {
  TimePoint until;
  friend bool operator==(const Wait&, const Wait&) = default;
};
/// Go on with what is under way, be it an attempt or a wait.
struct Carry {
  std::uint32_t cancel = 0;  ///< The attempt that lost; 0: none. Its end is not to be told.
  friend bool operator==(const Carry&, const Carry&) = default;
};
/// The request is over. What is still under way is to be cancelled.
struct Finish {
  enum class Ending : std::uint8_t { served, failed } ending = Ending::served;
  std::uint32_t attempt = 0;  ///< Failed: whose failure the caller is told; 0: none was made, and what follows is it.
  Reason reason = Reason::no_upstream;
  std::int64_t retry_after_ms = -1;
  friend bool operator==(const Finish&, const Finish&) = default;
};
using Step = std::variant<Try, Wait, Carry, Finish>;

constexpr std::uint32_t attempts_max = 12;      // Of one request: whatever the configuration says, it ends.
constexpr std::uint32_t tries_max = 6;          // Of one request at one candidate.
constexpr std::uint32_t continuations_max = 2;  // Seams in one answer. More are a sign of something that would go on for ever.

/// One request's relay; lives as long as its drive. Whatever is under way when it goes out of scope counts as abandoned.
class Relay {
 public:
  /// `candidates`, which outlive it, in the order to ask them (spread.h), at most catalog::route_entries_max; at least one. `seed`: 64 random bits.
  Relay(std::span<const Candidate> candidates, const Terms& terms, std::uint64_t seed);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  /// After Finish there is no next. Events of attempts that are not under way (it lost, it was cancelled) change nothing.
  [[nodiscard]] Step next(const Event& event, TimePoint now);

  [[nodiscard]] std::uint32_t attempts() const { return attempts_; }
  /// As the terms have it at this point of the request.
  [[nodiscard]] TimePoint deadline() const { return terms_.deadline; }
  /// Whether somebody else could be asked right now, should the attempt under way come to nothing.
  [[nodiscard]] bool has_alternative(TimePoint now) const;

 private:
  static constexpr std::size_t nobody = SIZE_MAX;

  struct Leg {
    std::uint32_t attempt = 0;  ///< 0: this leg is free.
    std::uint8_t candidate = 0;
    Mode mode = Mode::fresh;
    bool answered = false;
    Turn turn{};
  };

  [[nodiscard]] Step on(const Begin&, TimePoint now);
  [[nodiscard]] Step on(const AttemptAnswered& answered, TimePoint now);
  [[nodiscard]] Step on(const AttemptFailed& failed, TimePoint now);
  [[nodiscard]] Step on(const AttemptDone& done, TimePoint now);
  [[nodiscard]] Step on(const WaitOver&, TimePoint now);
  [[nodiscard]] Step on(const HedgeDue& due, TimePoint now);

  enum class Among : std::uint8_t { ready, all };
  [[nodiscard]] std::optional<Step> try_next(Among among, TimePoint now);
  /// Whether to wait for the end of a cool-down too: only where nobody else is left.
  enum class Patience : std::uint8_t { backoff, cool_down };
  [[nodiscard]] std::optional<Step> try_again(std::size_t candidate, const AttemptFailed& failed, Patience patience, TimePoint now);
  /// Nothing where its target does not let the attempt in.
  [[nodiscard]] std::optional<Try> begin(std::size_t candidate, Urgency urgency, TimePoint now);
  [[nodiscard]] std::optional<Step> wait_for(std::size_t candidate, TimePoint until);
  [[nodiscard]] Finish give_up(TimePoint now) const;

  [[nodiscard]] bool fits(std::size_t candidate) const;
  [[nodiscard]] bool may_go_on(TimePoint now) const { return !hopeless_ && attempts_ < attempts_max && now < terms_.deadline; }
  [[nodiscard]] Mode mode() const { return substance_ == Substance::none ? Mode::fresh : Mode::continued; }
  void remember(const AttemptFailed& failed, Mode mode);
  [[nodiscard]] Leg* find_leg(std::uint32_t attempt);
  [[nodiscard]] bool is_under_way() const { return legs_[0].attempt != 0 || legs_[1].attempt != 0; }

  Terms terms_;
  Random random_;
  std::uint32_t attempts_ = 0;
  std::uint32_t continuations_ = 0;  ///< Of those that gave text.
  Substance substance_ = Substance::none;
  catalog::Purpose purpose_ = catalog::Purpose::every_request;
  bool hopeless_ = false;         ///< A failure that no further attempt can mend.
  std::size_t pending_ = nobody;  ///< The candidate that a wait is for.
  std::uint32_t told_ = 0;        ///< The attempt whose failure the caller would be told.
  std::array<Leg, 2> legs_{};
  std::span<const Candidate> candidates_;
  std::array<std::uint8_t, catalog::route_entries_max> tries_{};
};

}  // namespace bellwether::relay
