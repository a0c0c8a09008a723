// What is counted. Each lane owns one Metrics and is the only one to write to it; a scrape reads all lanes' and adds them up, so
// counting costs the request path a few plain stores. No label carries a key, an account or anything a caller can invent:
// cardinality is bounded by the config (models × upstreams × codes).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/failure.h"
#include "base/time.h"
#include "metering/usage.h"
#include "telemetry/counter.h"

namespace bellwether::telemetry {

/// What one upstream had to do with a request that took more than one attempt. For the log only.
struct LegRecord {
  std::string_view upstream;
  std::string_view outcome;
  metering::Usage usage;
};

/// Where a finished request's time and tokens went. Filled along the walk; views must outlive `Metrics::count` only.
struct RequestRecord {
  std::string_view request_id, client_request_id;  ///< client_request_id: the caller's own, if sane.
  std::string_view endpoint;                       ///< The path template, e.g. "/v1/chat/completions".
  std::string_view method;
  std::string_view key_id;    ///< For the log only.
  std::string_view account;   ///< For the log only.
  std::string_view model;     ///< Canonical; empty before it was resolved (never what the caller wrote).
  std::string_view upstream;  ///< Who answered; empty if nobody.
  int status = 0;             ///< What the caller got; 499 when it had gone.
  std::string_view failure;   ///< name_of(reason) where it failed.
  std::string_view detail;    ///< Internal text of the failure. For the log only.
  bool stream = false;
  bool caller_gone = false;
  std::uint32_t attempts = 0;
  int retry_count = -1;  ///< x-stainless-retry-count of SDKs; -1: not sent.
  metering::Usage usage;
  std::span<const LegRecord> legs;  ///< Empty where the first attempt served.
  Duration total{};                 ///< Request read to last byte handed to the kernel.
  Duration overhead{};              ///< Of that, ours: total less the time spent waiting for upstreams and for the caller.
  Duration first_token{};           ///< Request read to the first event with content; 0: none.
  WallTime at{};                    ///< When the request was read.
};

class Metrics {
 public:
  Metrics();
  ~Metrics();

  /// One finished request; exactly once for each, on every path. This lane only.
  void count(const RequestRecord& record);
  /// One finished attempt; `outcome` is "ok" or a reason's name. This lane only.
  void count_attempt(std::string_view upstream, std::string_view outcome);

  Counter connections_open;  ///< Callers' connections now.
  Counter connections_total;
  Counter connections_refused;
  Counter requests_in_flight;
  Counter streams_open;
  Counter streams_cut_by_caller;
  Counter streams_cut_by_upstream;
  Counter streams_rescued;  ///< Broke off with text at the caller, and were finished by another upstream.
  Counter hedges;           ///< Second attempts beside a slow one.
  Counter upstream_connections_open;
  Counter upstream_connections_total;
  Counter upstream_connections_reused;

 private:
  friend std::string to_prometheus(std::span<const Metrics* const>, const struct ProcessFacts&);
  struct Tables;
  std::unique_ptr<Tables> tables_;
};

/// One upstream's model as the lanes see it together. `state`: 0 closed, 1 half open, 2 open.
struct TargetFacts {
  std::string_view upstream, model;
  int state = 0;
  std::uint64_t opened_total = 0;
};
/// What the models of one upstream share.
struct UpstreamFacts {
  std::string_view upstream;
  std::uint64_t outstanding = 0, waiting = 0;
  std::uint32_t concurrency_limit = UINT32_MAX;  ///< UINT32_MAX: none.
  std::uint64_t retries_total = 0, retries_refused_total = 0;
};

/// Facts of the process that stand on the metrics page beside the lanes' counters.
struct ProcessFacts {
  std::string_view version, commit;
  std::uint64_t revision = 0;
  std::uint64_t reloads = 0, reload_failures = 0;
  std::uint64_t access_log_dropped = 0;
  std::uint64_t resident_bytes = 0;
  double cpu_seconds = 0;
  std::uint64_t open_files = 0;
  WallTime started{};
  std::vector<TargetFacts> targets;
  std::vector<UpstreamFacts> upstreams;
};

/// The page in Prometheus' text format 0.0.4: names of wire.md §G.2. Any thread.
[[nodiscard]] std::string to_prometheus(std::span<const Metrics* const> lanes, const ProcessFacts& process);

}  // namespace bellwether::telemetry
