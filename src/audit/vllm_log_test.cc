#include "audit/vllm_log.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "audit/lines.h"
#include "audit/needles.h"
#include "audit/rates_line.h"
#include "audit/request_line.h"

namespace bellwether::audit {
namespace {

using namespace std::chrono;

/// Keeps what a reader finds, as text that tests compare.
struct Notes final : Sink {
  std::vector<std::string> seen_here;
  std::map<Skip, int> skips;
  std::vector<RatesSeen> rates;
  std::vector<RequestSeen> requests;
  std::vector<std::string> engines, ids, banners;

  void seen(const RequestSeen& request) override {
    ids.emplace_back(request.id);
    requests.push_back(request);
  }
  void seen(const RatesSeen& seen) override {
    engines.emplace_back(seen.engine);
    rates.push_back(seen);
  }
  void seen(const CounterSeen&) override { FAIL(); }
  void seen(const GaugeSeen&) override { FAIL(); }
  void seen(const BucketSeen&) override { FAIL(); }
  void seen(const TotalSeen&) override { FAIL(); }
  void seen(const BannerSeen& banner) override { banners.emplace_back(banner.text); }
  void skipped(const Place&, Skip why) override { ++skips[why]; }
};

Instant utc(int y, unsigned mo, unsigned d, int h = 0, int mi = 0, int s = 0) {
  return sys_days{year{y} / month{mo} / day{d}} + hours{h} + minutes{mi} + seconds{s};
}

Notes read(std::string_view text, std::size_t piece = std::string_view::npos) {
  Notes notes;
  const auto reader = make_vllm_log({.source = 0, .zone = nullptr, .written = utc(2026, 12, 31)}, notes);
  for (std::size_t at = 0; at < text.size(); at += std::min(piece, text.size() - at)) reader->read(text.substr(at, piece));
  reader->finish();
  return notes;
}

constexpr std::string_view v0 =
    "INFO 02-27 14:34:54 metrics.py:161] Avg prompt throughput: 0.0 tokens/s, Avg generation throughput: 7.7 tokens/s, Running: 1 reqs, Swapped: 0 reqs, "
    "Pending: 2 reqs, GPU KV cache usage: 0.4%, CPU KV cache usage: 0.0%.\n";
constexpr std::string_view v1 =
    "(APIServer pid=72) INFO 12-02 06:39:46 [loggers.py:123] Engine 000: Avg prompt throughput: 1203.4 tokens/s, Avg generation throughput: 310.2 tokens/s, "
    "Running: 9 reqs, Waiting: 3 reqs, GPU KV cache usage: 1.2%, Prefix cache hit rate: 83.9%\n";

TEST(VllmLog, LinesOfBothGenerationsAreRead) {
  const Notes notes = read(std::string(v0) + std::string(v1));
  ASSERT_EQ(notes.rates.size(), 2U);
  EXPECT_TRUE(notes.rates[0].is_v0);
  EXPECT_EQ(notes.rates[0].generation_tokens_per_second, 7.7);
  EXPECT_EQ(notes.rates[0].waiting, 2U);
  EXPECT_EQ(notes.rates[0].at, utc(2026, 2, 27, 14, 34, 54));
  EXPECT_FALSE(notes.rates[1].is_v0);
  EXPECT_EQ(notes.engines[1], "000 pid=72");
  EXPECT_EQ(notes.rates[1].prompt_tokens_per_second, 1203.4);
  EXPECT_EQ(notes.rates[1].running, 9U);
  EXPECT_EQ(notes.rates[1].waiting, 3U);
  EXPECT_EQ(notes.rates[1].prefix_hit_percent, 83.9);
  EXPECT_EQ(notes.rates[1].place.line, 2U);
}

TEST(VllmLog, PiecesCutAnywhereTellTheSame) {
  const std::string text = std::string(v0) + std::string(v1) + std::string(v1);
  for (std::size_t piece = 1; piece < 40; ++piece) EXPECT_EQ(read(text, piece).rates.size(), 3U) << piece;
  EXPECT_EQ(read(std::string_view(text).substr(0, text.size() - 1)).rates.size(), 3U);
}

TEST(VllmLog, WrappersAreTakenOff) {
  const std::string line{v1.substr(0, v1.size() - 1)};
  const std::string colour =
      "\x1b[32mINFO\x1b[0m 12-02 06:39:46 \x1b[90m[loggers.py:123]\x1b[0m Engine 003: Avg prompt throughput: 1203.4 tokens/s, Avg generation throughput: 310.2 "
      "tokens/s, Running: 9 reqs, Waiting: 3 reqs\n";
  const struct {
    std::string text;
    Instant at;
  } cases[] = {
      {"2026-12-02T06:39:46.123456789Z " + line + "\n", utc(2026, 12, 2, 6, 39, 46) + milliseconds{123}},
      {"2026-12-02T15:39:46.5+09:00 stdout F " + line + "\n", utc(2026, 12, 2, 6, 39, 46) + milliseconds{500}},
      {R"({"log":")" + line + R"(\n","stream":"stdout","time":"2026-12-02T06:39:47.5Z"})" + "\n", utc(2026, 12, 2, 6, 39, 47) + milliseconds{500}},
      {R"({"time": 1796193587, "stream":"stdout","message":"\u001b[32m)" + line + "\"}\n", utc(2026, 12, 2, 6, 39, 47)},
      {"Dec 02 06:39:46 gpu-1 vllm[72]: " + line + "\r\n", utc(2026, 12, 2, 6, 39, 46)},
      {"vllm-1  | " + line + "\n", utc(2026, 12, 2, 6, 39, 46)},
      {colour, utc(2026, 12, 2, 6, 39, 46)},
  };
  for (const auto& one : cases) {
    const Notes notes = read(one.text + one.text);
    ASSERT_EQ(notes.rates.size(), 2U) << one.text;
    EXPECT_EQ(notes.rates[1].at, one.at) << one.text;
    EXPECT_EQ(notes.rates[1].generation_tokens_per_second, 310.2) << one.text;
  }
}

TEST(VllmLog, EnginesAndAggregatesAreToldApart) {
  const std::string line = " Avg prompt throughput: 1.0 tokens/s, Avg generation throughput: 2.0 tokens/s, Running: 9 reqs, Waiting: 3 reqs\n";
  const Notes notes = read("INFO 12-02 06:39:46 [loggers.py:123] Engine 000:" + line + "INFO 12-02 06:39:46 [loggers.py:123] Engine 017:" + line +
                           "INFO 12-02 06:39:46 [loggers.py:123] 2 Engines Aggregated:" + line);
  EXPECT_EQ(notes.engines, (std::vector<std::string>{"000", "017", ""}));
  EXPECT_TRUE(notes.rates.at(2).is_aggregate);
}

TEST(VllmLog, NewerKeysAndTheRustFrontEndAreRead) {
  const Notes notes = read(
      "INFO 12-02 06:39:46 [loggers.py:259] Engine 000: Avg prompt throughput: 1.0 tokens/s, Avg generation throughput: 2.0 tokens/s, Running: 9 reqs, "
      "Waiting: 3 reqs, Deferred: 1 reqs, Preemptions: 4, GPU KV cache usage: 1.2%, Prefix cache hit rate: 0.5%, External prefix cache hit rate: 99.0%, "
      "MM cache hit rate: 1.0%\n"
      "INFO 12-02 06:39:56 Avg prompt tput: 3.0 toks/s, Avg gen tput: 4.0 toks/s, Running: 1, Waiting: 0, GPU KV cache used: 2.5%, Prefix cache hit rate: "
      "1.0%\n");
  ASSERT_EQ(notes.rates.size(), 2U);
  EXPECT_EQ(notes.rates[0].prefix_hit_percent, 0.5);
  EXPECT_EQ(notes.rates[1].prompt_tokens_per_second, 3.0);
  EXPECT_EQ(notes.rates[1].cache_usage_percent, 2.5);
}

TEST(VllmLog, WhatCannotBeIsSkippedAndCounted) {
  const std::string head = "INFO 12-02 06:39:46 [loggers.py:123] Engine 000: Avg prompt throughput: ";
  const Notes notes =
      read(head + "-5.0 tokens/s, Avg generation throughput: 2.0 tokens/s\n" + head + "nan tokens/s, Avg generation throughput: 2.0 tokens/s\n" + head +
           "1e9 tokens/s, Avg generation throughput: 2.0 tokens/s\n" + head + "99999999999999999999.0 tokens/s, Avg generation throughput: 2.0 tokens/s\n" +
           head + "12.0 tok\n" + "INFO [loggers.py:123] Engine 000: Avg prompt throughput: 1.0 tokens/s, Avg generation throughput: 2.0 tokens/s\n" + head +
           "1.0 tokens/s, Avg generation throughput: 2.0 tokens/s, Running: -3 reqs\n" + std::string(5, '\0') + "\n" + "\x80\xff\xfe\n");
  EXPECT_TRUE(notes.rates.empty());
  EXPECT_EQ(notes.skips.at(Skip::impossible_value), 5);
  EXPECT_EQ(notes.skips.at(Skip::malformed), 1);
  EXPECT_EQ(notes.skips.at(Skip::no_time), 1);
  EXPECT_EQ(notes.skips.at(Skip::not_of_this_log), 2);
}

TEST(VllmLog, AccessLinesAreRequestsWithTheTimeBefore) {
  const Notes notes = read(std::string(v1) +
                           "(APIServer pid=72) INFO:     10.0.0.1:5000 - \"POST /v1/chat/completions HTTP/1.1\" 200 OK\n"
                           "INFO:     10.0.0.1:5000 - \"POST /v1/completions?x=1 HTTP/1.1\" 400 Bad Request\n"
                           "INFO:     10.0.0.1:5000 - \"GET /health HTTP/1.1\" 200 OK\n"
                           "INFO:     10.0.0.1:5000 - \"GET /metrics HTTP/1.1\" 200 OK\n"
                           "INFO:     10.0.0.1:5000 - \"POST /tokenize HTTP/1.1\" 200 OK\n"
                           "INFO:     - \"\x1b[1mPOST /api/v1/embeddings HTTP/1.1\x1b[0m\" \x1b[32m200 OK\x1b[0m\n"
                           "INFO:httpx:HTTP Request: POST http://x/v1/chat/completions \"HTTP/1.1 200 OK\"\n");
  ASSERT_EQ(notes.requests.size(), 3U);
  EXPECT_EQ(notes.requests[0].end, utc(2026, 12, 2, 6, 39, 46));
  EXPECT_EQ(notes.requests[0].outcome, Outcome::served);
  EXPECT_EQ(notes.requests[1].outcome, Outcome::failed);
  EXPECT_TRUE(has(notes.requests[2].features, Feature::embeddings));
  EXPECT_EQ(notes.skips.at(Skip::excluded), 3);
  EXPECT_EQ(notes.skips.at(Skip::not_of_this_log), 1);
}

TEST(VllmLog, RequestLinesTellWhatWasAskedFor) {
  const std::string quiet =
      "n=1, presence_penalty=0.0, frequency_penalty=0.0, repetition_penalty=1.0, temperature=1.0, top_p=1.0, top_k=0, min_p=0.0, seed=None, stop=[], "
      "stop_token_ids=[], bad_words=[], include_stop_str_in_output=False, ignore_eos=False, max_tokens=64, min_tokens=0, logprobs=None, prompt_logprobs=None, "
      "skip_special_tokens=True, structured_outputs=None, extra_args=None";
  const Notes notes =
      read("INFO 12-02 06:39:46 [logger.py:43] Received request chatcmpl-1: prompt: 'SamplingParams(n=7, seed=1)', params: SamplingParams(" + quiet +
           "), prompt_token_ids: None, lora_request: None.\n"
           "INFO 12-02 06:39:46 [logger.py:43] Received request chatcmpl-2: params: SamplingParams(n=2, seed=7, top_k=40, temperature=0.3, stop=['x'], "
           "logprobs=5, prompt_logprobs=None, max_tokens=100, structured_outputs=StructuredOutputsParams(json={})), lora_request: "
           "LoRARequest(lora_name='a').\n");
  ASSERT_EQ(notes.requests.size(), 2U);
  EXPECT_EQ(notes.ids[0], "chatcmpl-1");
  EXPECT_EQ(notes.requests[0].features, Feature::none);
  EXPECT_EQ(notes.requests[0].output_tokens_max, 64U);
  EXPECT_EQ(notes.requests[1].features, Feature::several_choices | Feature::seed | Feature::top_k | Feature::temperature | Feature::stop | Feature::logprobs |
                                            Feature::guided_decoding | Feature::lora);
}

TEST(VllmLog, TheGuidesFormIsReadAsItsExpressionReadsIt) {
  const Notes notes = read(
      "Input tokens: 12, Output tokens: 7, Output tokens: 9\n2026-11-02 10:00:00 x Input tokens: 1 | Output tokens: 2 |\nInput tokens: x Output tokens: 1\n"
      "Output tokens: 5 Input tokens: 5\nInput tokens: -4 Output tokens: 5\nInput tokens: 99999999999999999999 Output tokens: 5\n");
  ASSERT_EQ(notes.requests.size(), 2U);
  EXPECT_EQ(notes.requests[0].input_tokens, 12U);
  EXPECT_EQ(notes.requests[0].output_tokens, 9U);
  EXPECT_EQ(notes.requests[0].end, utc(2026, 11, 2, 10));  // The first time that the file tells.
  EXPECT_EQ(notes.requests[1].end, utc(2026, 11, 2, 10));
  EXPECT_EQ(notes.skips.at(Skip::impossible_value), 2);
}

TEST(VllmLog, WhatStandsBeforeTheFirstStampIsOfItsTime) {
  const std::string access = "INFO:     10.0.0.7:1 - \"POST /v1/chat/completions HTTP/1.1\" 200 OK\n";
  const Notes early = read(access + access + "INFO 12-02 06:39:56 [x.py:1] vLLM API server version 0.11.2\n" + access);
  ASSERT_EQ(early.requests.size(), 3U);
  for (const auto& request : early.requests) EXPECT_EQ(request.end, utc(2026, 12, 2, 6, 39, 56));
  const Notes never = read(access);
  ASSERT_EQ(never.requests.size(), 1U);
  EXPECT_EQ(never.requests[0].end, std::nullopt);
}

TEST(VllmLog, BannersTellVersionAndModel) {
  const Notes notes = read(
      "INFO 12-02 06:00:00 [api_server.py:1977] vLLM API server version 0.11.2\n"
      "(EngineCore_DP0 pid=99) INFO 12-02 06:00:09 [core.py:93] Initializing a V1 LLM engine (v0.11.2) with config: model='deepseek-ai/DeepSeek-V3', "
      "tokenizer='x', served_model_name=deepseek-v3, seed=0\n"
      "INFO 12-02 06:00:00 [api_server.py:1] non-default args: {'model': 'a/b', 'served_model_name': ['c']} Starting vLLM API server on http://0.0.0.0:8000\n");
  EXPECT_EQ(notes.banners, (std::vector<std::string>{"0.11.2", "0.11.2", "deepseek-v3", "", "c"}));
}

TEST(VllmLog, SpeculativeAndIterationLinesAreNotCounted) {
  const Notes notes = read(
      "INFO 12-02 06:00:00 [metrics.py:96] SpecDecoding metrics: Mean acceptance length: 2.10, Accepted throughput: 11.20 tokens/s, Drafted throughput: 30.00 "
      "tokens/s\nINFO 12-02 06:00:00 [x.py:1] Engine 000: Iteration(123): 1 context requests, 512 context tokens\n");
  EXPECT_TRUE(notes.rates.empty());
  EXPECT_EQ(notes.skips.at(Skip::not_of_this_log), 2);
}

TEST(VllmLog, ALineOfTenMegabytesIsSkippedAndTheNextIsRead) {
  const Notes notes = read(std::string(10'000'000, 'x') + "\n" + std::string(v1), 65536);
  EXPECT_EQ(notes.skips.at(Skip::too_long), 1);
  ASSERT_EQ(notes.rates.size(), 1U);
  EXPECT_EQ(notes.rates[0].place.line, 2U);
}

TEST(RatesLine, NumbersOfEveryLengthAreReadExactly) {
  for (const std::string number :
       {"0.0", "7", "9.5", "10", "99.9", "123.4", "1203.4", "98765.4", "123456.7", "999999.9", "1234567.8", "12345678", "1.25", "0.05", "12.3456789"})
    for (const std::string_view behind : {" tokens/s, Running: 1 reqs", ""}) {
      const auto parsed = parse_rates("Avg prompt throughput: " + number + " tokens/s, Avg generation throughput: " + number + std::string(behind));
      if (std::stod(number) > 1e7) {
        EXPECT_FALSE(parsed.line) << number;
        continue;
      }
      ASSERT_TRUE(parsed.line) << number << behind;
      EXPECT_DOUBLE_EQ(parsed.line->prompt, std::stod(number)) << number;
      EXPECT_DOUBLE_EQ(parsed.line->generation, std::stod(number)) << number << behind;
      EXPECT_EQ(parsed.line->running.has_value(), !behind.empty()) << number;
    }
  for (const std::string_view number : {"1e5", "1.5e5", "12.5E1", "-1", "-0.5", "inf", "nan", "12345678901234567890"})
    EXPECT_FALSE(parse_rates("Avg prompt throughput: " + std::string(number) + " tokens/s, Avg generation throughput: 1.0 tokens/s").line) << number;
}

TEST(VllmLog, AMinuteThatIsRememberedIsOfItsDayAlone) {
  const auto line = [](std::string_view stamp) {
    return "INFO " + std::string(stamp) + " [loggers.py:123] Engine 000: Avg prompt throughput: 1.0 tokens/s, Avg generation throughput: 2.0 tokens/s\n";
  };
  const Notes notes =
      read(line("12-02 06:39:06") + line("12-02 06:39:46") + line("12-03 06:39:46") + line("12-03 06:39:61") + line("12-03 06:39:5x") + line("12-03 06:39:59"));
  ASSERT_EQ(notes.rates.size(), 4U);
  EXPECT_EQ(notes.rates[1].at, utc(2026, 12, 2, 6, 39, 46));
  EXPECT_EQ(notes.rates[2].at, utc(2026, 12, 3, 6, 39, 46));
  EXPECT_EQ(notes.rates[3].at, utc(2026, 12, 3, 6, 39, 59));
  EXPECT_EQ(notes.skips.at(Skip::no_time), 2);
}

TEST(Needles, AreFoundWhereverTheyStand) {
  for (std::size_t size = 0; size < 70; ++size)
    for (std::size_t at = 0; at + 1 < size; ++at) {
      std::string text(size, '.');
      text[at] = 'v';
      text[at + 1] = 'g';
      EXPECT_EQ(find_needle(text, 0), at);
      EXPECT_EQ(find_needle(text, at + 1), std::string_view::npos);
    }
}

TEST(Lines, EndInAnyWay) {
  Lines lines;
  std::vector<std::string> seen;
  const auto keep = [&](std::string_view text, std::uint64_t) { seen.emplace_back(text); };
  const auto ignore = [](std::uint64_t) {};
  lines.read("a\r\nb", keep, ignore);
  lines.read("c\n\nd", keep, ignore);
  lines.finish(keep, ignore);
  EXPECT_EQ(seen, (std::vector<std::string>{"a", "bc", "", "d"}));
  EXPECT_EQ(lines.count(), 4U);
}

}  // namespace
}  // namespace bellwether::audit
