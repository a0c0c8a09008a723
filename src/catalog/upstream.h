// An endpoint that we call, as the config describes it. Values; made by config/ or by discovery, never changed afterwards.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/time.h"

namespace bellwether::catalog {

enum class DialectName : std::uint8_t { openai, deepseek, vllm, llama_server };

/// `base_url` taken apart.
struct Url {
  enum class Scheme : std::uint8_t { http, https, unix_socket };
  Scheme scheme = Scheme::http;
  std::string host;         ///< Name or address without brackets; for unix sockets the socket's path.
  std::uint16_t port = 80;  ///< Unused for unix sockets.
  std::string path;         ///< What stands before "/chat/completions", without a slash at its end, e.g. "/v1"; may be empty.

  friend bool operator==(const Url&, const Url&) = default;
};

/// Each bounds one phase of one attempt (PRODUCT.md §5).
struct Timeouts {
  Duration connect = std::chrono::seconds(10);      ///< DNS, TCP and TLS together.
  Duration write = std::chrono::seconds(10);        ///< Without progress while the request is being sent.
  Duration pool = std::chrono::seconds(5);          ///< Waiting for a free connection when the pool is at its bound.
  Duration first_token = std::chrono::seconds(60);  ///< From request sent to the first event (or, not streaming, to the head of the reply).
  Duration idle = std::chrono::seconds(60);         ///< Between two reads afterwards.
  Duration total = std::chrono::minutes(10);        ///< The whole attempt.

  friend bool operator==(const Timeouts&, const Timeouts&) = default;
};

/// Tries of one request at one upstream beyond the first, and what they may cost that upstream. docs/resilience.md has the reasons.
struct Retry {
  std::uint32_t retries = 2;
  std::uint32_t budget_percent = 20;             ///< Of the requests of the last 10 s; 0: no second try at this upstream, ever.
  Duration after_max = std::chrono::seconds(5);  ///< The longest `Retry-After` that is waited for.

  friend bool operator==(const Retry&, const Retry&) = default;
};

/// When an upstream's model is left alone, and for how long.
struct BreakerPolicy {
  std::uint32_t failures = 5;                       ///< In a row; 0: however many.
  std::uint32_t rate_percent = 50;                  ///< Or this share of at least 20 attempts in 30 s; 0: whatever share.
  Duration open_for = std::chrono::seconds(1);      ///< The first time; doubled each time that the probe fails.
  Duration open_for_max = std::chrono::seconds(4);  ///< Bounds how long traffic stays away after the upstream is well.

  friend bool operator==(const BreakerPolicy&, const BreakerPolicy&) = default;
};

/// Attempts under way at once, whole process; each lane has its share.
struct ConcurrencyPolicy {
  std::uint32_t max = 0;                         ///< 0: no limit.
  bool adaptive = false;                         ///< Below `max`, follow the time to the first token.
  std::uint32_t queue_max = 128;                 ///< Requests that wait for a place.
  Duration queue_for = std::chrono::seconds(2);  ///< How long one waits.

  friend bool operator==(const ConcurrencyPolicy&, const ConcurrencyPolicy&) = default;
};

/// A stream that gives less than `tokens` in a window is treated as stalled.
struct MinRate {
  std::uint32_t tokens = 0;                  ///< 0: no such guard.
  Duration over = std::chrono::seconds(30);  ///< The window.

  friend bool operator==(const MinRate&, const MinRate&) = default;
};

struct Upstream {
  std::string name;
  DialectName dialect = DialectName::openai;
  Url base_url;
  std::string api_key;  ///< Secret; empty: none is sent. Never logged.
  Timeouts timeouts;
  std::uint32_t connections_max = 1024;          ///< Open connections per lane.
  std::uint32_t idle_max = 256;                  ///< Of them kept open unused, per lane.
  Duration idle_for = std::chrono::seconds(60);  ///< An unused connection is closed after this long.
  Retry retry;
  BreakerPolicy breaker;
  ConcurrencyPolicy concurrency;
  MinRate min_rate;
  Duration probe_every{};  ///< An active probe while its breaker is open; zero: requests are the only probes.
};

}  // namespace bellwether::catalog
