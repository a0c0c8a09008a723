#include "audit/prometheus_text.h"

#include <gtest/gtest.h>

#include "support/audit_told.h"

namespace bellwether::audit {
namespace {

using std::chrono::milliseconds;

const ReadingContext written{.written = Instant(milliseconds(1'767'323'045'000))};

Told read_page(std::string_view text, std::size_t step = 4096) { return told_by<PrometheusText>(text, step, written); }

// As vLLM 0.11 writes it (wire.md §A.2): the process first, gauges, counters, then histograms.
constexpr std::string_view page_0_11 = R"(# HELP python_gc_objects_collected_total Objects collected during gc
# TYPE python_gc_objects_collected_total counter
python_gc_objects_collected_total{generation="0"} 11354.0
# HELP process_start_time_seconds Start time of the process since unix epoch in seconds.
# TYPE process_start_time_seconds gauge
process_start_time_seconds 1.76731944512e+09
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="deepseek-ai/DeepSeek-V3"} 3.0
# HELP vllm:prompt_tokens_total Number of prefill tokens processed.
# TYPE vllm:prompt_tokens_total counter
vllm:prompt_tokens_total{engine="0",model_name="deepseek-ai/DeepSeek-V3"} 1.234567e+06
# TYPE vllm:prompt_tokens_created gauge
vllm:prompt_tokens_created{engine="0",model_name="deepseek-ai/DeepSeek-V3"} 1.767319446e+09
vllm:request_success_total{engine="0",finished_reason="stop",model_name="deepseek-ai/DeepSeek-V3"} 41.0
vllm:iteration_tokens_total_bucket{engine="0",le="1.0",model_name="deepseek-ai/DeepSeek-V3"} 5.0
vllm:e2e_request_latency_seconds_bucket{engine="0",le="0.3",model_name="deepseek-ai/DeepSeek-V3"} 2.0
vllm:e2e_request_latency_seconds_bucket{engine="0",le="+Inf",model_name="deepseek-ai/DeepSeek-V3"} 41.0
vllm:e2e_request_latency_seconds_sum{engine="0",model_name="deepseek-ai/DeepSeek-V3"} 120.5
http_requests_total{handler="/v1/chat/completions",method="POST",status="2xx"} 40.0
http_requests_total{handler="/v1/models",method="GET",status="2xx"} 7.0
)";

TEST(PrometheusText, ReadsAPageOfVllm) {
  const Told told = read_page(page_0_11);
  const std::string model = ",deepseek-ai/DeepSeek-V3,0,";
  EXPECT_EQ(told.told,
            (std::vector<std::string>{"gauge 3,,,, at=1767323045000 1767319445.12", "gauge 0" + model + ", at=1767323045000 3",
                                      "counter 0" + model + ", at=1767323045000 1234567", "counter 2" + model + ",stop at=1767323045000 41",
                                      "bucket 2" + model + ", part=0 le=0.3 at=1767323045000 2", "bucket 2" + model + ", part=0 le=inf at=1767323045000 41",
                                      "bucket 2" + model + ", part=1 le=inf at=1767323045000 120.5", "counter 9,,,,2xx at=1767323045000 40"}));
  EXPECT_EQ(told.hashes[4], told.hashes[5]);  // Buckets of one histogram.
  EXPECT_EQ(told.hashes[4], told.hashes[6]);
  EXPECT_NE(told.hashes[2], told.hashes[3]);
}

TEST(PrometheusText, TellsTheSameHoweverTheBytesAreCut) {
  const Told whole = read_page(page_0_11);
  for (const std::size_t step : {1U, 2U, 7U, 61U}) EXPECT_EQ(read_page(page_0_11, step).all, whole.all);
}

TEST(PrometheusText, KnowsOldNamesAndNew) {
  const auto first = [](std::string_view line) {
    const Told told = read_page(line);
    return told.told.empty() ? std::string() : told.told[0].substr(0, told.told[0].find(','));
  };
  EXPECT_EQ(first("vllm:gpu_prefix_cache_hits_total{model_name=\"m\"} 5"), "counter 4");
  EXPECT_EQ(first("vllm:prefix_cache_hits_total{model_name=\"m\"} 5"), "counter 4");
  EXPECT_EQ(first("vllm:prompt_tokens{model_name=\"m\"} 5"), "counter 0");
  EXPECT_EQ(first("vllm_prompt_tokens_total{model_name=\"m\"} 5"), "counter 0");
  EXPECT_EQ(first("ray_vllm_generation_tokens_total{model_name=\"m\"} 5"), "counter 1");
  EXPECT_EQ(first("vllm:gpu_cache_usage_perc{model_name=\"m\"} 0.5"), "gauge 2");
  EXPECT_EQ(first("vllm:time_per_output_token_seconds_count{model_name=\"m\"} 5"), "bucket 1");
  EXPECT_EQ(first("vllm:prompt_tokens_by_source_total{source=\"local_compute\"} 5"), "counter 6");
  EXPECT_EQ(first("vllm:prompt_tokens_by_source_total{source=\"external_kv_transfer\"} 5"), "counter 7");
  EXPECT_EQ(first("vllm:prompt_tokens_by_source_total{source=\"local_cache_hit\"} 5"), "");  // prompt_tokens_cached says it.
  EXPECT_EQ(first("vllm:iteration_tokens_total_count 5"), "");
  EXPECT_EQ(first("vllm:num_requests_waiting_by_reason{reason=\"capacity\"} 5"), "");
}

TEST(PrometheusText, CountsASeriesThatHasTwoNamesOnce) {
  // 0.9.2 to 0.11 show the old name and the new one.
  const Told told = read_page("vllm:gpu_prefix_cache_hits_total{model_name=\"m\"} 5\nvllm:prefix_cache_hits_total{model_name=\"m\"} 5\n");
  EXPECT_EQ(told.told.size(), 1U);
  EXPECT_EQ(told.skips.at(Skip::excluded), 1U);
}

TEST(PrometheusText, TakesTheTimeOfAPageFromTheLineBeforeIt) {
  const std::string line = "vllm:prompt_tokens_total 5\n";
  for (const std::string_view stamp :
       {"# 2026-01-02T03:04:00Z", "Fri Jan  2 03:04:00 UTC 2026", "--- 1767323040 ---", "timestamp: 1767323040", "#time=1767323040000"})
    EXPECT_EQ(read_page(std::string(stamp) + "\n" + line).told, std::vector<std::string>{"counter 0,,,, at=1767323040000 5"}) << stamp;
  EXPECT_EQ(read_page("vllm:prompt_tokens_total 5 1767323040000\n").told[0], "counter 0,,,, at=1767323040000 5");
  EXPECT_EQ(read_page("vllm:prompt_tokens_total 5.0 1767323040.25 # {trace_id=\"x\"} 1.0\n").told[0], "counter 0,,,, at=1767323040250 5");
}

TEST(PrometheusText, TellsPagesWithoutTimesApart) {
  const Told told = read_page("vllm:prompt_tokens_total 5\nvllm:generation_tokens_total 1\nvllm:prompt_tokens_total 8\nvllm:generation_tokens_total 2\n");
  EXPECT_EQ(told.told, (std::vector<std::string>{"counter 0,,,, at=1767323045000 5", "counter 1,,,, at=1767323045000 1", "counter 0,,,, at=1767323045001 8",
                                                 "counter 1,,,, at=1767323045001 2"}));
  EXPECT_EQ(told.skips.at(Skip::no_time), 1U);
  EXPECT_EQ(told_by<PrometheusText>("vllm:prompt_tokens_total 5\n").skips.at(Skip::no_time), 1U);
}

TEST(PrometheusText, ReadsWhatPromtoolWrites) {
  EXPECT_EQ(read_page("{__name__=\"vllm:prompt_tokens_total\", engine=\"0\", instance=\"a:8000\", model_name=\"m\"} 7 1767323040000\n").told[0],
            "counter 0,m,0,a:8000, at=1767323040000 7");
  EXPECT_EQ(read_page("vllm:prompt_tokens_total{pod=\"p\"} => 7 @[1767323040.5]\n").told[0], "counter 0,,,p, at=1767323040500 7");
  EXPECT_EQ(read_page("vllm:prompt_tokens_total{pod=\"p\"} =>\n7 @[1767323040]\n9 @[1767323055]\n").told.size(), 2U);
  EXPECT_EQ(read_page("{\"vllm:prompt_tokens_total\",pod=\"p\"} 7\n").told.size(), 1U);
}

TEST(PrometheusText, ResolvesEscapesInLabels) {
  EXPECT_EQ(read_page("vllm:prompt_tokens_total{model_name=\"C:\\\\m\\\"x\\n}\",engine=\"1\"} 7\n").told[0], "counter 0,C:\\m\"x\n},1,, at=1767323045000 7");
}

TEST(PrometheusText, DropsTheLabelsOfPrometheusPairs) {
  const Told told = read_page(
      "vllm:prompt_tokens_total{prometheus_replica=\"a\",engine=\"0\"} 5 1767323040000\n"
      "vllm:prompt_tokens_total{engine=\"0\",prometheus_replica=\"b\"} 5 1767323040000\n"
      "vllm:prompt_tokens_total{engine=\"0\",prometheus_replica=\"b\"} 6 1767323055000\n");
  EXPECT_EQ(told.told.size(), 2U);
  EXPECT_EQ(told.hashes[0], told.hashes[1]);
}

TEST(PrometheusText, CountsWhatCannotBe) {
  const Told told = read_page("vllm:prompt_tokens_total -5\nvllm:generation_tokens_total NaN\nvllm:prompt_tokens_total{a=\"b\nvllm:prompt_tokens_total x\n");
  EXPECT_TRUE(told.told.empty());
  EXPECT_EQ(told.skips.at(Skip::impossible_value), 2U);
  EXPECT_EQ(told.skips.at(Skip::malformed), 2U);
}

TEST(PrometheusText, IsRecognisedByItsContent) {
  EXPECT_TRUE(looks_like_prometheus_text(page_0_11));
  EXPECT_TRUE(looks_like_prometheus_text("Fri Jan  2 03:04:00 UTC 2026\n# HELP vllm:x y\n"));
  EXPECT_TRUE(looks_like_prometheus_text("{__name__=\"vllm:prompt_tokens_total\"} 7 1\n"));
  EXPECT_FALSE(looks_like_prometheus_text("INFO 02-27 14:34:54 metrics.py:161] vllm: hello\n"));
  EXPECT_FALSE(looks_like_prometheus_text("{\"a\": 1}\n"));
  EXPECT_FALSE(looks_like_prometheus_text(""));
  EXPECT_FALSE(looks_like_prometheus_text("vllm_project is nice\n"));
}

}  // namespace
}  // namespace bellwether::audit
