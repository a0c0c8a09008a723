// Which questions a Prometheus server is asked about a vLLM, in which slices of time. Pure: cli/ asks them.
//
// What is counted (tokens, requests, cache hits) and the levels of which peaks matter come as raw samples: a range selector in an instant
// query. `increase()` would extrapolate to the edges of its window and give numbers that nobody counted. Histograms have too many series
// for that: a sample at a step is enough for their bounds.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "audit/reading.h"

namespace bellwether::audit {

struct PrometheusQuery {
  enum class Kind : std::uint8_t { raw_samples, stepped } kind = Kind::raw_samples;
  std::string metrics;  ///< A regular expression for the metric's name.
  Instant begin;
  Instant end;
  std::chrono::seconds step{0};  ///< stepped.

  /// Path and query below the server's own path: `/api/v1/query?query=…`.
  [[nodiscard]] std::string target() const;
};

/// In the order of time, so that samples of a series never go back. `end` is behind `begin`. A slice is a day: 16 engines sampled every 15 s
/// have some 1.5 million samples of counters in it, a thirtieth of what a server loads by default (--query.max-samples).
[[nodiscard]] std::vector<PrometheusQuery> plan_queries(Instant begin, Instant end);

/// The same in two halves, for a server that found it too much. Nothing where it is small enough to be no server's limit (ten minutes).
[[nodiscard]] std::optional<std::pair<PrometheusQuery, PrometheusQuery>> halve(const PrometheusQuery& query);

}  // namespace bellwether::audit
