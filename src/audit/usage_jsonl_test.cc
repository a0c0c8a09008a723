#include "audit/usage_jsonl.h"

#include <gtest/gtest.h>

#include "support/audit_told.h"

namespace bellwether::audit {
namespace {

using Texts = std::vector<std::string>;

Told read(std::string_view text, std::size_t step = 4096) { return told_by<UsageJsonl>(text, step); }

// wire.md §A.3.4, §B.5, §C.7.
constexpr std::string_view vllm_answer =
    R"({"id":"chatcmpl-1","object":"chat.completion","created":1767323040,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"\"usage\":{\"prompt_tokens\":7}"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"total_tokens":11,"completion_tokens":2,"prompt_tokens_details":null}})";
constexpr std::string_view deepseek_answer =
    R"({"id":"ds-1","object":"chat.completion","created":1767323041,"model":"deepseek-chat","choices":[{"index":0,"message":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":120,"completion_tokens":80,"total_tokens":200,"prompt_tokens_details":{"cached_tokens":64},"completion_tokens_details":{"reasoning_tokens":10},"prompt_cache_hit_tokens":64,"prompt_cache_miss_tokens":56}})";

TEST(UsageJsonl, ReadsAnswersLineByLine) {
  const std::string text = std::string(vllm_answer) + "\n" + std::string(deepseek_answer) + "\n";
  const Told told = read(text);
  EXPECT_EQ(told.told, (Texts{"request id=chatcmpl-1 model=m end=1767323040000 in=9 out=2",
                              "request id=ds-1 model=deepseek-chat end=1767323041000 in=120 cached=64 out=80"}));
  for (const std::size_t step : {1U, 5U, 100U}) EXPECT_EQ(read(text, step).all, told.all);
  EXPECT_EQ(told.all[1].substr(0, 2), "2:");
}

TEST(UsageJsonl, ReadsArraysAndLists) {
  const std::string one(vllm_answer), other(deepseek_answer);
  EXPECT_EQ(read("[" + one + ",\n" + other + "]").told.size(), 2U);
  EXPECT_EQ(read(R"({"object":"list","data":[)" + one + "," + other + R"(],"has_more":false})").told.size(), 2U);
}

TEST(UsageJsonl, ReadsPairsWithTheFeaturesOfTheRequest) {
  const Told told = read(
      R"({"request":{"model":"asked","stream":true,"tools":[{"type":"function"}],"response_format":{"type":"json_schema"},"guided_json":{"type":"object"},"logprobs":true,"n":2,"seed":7,"stop":["a"],"stop_token_ids":[1],"top_k":40,"min_p":0.1,"repetition_penalty":1.1,"temperature":0.3,"max_tokens":256,"chat_template_kwargs":{"x":1},"messages":[{"role":"user","content":[{"type":"image_url"}]}]},"response":)" +
      std::string(vllm_answer) + R"(,"latency_ms":1500,"timestamp":"2026-01-02T03:04:05Z"})");
  ASSERT_EQ(told.told.size(), 1U);
  const Feature expected = Feature::streaming | Feature::tools | Feature::json_mode | Feature::guided_decoding | Feature::logprobs | Feature::several_choices |
                           Feature::seed | Feature::stop | Feature::stop_token_ids | Feature::top_k | Feature::min_p | Feature::repetition_penalty |
                           Feature::temperature | Feature::chat_template_kwargs | Feature::vision;
  EXPECT_EQ(told.features[0], expected);
  EXPECT_TRUE(told.told[0].starts_with("request id=chatcmpl-1 model=m end=1767323045000 latency=1500 in=9 out=2 max=256")) << told.told[0];
}

TEST(UsageJsonl, TakesDefaultsThatAreWrittenOutForWhatTheyAre) {
  const Told told = read(
      R"({"request":{"top_k":-1,"min_p":0.0,"repetition_penalty":1.0,"n":1,"stop":null,"tools":[],"logprobs":false,"guided_json":null,"stop":[],"seed":null},"response":)" +
      std::string(vllm_answer) + "}");
  EXPECT_EQ(told.features[0], Feature::none);
}

TEST(UsageJsonl, ReadsRequestsAndAnswersThatAreStringsOfJson) {
  const Told told =
      read(R"({"request":"{\"model\":\"asked\",\"seed\":1}","response":"{\"id\":\"x\",\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}"})");
  EXPECT_EQ(told.told, Texts{"request id=x model=asked in=3 out=4 features=40"});
}

TEST(UsageJsonl, ReadsTheOutputOfBatches) {
  const Told told = read(
      R"({"id":"batch_req_1","custom_id":"c-1","response":{"status_code":200,"request_id":"r","body":{"id":"chatcmpl-9","object":"chat.completion","model":"m","choices":[{}],"usage":{"prompt_tokens":22,"completion_tokens":2}}},"error":null})"
      "\n"
      R"({"id":"batch_req_2","custom_id":"c-2","response":{"status_code":400,"body":{"model":"m","error":{"message":"bad"}}},"error":null})");
  EXPECT_EQ(told.told, (Texts{"request id=chatcmpl-9 model=m in=22 out=2", "request id=batch_req_2 model=m outcome=1"}));
}

TEST(UsageJsonl, AddsWhatAnthropicCountsApart) {
  EXPECT_EQ(
      read(
          R"({"id":"msg_1","type":"message","model":"c","usage":{"input_tokens":12,"cache_creation_input_tokens":100,"cache_read_input_tokens":50,"output_tokens":6}})")
          .told,
      Texts{"request id=msg_1 model=c in=162 cached=50 out=6"});
}

TEST(UsageJsonl, ReadsPagesOfTheUsageApi) {
  const std::string results =
      R"([{"object":"organization.usage.completions.result","input_tokens":1000,"output_tokens":500,"input_cached_tokens":800,"num_model_requests":5,"model":"gpt-4o-mini"},)"
      R"({"object":"organization.usage.completions.result","input_tokens":10,"output_tokens":5,"input_cached_tokens":0,"num_model_requests":1,"model":null}])";
  const Texts expected{"total gpt-4o-mini 1767225600..1767312000 requests=5 failed=0 in=1000 cached=800 out=500",
                       "total  1767225600..1767312000 requests=1 failed=0 in=10 cached=0 out=5"};
  EXPECT_EQ(
      read(R"({"object":"page","data":[{"object":"bucket","start_time":1767225600,"end_time":1767312000,"results":)" + results + R"(}],"has_more":false})")
          .told,
      expected);
  // As json.dumps(sort_keys=True) writes it.
  EXPECT_EQ(read(R"({"data":[{"end_time":1767312000,"object":"bucket","results":)" + results + R"(,"start_time":1767225600}],"object":"page"})").told,
            expected);
}

TEST(UsageJsonl, ReadsLangfuse) {
  const Told told = read(
      R"({"data":[{"id":"o1","traceId":"t","type":"GENERATION","startTime":"2026-01-02T03:04:00.000Z","completionStartTime":"2026-01-02T03:04:00.500Z","endTime":"2026-01-02T03:04:05.000Z","model":"m","usageDetails":{"input":20,"input_cached_tokens":80,"output":30,"total":130},"usage":{"input":20,"output":30,"total":130,"unit":"TOKENS"},"modelParameters":{"temperature":0.2,"max_tokens":100},"level":"DEFAULT"},)"
      R"({"id":"o2","traceId":"t","type":"SPAN","startTime":"2026-01-02T03:04:00.000Z","usage":{"input":0,"output":0}},)"
      R"({"id":"o3","traceId":"t","type":"GENERATION","startTime":"2026-01-02T03:04:00.000Z","endTime":"2026-01-02T03:04:05.000Z","model":"m","usageDetails":{"input":100,"cache_read":80,"output":30,"total":130},"level":"ERROR"}]})");
  ASSERT_EQ(told.told.size(), 2U);
  EXPECT_EQ(told.told[0], "request id=o1 model=m end=1767323045000 latency=5000 first=500 in=100 cached=80 out=30 max=100 features=100000");
  EXPECT_EQ(told.told[1], "request id=o3 model=m end=1767323045000 latency=5000 in=100 cached=80 out=30 outcome=1");
}

TEST(UsageJsonl, DoesNotCountChunksWithoutUsage) {
  const Told told = read(R"({"id":"x","object":"chat.completion.chunk","model":"m","choices":[{}],"usage":null})"
                         "\n"
                         R"({"id":"x","object":"chat.completion.chunk","model":"m","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}})");
  EXPECT_EQ(told.told, Texts{"request id=x model=m in=9 out=2 features=1"});
}

TEST(UsageJsonl, CountsWhatCannotBeRead) {
  const Told told = read("{\"id\":\"a\",\"usage\":{\"prompt_tokens\":-9,\"completion_tokens\":2}}\n{\"usage\":{\"prompt_tok\nnot json\n{\"other\":1}\n" +
                         std::string(vllm_answer) + "\n{\"usage\":{\"prompt_tokens\":1,\"prompt_tokens_details\":{\"cached_tokens\":5}}}\n");
  EXPECT_EQ(told.told.size(), 1U);
  EXPECT_EQ(told.skips.at(Skip::impossible_value), 2U);
  EXPECT_EQ(told.skips.at(Skip::malformed), 1U);
  EXPECT_EQ(told.skips.at(Skip::not_of_this_log), 2U);
}

TEST(UsageJsonl, PassesOverPromptsOfAnyLength) {
  const std::string text = R"({"request":{"messages":[{"content":")" + std::string(20 << 20, 'x') + R"("}]},"response":)" + std::string(vllm_answer) + "}";
  EXPECT_EQ(read(text, 1 << 16).told.size(), 1U);
}

TEST(UsageJsonl, IsRecognisedByItsContent) {
  EXPECT_TRUE(looks_like_usage_jsonl(vllm_answer));
  EXPECT_TRUE(looks_like_usage_jsonl(R"({"object":"page","data":[{"object":"bucket","start_time":1,"results":[]}]})"));
  EXPECT_FALSE(looks_like_usage_jsonl(R"({"log":"INFO usage","stream":"stdout"})"));
  EXPECT_FALSE(looks_like_usage_jsonl("usage"));
}

}  // namespace
}  // namespace bellwether::audit
