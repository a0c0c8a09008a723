#include "audit/prometheus_queries.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace bellwether::audit {
namespace {

using std::chrono::seconds;

constexpr seconds slice{86'400};
constexpr seconds slice_min{600};
// All names of all versions (vllm_metric.cc), anchored as Prometheus anchors them.
constexpr std::string_view counted =
    "(ray_)?vllm[:_](prompt_tokens|generation_tokens|request_success|(gpu_)?prefix_cache_(queries|hits)|prompt_tokens_cached|prompt_tokens_by_source|"
    "num_preemptions)(_total)?|(ray_)?vllm[:_]num_requests_(running|waiting)";
constexpr std::string_view stepped =
    "(ray_)?vllm[:_](time_to_first_token_seconds|inter_token_latency_seconds|time_per_output_token_seconds|e2e_request_latency_seconds|"
    "request_queue_time_seconds|request_prompt_tokens|request_generation_tokens|request_params_max_tokens)_(bucket|sum|count)|"
    "(ray_)?vllm[:_](gpu|kv)_cache_usage_perc";

void append_encoded(std::string& out, std::string_view text) {
  constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
  for (const char c : text) {
    if (plain.find(c) != std::string_view::npos) out += c;
    else out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
}

double unix_of(Instant at) { return static_cast<double>(at.time_since_epoch().count()) / 1e3; }

seconds length_of(const PrometheusQuery& query) { return std::chrono::ceil<seconds>(query.end - query.begin); }

}  // namespace

std::string PrometheusQuery::target() const {
  std::string expression = fmt::format("{{__name__=~\"{}\"}}", metrics);
  std::string out;
  if (kind == Kind::raw_samples) {
    expression += fmt::format("[{}s]", length_of(*this).count());
    out = "/api/v1/query?query=";
    append_encoded(out, expression);
    out += fmt::format("&time={:.3f}", unix_of(end));
  } else {
    out = "/api/v1/query_range?query=";
    append_encoded(out, expression);
    out += fmt::format("&start={:.3f}&end={:.3f}&step={}", unix_of(begin), unix_of(end), step.count());
  }
  return out;
}

std::vector<PrometheusQuery> plan_queries(Instant begin, Instant end) {
  std::vector<PrometheusQuery> queries;
  // Of two days a sample every five minutes tells a histogram's shape by the hour; of more, one an hour does.
  const seconds step = end - begin <= 2 * slice ? seconds(300) : seconds(3'600);
  for (Instant at = begin; at < end; at += slice) {
    const Instant until = std::min<Instant>(at + slice, end);
    queries.push_back({PrometheusQuery::Kind::raw_samples, std::string(counted), at, until, seconds(0)});
    queries.push_back({PrometheusQuery::Kind::stepped, std::string(stepped), at, until, std::min(step, std::max(seconds(15), length_of(queries.back()) / 4))});
  }
  return queries;
}

std::optional<std::pair<PrometheusQuery, PrometheusQuery>> halve(const PrometheusQuery& query) {
  if (query.end - query.begin <= slice_min) return std::nullopt;
  const Instant middle = query.begin + (query.end - query.begin) / 2;
  std::pair<PrometheusQuery, PrometheusQuery> halves{query, query};
  halves.first.end = middle;
  halves.second.begin = middle;
  return halves;
}

}  // namespace bellwether::audit
