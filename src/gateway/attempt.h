// One try of one request at one upstream: connect, send, read the head, then pass the reply on (whole_reply.h, stream_reply.h).
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "catalog/plan.h"
#include "chat/request.h"
#include "dialects/dialect.h"
#include "gateway/lane.h"
#include "gateway/trail.h"
#include "net/exchange.h"
#include "net/session.h"
#include "relay/relay.h"

namespace bellwether::gateway {

/// Where the caller's hang-up finds what to stop. One for each request; lives as long as its drive.
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
};

/// What the parts of an attempt share. References outlive it; lives on the attempt's coroutine.
struct Attempt {
  Lane& lane;
  const chat::Request& chat;
  net::Request& raw;
  net::Reply& reply;
  Trail& trail;
  Cancellation& cancellation;
  const catalog::Upstream& upstream;
  const catalog::RouteEntry& entry;
  const Reach& reach;
  const dialects::Dialect& dialect;
  TimePoint total;           ///< By when the attempt must be over.
  TimePoint silent_until{};  ///< When the upstream's present silence becomes a timeout.
  TimePoint comment_at{};    ///< When a caller who waits for a stream gets a sign of life.
  relay::Progress progress = relay::Progress::nothing_sent;

  [[nodiscard]] TimePoint until(Duration patience) const { return std::min(total, lane.loop().turn() + patience); }
  [[nodiscard]] AttemptEnd failed_with(Failure failure) const { return {progress, std::move(failure)}; }
  /// The upstream was waited for until this turn of the loop began; what follows in it is our own share.
  void waited_since(TimePoint began) { trail.waited_for_upstream += std::max(lane.loop().turn() - began, Duration{}); }
  /// From the request's last byte read until now: x_latency_ms.
  [[nodiscard]] Duration latency() const { return lane.loop().now() - trail.read_at; }
};

/// Sends the request to `candidate` and relays its reply. A connection that had died unused is replaced once, silently:
/// nothing was lost, because nothing was sent on a living one.
[[nodiscard]] net::Task<AttemptEnd> attempt(Lane& lane, const chat::Request& chat, net::Request& raw, net::Reply& reply, Trail& trail,
                                            Cancellation& cancellation, const catalog::Candidate& candidate);

/// Appends what is left of a body to `body`; fails with upstream_broken beyond `size_max` bytes in all.
[[nodiscard]] net::Task<Result<void>> read_rest(Attempt& attempt, net::Exchange& exchange, std::string& body, std::size_t size_max);

}  // namespace bellwether::gateway
