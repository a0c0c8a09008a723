// One try of one request at one upstream: a place, a connection, the request, the head, then the reply is passed on (whole_reply.h,
// stream_reply.h).
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "chat/request.h"
#include "dialects/dialect.h"
#include "dialects/secrets.h"
#include "gateway/lane.h"
#include "gateway/outgoing.h"
#include "gateway/plan.h"
#include "gateway/trail.h"
#include "net/exchange.h"
#include "net/session.h"
#include "relay/relay.h"

namespace bellwether::gateway {

/// What all attempts of one request share. Lives with the request's drive.
struct Serving {
  Lane& lane;
  const chat::Request& chat;
  net::Request& raw;
  net::Reply& reply;
  Trail& trail;
  std::optional<Outgoing> outgoing;  ///< The caller's stream, over all attempts; nothing where none was asked for.
  TimePoint comment_at{};            ///< When a caller who waits for a stream gets a sign of life.
  /// The named few of the caller's fields that travel on: a trace goes on where it came from. Views into `raw`; empty if absent.
  std::string_view traceparent, tracestate;

  /// An attempt has its first token, or the whole reply, and nothing of it went to the caller yet. From here on it is the one that
  /// serves the request; another that is under way is cancelled.
  virtual void on_answered(std::uint32_t attempt, Duration first_token) = 0;

 protected:
  Serving(Lane& lane, const chat::Request& chat, net::Request& raw, net::Reply& reply, Trail& trail)
      : lane{lane},
        chat{chat},
        raw{raw},
        reply{reply},
        trail{trail},
        traceparent{raw.head.fields.find("traceparent").value_or("")},
        tracestate{raw.head.fields.find("tracestate").value_or("")} {}
  ~Serving() = default;
};

/// Where the caller's hang-up, or a faster attempt, finds what to stop. One for each attempt.
struct Cancellation {
  net::Pool::Waiting waiting;
  net::Exchange* exchange = nullptr;
  bool requested = false;

  void request();
};

/// How an attempt ended: served, or why not and how far it got.
struct AttemptEnd {
  relay::Progress progress = relay::Progress::nothing_sent;
  std::optional<Failure> failure;
  Duration first_token{};
};

/// Whether what comes before the first token is kept back: by an attempt beside another, whose role chunk the caller may have.
enum class Hold : bool { no, until_first_token };

/// What an attempt is told.
struct Order {
  std::uint32_t number;  ///< The relay's ordinal, from 1.
  relay::Mode mode = relay::Mode::fresh;
  Hold hold = Hold::no;
  TimePoint over_by;         ///< All of it.
  TimePoint first_token_by;  ///< However patient the upstream's own timeouts are.
};

/// What the parts of an attempt share. References outlive it; lives on the attempt's coroutine.
struct Attempt {
  Serving& serving;
  const Order& order;
  Cancellation& cancellation;
  const catalog::Upstream& upstream;
  const catalog::RouteEntry& entry;
  const Reach& reach;
  const dialects::Dialect& dialect;
  TimePoint began;           ///< Let in: the time to the first token counts from here.
  TimePoint total;           ///< By when the attempt must be over.
  TimePoint silent_until{};  ///< When the upstream's present silence becomes a timeout.
  relay::Progress progress = relay::Progress::nothing_sent;
  bool answered = false;
  Duration first_token{};
  std::vector<std::string> held;  ///< Events kept back, with their padding.

  [[nodiscard]] net::Loop& loop() const { return serving.lane.loop(); }
  [[nodiscard]] bool continues() const { return order.mode == relay::Mode::continued; }
  [[nodiscard]] TimePoint until(Duration patience) const { return std::min(total, loop().turn() + patience); }
  /// Every failure of an attempt comes by here: what an upstream says may repeat our key, or where it lives.
  [[nodiscard]] AttemptEnd failed_with(Failure failure) const {
    dialects::hide_secrets(failure, upstream);
    return {progress, std::move(failure), first_token};
  }
  /// The first token, or the whole reply, is there.
  void win();
  /// The upstream was waited for until this turn of the loop began; what follows in it is our own share.
  void waited_since(TimePoint at) const { serving.trail.waited_for_upstream += std::max(loop().turn() - at, Duration{}); }
  /// From the request's last byte read until now: x_latency_ms.
  [[nodiscard]] Duration latency() const { return loop().now() - serving.trail.read_at; }
};

/// Sends the request by way of `entry` and relays its reply. A connection that had died unused is replaced once, silently: nothing was
/// lost, because nothing was sent on a living one. `order` and `cancellation` outlive it.
[[nodiscard]] net::Task<AttemptEnd> attempt(Serving& serving, const Order& order, Cancellation& cancellation, const catalog::RouteEntry& entry);

/// Appends what is left of a body to `body`; fails with upstream_broken beyond `size_max` bytes in all, with upstream_timeout after `by`.
[[nodiscard]] net::Task<Result<void>> read_rest(Attempt& attempt, net::Exchange& exchange, std::string& body, std::size_t size_max, TimePoint by);

}  // namespace bellwether::gateway
