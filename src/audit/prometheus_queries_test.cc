#include "audit/prometheus_queries.h"

#include <gtest/gtest.h>

#include <regex>

namespace bellwether::audit {
namespace {

using namespace std::chrono_literals;

const Instant begin{1'767'323'045s};

TEST(PlanQueries, CoversTheRangeInDaysInTheOrderOfTime) {
  const auto queries = plan_queries(begin, begin + 60h);
  ASSERT_EQ(queries.size(), 6U);
  for (const auto kind : {PrometheusQuery::Kind::raw_samples, PrometheusQuery::Kind::stepped}) {
    Instant at = begin;
    for (const PrometheusQuery& query : queries) {
      if (query.kind != kind) continue;
      EXPECT_EQ(query.begin, at);
      EXPECT_LE(query.end - query.begin, 24h);
      at = query.end;
    }
    EXPECT_EQ(at, begin + 60h);
  }
}

TEST(PlanQueries, AsksForRawSamplesOfWhatIsCounted) {
  const auto queries = plan_queries(begin, begin + 1h);
  const std::string target = queries[0].target();
  EXPECT_TRUE(target.starts_with("/api/v1/query?query=%7B__name__%3D~%22")) << target;
  EXPECT_TRUE(target.ends_with("%22%7D%5B3600s%5D&time=1767326645.000")) << target;
  EXPECT_EQ(target.find_first_of(" \"{}[]|"), std::string::npos);
  EXPECT_TRUE(queries[1].target().ends_with("&start=1767323045.000&end=1767326645.000&step=300"));
  const std::regex counted(queries[0].metrics), stepped(queries[1].metrics);
  for (const char* name : {"vllm:prompt_tokens_total", "vllm:prompt_tokens", "vllm:gpu_prefix_cache_hits_total", "vllm:num_requests_running",
                           "ray_vllm_generation_tokens_total", "vllm:request_success_total"})
    EXPECT_TRUE(std::regex_match(name, counted)) << name;
  for (const char* name : {"vllm:e2e_request_latency_seconds_bucket", "vllm:kv_cache_usage_perc"}) {
    EXPECT_TRUE(std::regex_match(name, stepped)) << name;
    EXPECT_FALSE(std::regex_match(name, counted)) << name;
  }
  EXPECT_FALSE(std::regex_match("vllm:num_requests_waiting_by_reason", counted));
}

TEST(PlanQueries, HalvesWhatIsTooMuchDownToABound) {
  PrometheusQuery query = plan_queries(begin, begin + 24h)[0];
  int times = 0;
  while (const auto halves = halve(query)) {
    EXPECT_EQ(halves->first.end, halves->second.begin);
    EXPECT_EQ(halves->first.begin, query.begin);
    EXPECT_EQ(halves->second.end, query.end);
    query = halves->first;
    ++times;
  }
  EXPECT_EQ(times, 8);
}

}  // namespace
}  // namespace bellwether::audit
