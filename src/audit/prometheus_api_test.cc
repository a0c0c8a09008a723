#include "audit/prometheus_api.h"

#include <gtest/gtest.h>

#include "support/audit_told.h"

namespace bellwether::audit {
namespace {

constexpr std::string_view matrix =
    R"({"status":"success","data":{"resultType":"matrix","result":[)"
    R"({"metric":{"__name__":"vllm:prompt_tokens_total","engine":"0","instance":"gpu-1:8000","job":"vllm","model_name":"m"},"values":[[1767323040.123,"5"],[1767323055.123,"9"]]},)"
    R"({"metric":{"__name__":"vllm:num_requests_running","instance":"gpu-1:8000","model_name":"m"},"values":[[1767323040,"2"]]},)"
    R"({"metric":{"__name__":"up","instance":"gpu-1:8000"},"values":[[1767323040,"1"]]}]}})";

TEST(PrometheusApi, ReadsRanges) {
  const Told told = told_by<PrometheusApi>(matrix);
  EXPECT_EQ(told.told, (std::vector<std::string>{"counter 0,m,0,gpu-1:8000, at=1767323040123 5", "counter 0,m,0,gpu-1:8000, at=1767323055123 9",
                                                 "gauge 0,m,,gpu-1:8000, at=1767323040000 2"}));
  EXPECT_EQ(told.skips.at(Skip::not_of_this_log), 1U);
  for (const std::size_t step : {1U, 3U, 50U}) EXPECT_EQ(told_by<PrometheusApi>(matrix, step).all, told.all);
}

TEST(PrometheusApi, ReadsVectors) {
  const Told told = told_by<PrometheusApi>(
      R"({"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"vllm:e2e_request_latency_seconds_bucket","le":"0.5"},"value":[1767323040,"5"]}]}})");
  EXPECT_EQ(told.told, (std::vector<std::string>{"bucket 2,,,, part=0 le=0.5 at=1767323040000 5"}));
}

TEST(PrometheusApi, ReadsVictoriaMetricsExports) {
  const Told told = told_by<PrometheusApi>(
      "{\"metric\":{\"__name__\":\"vllm:prompt_tokens_total\",\"engine\":\"0\"},\"values\":[5,9],\"timestamps\":[1767323040000,1767323055000]}\n"
      "{\"metric\":{\"__name__\":\"vllm:prompt_tokens_total\",\"engine\":\"1\"},\"values\":[1],\"timestamps\":[1767323040000]}\n"
      "{\"metric\":{\"__name__\":\"vllm:prompt_tokens_total\",\"engine\":\"2\"},\"values\":[1,2],\"timestamps\":[1767323040000]}\n");
  EXPECT_EQ(told.told.size(), 3U);
  EXPECT_EQ(told.skips.at(Skip::malformed), 1U);
}

TEST(PrometheusApi, CountsTheTwoPrometheusesOfAPairOnce) {
  const Told told =
      told_by<PrometheusApi>(R"({"status":"success","data":{"resultType":"matrix","result":[)"
                             R"({"metric":{"__name__":"vllm:prompt_tokens_total","prometheus_replica":"a"},"values":[[1767323040,"5"],[1767323055,"9"]]},)"
                             R"({"metric":{"__name__":"vllm:prompt_tokens_total","prometheus_replica":"b"},"values":[[1767323047,"7"],[1767323062,"11"]]}]}})");
  EXPECT_EQ(told.told.size(), 3U);
  EXPECT_EQ(told.told[2], "counter 0,,,, at=1767323062000 11");
  EXPECT_EQ(told.skips.at(Skip::excluded), 1U);
}

TEST(PrometheusApi, TellsWhatAnAnswerComplainsAbout) {
  Told told;
  PrometheusApi reader{{}, told};
  reader.read(R"({"status":"error","errorType":"execution","error":"query processing would load too many samples into memory in query execution"})");
  reader.finish();
  EXPECT_TRUE(reader.error().starts_with("query processing would load too many samples"));
}

TEST(PrometheusApi, CountsWhatCannotBe) {
  const Told told = told_by<PrometheusApi>(
      R"({"data":{"resultType":"matrix","result":[{"metric":{"__name__":"vllm:prompt_tokens_total"},"values":[[1767323040,"NaN"],[1,"5"],[1767323055,9],[1767323056,"-1"],["x"]]}]}})");
  EXPECT_TRUE(told.told.empty());
  EXPECT_EQ(told.skips.at(Skip::impossible_value), 2U);
  EXPECT_EQ(told.skips.at(Skip::no_time), 1U);
  EXPECT_EQ(told.skips.at(Skip::malformed), 1U);
  EXPECT_EQ(told_by<PrometheusApi>(R"({"status":"success","data":{"resultType":"matrix","result":[{"metric":{)").skips.at(Skip::malformed), 1U);
}

TEST(PrometheusApi, IsRecognisedByItsContent) {
  EXPECT_TRUE(looks_like_prometheus_api(matrix));
  EXPECT_TRUE(looks_like_prometheus_api("\n {\"metric\":{\"__name__\":\"up\"},\"values\":[1]"));
  EXPECT_FALSE(looks_like_prometheus_api(R"({"id":"x","usage":{}})"));
  EXPECT_FALSE(looks_like_prometheus_api("vllm:x 1"));
}

}  // namespace
}  // namespace bellwether::audit
