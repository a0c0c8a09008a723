// Which reader gets what: contents of every format, and contents that more than one could claim.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "audit/format.h"

namespace bellwether::audit {
namespace {

std::string_view detected(std::string_view begin) {
  const Format* const format = detect(begin);
  return format == nullptr ? "nothing" : format->name;
}

TEST(Detect, KnowsEveryFormatByItsContent) {
  EXPECT_EQ(detected("# HELP python_gc_objects_collected_total x\nvllm:prompt_tokens_total{engine=\"0\"} 5.0\n"), "prometheus-text");
  EXPECT_EQ(detected(R"({"status":"success","data":{"resultType":"matrix","result":[)"), "prometheus-api");
  EXPECT_EQ(detected(R"({"metric":{"__name__":"vllm:prompt_tokens_total"},"values":[1],"timestamps":[1]})"), "prometheus-api");
  EXPECT_EQ(detected(R"({"at":"2026-01-02T03:04:05.000Z","request_id":"req_1","method":"POST","endpoint":"/v1/chat/completions","status":200})"),
            "bellwether-log");
  EXPECT_EQ(detected(R"([{"request_id":"r","call_type":"acompletion","spend":0,"prompt_tokens":1,"startTime":"2026-01-02T03:04:05Z"}])"), "litellm-json");
  EXPECT_EQ(detected("request_id,startTime,endTime,prompt_tokens,completion_tokens\n"), "litellm-csv");
  EXPECT_EQ(detected(R"({"id":"x","object":"chat.completion","usage":{"prompt_tokens":1}})"), "usage-jsonl");
  EXPECT_EQ(detected(R"({"time_iso8601":"2026-01-02T03:04:05Z","request":"POST / HTTP/1.1","status":"200","request_time":"0.1"})"), "access-json");
  EXPECT_EQ(detected(R"(10.0.0.1 - - [02/Jan/2026:12:04:05 +0900] "POST /v1/completions HTTP/1.1" 200 512 "-" "-")"), "access-log");
  EXPECT_EQ(detected("INFO 02-27 14:34:54 metrics.py:161] Avg prompt throughput: 0.0 tokens/s\n"), "vllm-log");
}

TEST(Detect, ResolvesWhatSeveralCouldClaimAlwaysTheSameWay) {
  // Uvicorn's lines stand in a vLLM's log, whose rates may come much later.
  EXPECT_EQ(detected("INFO:     127.0.0.1:52510 - \"GET /health HTTP/1.1\" 200 OK\nINFO:     127.0.0.1:52510 - \"POST /v1/completions HTTP/1.1\" 200 OK\n"),
            "vllm-log");
  EXPECT_EQ(detected("INFO:     127.0.0.1:52510 - \"GET /health HTTP/1.1\" 200 OK\n"), "vllm-log");
  // A container's log whose lines quote an answer.
  EXPECT_EQ(detected(R"({"log":"INFO 12-02 06:39:46 response_body={\"usage\":{\"prompt_tokens\":9}}\n","stream":"stdout","time":"2026-01-02T03:04:05Z"})"),
            "vllm-log");
  // Recorded traffic whose text quotes a log of vLLM, or a page of its metrics.
  EXPECT_EQ(detected(R"({"request":{"messages":[{"content":"what is Avg prompt throughput: 1 tokens/s?"}]},"response":{"usage":{"prompt_tokens":9}}})"),
            "usage-jsonl");
  EXPECT_EQ(detected("{\"request\":{\"messages\":[{\"content\":\"\\nvllm:prompt_tokens_total 5\"}]},\"response\":{\"usage\":{\"prompt_tokens\":9}}}"),
            "usage-jsonl");
  // A spend log that keeps answers has their usage in it.
  EXPECT_EQ(detected(R"({"request_id":"r","spend":0,"prompt_tokens":1,"startTime":"2026-01-02T03:04:05Z","response":{"usage":{"prompt_tokens":9}}})"),
            "litellm-json");
  // A page that is preceded by the time it was taken, and a log that mentions a metric.
  EXPECT_EQ(detected("Fri Jan  2 03:04:00 UTC 2026\nvllm:prompt_tokens_total 5\n"), "prometheus-text");
  EXPECT_EQ(detected("INFO 01-02 03:04:05 logger.py] metrics at /metrics\nvllm:prompt_tokens_total is a counter\n"), "vllm-log");
}

TEST(Describe, SaysWhatItIsInstead) {
  std::string noise;
  for (std::uint64_t i = 1, bits = 88172645463325252; i <= 4096; ++i) {
    bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17;
    noise.push_back(static_cast<char>(bits));
  }
  EXPECT_EQ(describe(noise), "binary data");
  EXPECT_EQ(describe(""), "an empty file");
  EXPECT_EQ(describe("\x1f\x8bxx"), "gzip");
  EXPECT_EQ(describe("안녕하세요\n"), "text that begins \"안녕하세요\"");
  EXPECT_EQ(describe("\x1b[32mINFO\x1b[0m ready\n").substr(0, 16), "text that begins");
}

}  // namespace
}  // namespace bellwether::audit
