#include "audit/litellm_spend.h"

#include <gtest/gtest.h>

#include "support/audit_told.h"

namespace bellwether::audit {
namespace {

using Texts = std::vector<std::string>;

// Columns as litellm/proxy/schema.prisma has them.
constexpr std::string_view row =
    R"({"request_id":"chatcmpl-1","call_type":"acompletion","api_key":"88dc28","spend":0.0001,"total_tokens":30,"prompt_tokens":20,"completion_tokens":10,"startTime":"2026-01-02T03:04:00.000Z","endTime":"2026-01-02T03:04:05.000Z","completionStartTime":"2026-01-02T03:04:00.400Z","model":"hosted_vllm/deepseek-ai/DeepSeek-V3","model_group":"deepseek-v3","custom_llm_provider":"hosted_vllm","metadata":{"status":"success","usage_object":{"prompt_tokens":20,"completion_tokens":10,"prompt_tokens_details":{"cached_tokens":16}}},"cache_hit":"False","messages":{},"response":{},"status":"success","proxy_server_request":{"model":"deepseek-v3","stream":true,"tools":[{}],"max_tokens":99}})";

TEST(LitellmJson, ReadsSpendLogs) {
  const Told told = told_by_maker(make_litellm_json, row);
  EXPECT_EQ(told.told, Texts{"request id=chatcmpl-1 model=deepseek-v3 end=1767323045000 latency=5000 first=400 in=20 cached=16 out=10 max=99 features=3"});
  const std::string array = "[" + std::string(row) + ",\n" + std::string(row) + "]";
  EXPECT_EQ(told_by_maker(make_litellm_json, array).told.size(), 2U);
  EXPECT_EQ(told_by_maker(make_litellm_json, R"({"data":)" + array + R"(,"total":2})").told.size(), 2U);
  for (const std::size_t step : {1U, 9U}) EXPECT_EQ(told_by_maker(make_litellm_json, array, step).all, told_by_maker(make_litellm_json, array).all);
}

TEST(LitellmJson, TellsFailuresAndItsOwnCacheApart) {
  const Told told = told_by_maker(
      make_litellm_json,
      R"({"request_id":"a","startTime":"2026-01-02 03:04:00","endTime":"2026-01-02 03:04:05.5","model":"m","prompt_tokens":5,"completion_tokens":0,"spend":0,"cache_hit":"True","metadata":"{\"status\":\"success\"}"}
{"request_id":"b","startTime":"2026-01-02 03:04:00","endTime":"2026-01-02 03:04:05","model":"m","prompt_tokens":0,"completion_tokens":0,"spend":0,"cache_hit":"None","metadata":"{\"status\":\"failure\"}"}
)");
  EXPECT_EQ(told.told, (Texts{"request id=a model=m end=1767323045500 latency=5500 in=5 out=0 cache",
                              "request id=b model=m end=1767323045000 latency=5000 in=0 out=0 outcome=1"}));
}

TEST(LitellmJson, ReadsDailyTables) {
  EXPECT_EQ(
      told_by_maker(
          make_litellm_json,
          R"([{"id":"u","user_id":"x","date":"2026-01-02","api_key":"k","model":"m","model_group":null,"prompt_tokens":"1000","completion_tokens":50,"cache_read_input_tokens":400,"spend":0.1,"api_requests":7,"successful_requests":6,"failed_requests":1}])")
          .told,
      Texts{"total m 1767312000..1767398400 requests=6 failed=1 in=1000 cached=400 out=50"});
}

TEST(LitellmCsv, ReadsSpendLogsWithQuotedJsonAndLineBreaks) {
  constexpr std::string_view csv =
      "request_id,call_type,spend,prompt_tokens,completion_tokens,startTime,endTime,model,metadata,cache_hit,messages,status\r\n"
      "a,acompletion,0.1,20,10,2026-01-02 03:04:00.000,2026-01-02 03:04:05.000,m,\"{\"\"usage_object\"\": {\"\"prompt_tokens_details\"\": "
      "{\"\"cached_tokens\"\": 16}}}\",False,\"hello,\n\"\"world\"\"\n\",success\r\n"
      "b,aembedding,0.1,7,0,2026-01-02 03:04:00,2026-01-02 03:04:01,e,{},,,success\n"
      "short,row\n"
      "c,acompletion,0.1,-7,0,2026-01-02 03:04:00,2026-01-02 03:04:01,e,{},,,success";
  const Told told = told_by_maker(make_litellm_csv, csv);
  EXPECT_EQ(told.told, (Texts{"request id=a model=m end=1767323045000 latency=5000 in=20 cached=16 out=10",
                              "request id=b model=e end=1767323041000 latency=1000 in=7 out=0 features=40000"}));
  EXPECT_EQ(told.all[1].substr(0, 2), "5:");  // Where the row begins, line breaks in fields counted.
  EXPECT_EQ(told.skips.at(Skip::malformed), 1U);
  EXPECT_EQ(told.skips.at(Skip::impossible_value), 1U);
  for (const std::size_t step : {1U, 13U}) EXPECT_EQ(told_by_maker(make_litellm_csv, csv, step).all, told.all);
}

TEST(LitellmCsv, ReadsDailyTablesInAnyColumnOrder) {
  EXPECT_EQ(
      told_by_maker(make_litellm_csv,
                    "failed_requests,successful_requests,date,model,prompt_tokens,completion_tokens,cache_read_input_tokens\n1,6,2026-01-02,m,1000,50,400\n")
          .told,
      Texts{"total m 1767312000..1767398400 requests=6 failed=1 in=1000 cached=400 out=50"});
}

TEST(LitellmCsv, GoesOnBehindAQuoteThatIsNeverClosed) {
  std::string csv = "request_id,startTime,endTime,model,prompt_tokens,completion_tokens\nx,\"never closed,";
  csv += std::string(17 << 20, 'y') + "\nb,2026-01-02 03:04:00,2026-01-02 03:04:01,m,7,1\n";
  const Told told = told_by_maker(make_litellm_csv, csv);
  EXPECT_EQ(told.told.size(), 1U);
  EXPECT_EQ(told.skips.at(Skip::too_long), 1U);
}

TEST(Litellm, IsRecognisedByItsContent) {
  EXPECT_TRUE(looks_like_litellm_json(row));
  EXPECT_FALSE(looks_like_litellm_csv(row));
  EXPECT_TRUE(looks_like_litellm_csv("\"request_id\",\"startTime\",\"prompt_tokens\",\"completion_tokens\"\n"));
  EXPECT_FALSE(looks_like_litellm_json(R"({"usage":{"prompt_tokens":1}})"));
}

}  // namespace
}  // namespace bellwether::audit
