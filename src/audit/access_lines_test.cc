#include "audit/access_lines.h"

#include <gtest/gtest.h>

#include "support/audit_told.h"

namespace bellwether::audit {
namespace {

std::string first(std::string_view line) {
  const Told told = told_by_maker(make_access_lines, line);
  return told.told.empty() ? "" : told.told[0];
}

TEST(AccessLines, ReadNginx) {
  EXPECT_EQ(first(R"(10.0.0.1 - - [02/Jan/2026:12:04:05 +0900] "POST /v1/chat/completions HTTP/1.1" 200 512 "-" "OpenAI/Python 1.0")"),
            "request end=1767323045000");
  EXPECT_EQ(first(R"(10.0.0.1 - - [02/Jan/2026:12:04:05 +0900] "POST /v1/chat/completions HTTP/1.1" 200 512 "-" "x 1.234 y" 2.500 0.250)"),
            "request end=1767323045000 latency=2500");
  EXPECT_EQ(
      first(R"(10.0.0.1 - - [02/Jan/2026:12:04:05 +0900] "POST /v1/completions?x=1 HTTP/1.1" 502 512 "-" "-" rt=2.500 uct="0.001" uht="0.250" urt="2.4")"),
      "request end=1767323045000 latency=2500 first=250 outcome=1");
  EXPECT_EQ(first(R"(1767323045.678 2.500 10.0.0.1 "POST /v1/embeddings HTTP/2.0" 499 0)"), "request end=1767323045678 outcome=2 features=40000");
  EXPECT_EQ(first(R"(10.0.0.1 "POST /v1/embeddings HTTP/2.0" 200 1767323045.678 0.050)"), "request end=1767323045678 latency=50 features=40000");
}

TEST(AccessLines, ReadHaproxy) {
  EXPECT_EQ(
      first(
          R"(Jan  2 03:04:05 lb haproxy[14389]: 10.0.1.2:33317 [02/Jan/2026:03:04:00.655] http-in vllm/gpu-1 10/0/30/60/4345 200 2750 - - ---- 1/1/1/1/0 0/0 "POST /v1/chat/completions HTTP/1.1")"),
      "request end=1767323045000 latency=4345 first=100");
  EXPECT_EQ(
      first(
          R"(haproxy[1]: 10.0.1.2:33317 [02/Jan/2026:03:04:00.655] http-in vllm/gpu-1 10/0/30/-1/345 -1 0 - - CH-- 1/1/1/1/0 0/0 {a|b} {} "POST /v1/chat/completions HTTP/1.1")"),
      "request end=1767323041000 latency=345 outcome=2");
}

TEST(AccessLines, ReadUvicorn) {
  EXPECT_EQ(first(R"(INFO:     127.0.0.1:52510 - "POST /v1/chat/completions HTTP/1.1" 200 OK)"), "request");
  EXPECT_EQ(first(R"(INFO:     127.0.0.1:52510 - "POST /v1/rerank HTTP/1.1" 400 Bad Request)"), "request outcome=1 features=80000");
}

TEST(AccessLines, ExcludeWhatNoModelServed) {
  const Told told = told_by_maker(make_access_lines, R"(10.0.0.1 - - [02/Jan/2026:12:04:05 +0900] "GET /health HTTP/1.1" 200 0 "-" "kube-probe/1.30"
10.0.0.1 - - [02/Jan/2026:12:04:05 +0900] "GET /metrics HTTP/1.1" 200 0 "-" "Prometheus/3"
10.0.0.1 - - [02/Jan/2026:12:04:05 +0900] "GET /v1/models HTTP/1.1" 200 0 "-" "-"
10.0.0.1 - - [02/Jan/2026:12:04:05 +0900] "\x16\x03\x01" 400 0 "-" "-"
rubbish
10.0.0.1 - - [02/Jan/2026:12:04:05 +0900] "POST /llm/v1/chat/completions HTTP/1.1" 200 1 "-" "-"
)");
  EXPECT_EQ(told.told.size(), 1U);
  EXPECT_EQ(told.skips.at(Skip::excluded), 3U);
  EXPECT_EQ(told.skips.at(Skip::not_of_this_log), 2U);
}

TEST(AccessJson, ReadsTheUsualMembers) {
  EXPECT_EQ(
      told_by_maker(
          make_access_json,
          R"({"time_iso8601":"2026-01-02T03:04:05+00:00","msec":"1767323045.678","request":"POST /v1/chat/completions HTTP/1.1","status":"200","request_time":"2.500","upstream_header_time":"0.250","request_id":"r"})")
          .told,
      std::vector<std::string>{"request id=r end=1767323045678 latency=2500 first=250"});
  EXPECT_EQ(told_by_maker(make_access_json, R"({"ts":1767323045.5,"request_method":"POST","uri":"/v1/completions","status":503,"request_time":0.1})").told,
            std::vector<std::string>{"request end=1767323045500 latency=100 outcome=1"});
}

TEST(AccessLines, AreRecognisedByTheirContent) {
  EXPECT_TRUE(looks_like_access_lines(R"(10.0.0.1 - - [02/Jan/2026:12:04:05 +0900] "GET /health HTTP/1.1" 200 0 "-" "kube-probe/1.30")"));
  EXPECT_FALSE(looks_like_access_lines(R"(INFO:     127.0.0.1:52510 - "GET /health HTTP/1.1" 200 OK)"));
  EXPECT_FALSE(looks_like_access_lines("INFO 02-27 14:34:54 metrics.py:161] Avg prompt throughput: 0.0 tokens/s"));
  EXPECT_FALSE(looks_like_access_lines(R"({"status":200})"));
  EXPECT_TRUE(looks_like_access_json(R"({"status":200,"request_time":0.1,"uri":"/"})"));
}

}  // namespace
}  // namespace bellwether::audit
