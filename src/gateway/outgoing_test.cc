#include "gateway/outgoing.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>
#include <vector>

#include "dialects/dialect.h"

namespace bellwether::gateway {
namespace {

using nlohmann::json;
using Verdict = Outgoing::Verdict;

/// One streamed request: what upstreams say goes in, what the caller would have read comes out.
struct Stream {
  explicit Stream(std::string more = R"(,"stream_options":{"include_usage":true})", Follow follow = Follow::yes) {
    body = R"({"model":"m","messages":[{"role":"user","content":"a"}],"stream":true)" + more + "}";
    body.reserve(body.size() + bellwether::json::padding);
    request = chat::read_request(chat::Endpoint::chat_completions, body, reader);
    outgoing.emplace(*request, "\"m\"", follow);
  }

  Verdict say(std::string data) {
    data.reserve(data.size() + bellwether::json::padding);
    const chat::EventFacts facts = dialects::dialect_of(catalog::DialectName::vllm).read_event(data, reader);
    return outgoing->on_event(data, facts, reader, out);
  }
  /// A chunk as an upstream of this number sends it; `usage` is a running count, or 0.
  Verdict chunk(int upstream, const std::string& delta, int usage = 0, const std::string& finish = "null") {
    return say(R"({"id":"id)" + std::to_string(upstream) + R"(","object":"chat.completion.chunk","created":)" + std::to_string(upstream) +
               R"(,"model":"x","system_fingerprint":"f)" + std::to_string(upstream) + R"(","choices":[{"index":0,"delta":{)" + delta +
               R"(},"logprobs":null,"finish_reason":)" + finish + "}]" + (usage > 0 ? counts(upstream, usage) : "") + "}");
  }
  Verdict text(int upstream, std::string_view text, int usage = 0) { return chunk(upstream, R"("content":)" + bellwether::json::quote(text), usage); }
  Verdict role(int upstream) { return chunk(upstream, R"("role":"assistant","content":"")"); }
  Verdict finish(int upstream, int usage = 0) { return chunk(upstream, R"("content":"")", usage, "\"stop\""); }
  void usage(int upstream, int output) { std::ignore = say(R"({"id":"y","choices":[])" + counts(upstream, output) + "}"); }
  static std::string counts(int upstream, int output) {
    return R"(,"usage":{"prompt_tokens":)" + std::to_string(upstream * 10) + R"(,"completion_tokens":)" + std::to_string(output) + "}";
  }

  std::vector<json> chunks() const {
    std::vector<json> found;
    for (std::size_t at = 0; at < out.size();) {
      const std::size_t end = out.find("\n\n", at);
      const std::string data = out.substr(at + 6, end - at - 6);
      if (data != "[DONE]") found.push_back(json::parse(data));
      at = end + 2;
    }
    return found;
  }
  std::string shown() const {
    std::string all;
    for (const json& chunk : chunks())
      for (const json& choice : chunk["choices"])
        if (choice["delta"].contains("content") && choice["delta"]["content"].is_string()) all += choice["delta"]["content"].get<std::string>();
    return all;
  }
  Standing standing() const { return outgoing->standing(); }

  std::string body, out;
  bellwether::json::Reader reader;
  Result<chat::Request> request = failed(Reason::internal);
  std::optional<Outgoing> outgoing;
};

/// A chunk of one of several choices; `count` as vLLM has it: of that choice alone.
std::string choice_chunk(int index, std::string_view text, int count = 0, std::string_view finish = "null") {
  return R"({"id":"y","model":"m","choices":[{"index":)" + std::to_string(index) + R"(,"delta":{"content":")" + std::string(text) + R"("},"finish_reason":)" +
         std::string(finish) + "}]" + (count > 0 ? Stream::counts(1, count) : "") + "}";
}

TEST(Outgoing, OfSeveralChoicesEndsWhenAllHave) {
  Stream stream{R"(,"n":2,"stream_options":{"include_usage":true})"};
  std::ignore = stream.say(choice_chunk(0, "a"));
  std::ignore = stream.say(choice_chunk(0, "", 0, "\"stop\""));
  EXPECT_FALSE(stream.outgoing->finished());  // The second has not spoken yet.
  EXPECT_FALSE(stream.outgoing->judge_end());
  std::ignore = stream.say(choice_chunk(1, "b"));
  EXPECT_FALSE(stream.outgoing->judge_end());
  std::ignore = stream.say(choice_chunk(1, "", 0, "\"length\""));
  EXPECT_TRUE(stream.outgoing->finished());
  EXPECT_TRUE(stream.outgoing->judge_end());

  // One that was asked for nothing of the kind and gets it all the same.
  Stream more;
  std::ignore = more.say(choice_chunk(1, "b"));
  std::ignore = more.say(choice_chunk(0, "a", 0, "\"stop\""));
  EXPECT_FALSE(more.outgoing->finished());
  std::ignore = more.say(choice_chunk(100'000, "c", 0, "\"stop\""));
  std::ignore = more.say(choice_chunk(1, "", 0, "\"stop\""));
  EXPECT_TRUE(more.outgoing->finished());
}

TEST(Outgoing, EndsEachChoiceThatTheUpstreamForgot) {
  Stream stream{R"(,"n":3)"};
  std::ignore = stream.say(choice_chunk(0, "a"));
  std::ignore = stream.say(choice_chunk(2, "c"));
  std::ignore = stream.say(choice_chunk(0, "", 0, "\"length\""));
  EXPECT_EQ(stream.say("[DONE]"), Verdict::done);
  stream.outgoing->append_end({"u", {}}, stream.out);
  std::vector<std::pair<int, std::string>> ends;
  for (const json& chunk : stream.chunks())
    for (const json& choice : chunk["choices"])
      if (choice["finish_reason"].is_string()) ends.emplace_back(choice["index"], choice["finish_reason"]);
  EXPECT_EQ(ends, (std::vector<std::pair<int, std::string>>{{0, "length"}, {2, "stop"}}));
}

TEST(Outgoing, AddsUpWhatSeveralChoicesCountEachForItself) {
  Stream stream{R"(,"n":2,"stream_options":{"include_usage":true})"};
  for (int i = 1; i <= 10; ++i)
    for (int choice = 0; choice < 2; ++choice) std::ignore = stream.say(choice_chunk(choice, "a", i));
  EXPECT_EQ(stream.outgoing->usage(), (metering::Usage{.input = 10, .output = 20, .basis = metering::Basis::running}));
  std::ignore = stream.say(choice_chunk(0, "", 11, "\"stop\""));
  EXPECT_EQ(stream.outgoing->usage(), (metering::Usage{.input = 10, .output = 21, .basis = metering::Basis::running}));
  std::ignore = stream.say(choice_chunk(1, "", 10, "\"stop\""));
  stream.outgoing->append_end({"u", {}}, stream.out);
  EXPECT_EQ(stream.chunks().back()["usage"]["completion_tokens"], 21);
  stream.usage(1, 22);
  EXPECT_EQ(stream.outgoing->usage(), (metering::Usage{.input = 10, .output = 22, .basis = metering::Basis::reported}));
  // DeepSeek gives one choice whatever it is asked for; its count rides on the last chunk, and is final.
  Stream one{R"(,"n":2)"};
  std::ignore = one.say(choice_chunk(0, "a"));
  std::ignore = one.say(choice_chunk(0, "", 5, "\"stop\""));
  EXPECT_EQ(one.outgoing->usage(), (metering::Usage{.input = 10, .output = 5, .basis = metering::Basis::reported}));
}

TEST(Outgoing, KnowsThatThoughtsAreNotGivenToWhoGoesOn) {
  Stream stream;
  stream.role(1);
  for (int i = 0; i < 40; ++i) stream.chunk(1, R"("reasoning":"hm")");
  for (int i = 0; i < 5; ++i) stream.text(1, " a");
  stream.outgoing->begin_continuation(Echo::never);
  stream.text(2, " b");
  stream.finish(2);
  std::ignore = stream.say(R"({"id":"y","choices":[],"usage":{"prompt_tokens":25,"completion_tokens":1}})");
  EXPECT_EQ(stream.outgoing->usage().input, 20);
}

TEST(Outgoing, SignsOnceWhatAnUpstreamHadSigned) {
  for (const char* chunk : {R"({"id":"y","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1},"x_latency_ms":1.5,"x_source":"inner"})",
                            R"({"x_source":"inner","x_latency_ms":1.5,"id":"y","choices":[],"model":"x","usage":{"prompt_tokens":1,"completion_tokens":1}})"}) {
    Stream stream;
    stream.text(1, "a");
    stream.finish(1);
    std::ignore = stream.say(chunk);
    stream.outgoing->append_end({"outer", {}}, stream.out);
    const std::string last = stream.out.substr(stream.out.rfind("data: {"));
    EXPECT_EQ(last.find("x_source"), last.rfind("x_source")) << last;
    EXPECT_EQ(last.find("x_latency_ms"), last.rfind("x_latency_ms")) << last;
    EXPECT_EQ(stream.chunks().back()["x_source"], "outer");
    EXPECT_EQ(stream.chunks().back()["id"], "y");
  }
}

TEST(Outgoing, StitchesTwoUpstreamsIntoOneStream) {
  Stream stream;
  stream.role(1);
  stream.text(1, " 양떼가", 1);
  stream.text(1, " leads", 2);
  ASSERT_EQ(stream.standing(), Standing::continuable);
  EXPECT_EQ(stream.outgoing->unfinished().text, " 양떼가 leads");
  EXPECT_EQ(stream.outgoing->unfinished().tokens, 2);
  stream.outgoing->begin_continuation(Echo::never);
  stream.role(2);
  stream.text(2, " 👋🏽", 1);
  stream.text(2, ".", 2);
  stream.finish(2, 2);
  stream.usage(2, 2);
  EXPECT_EQ(stream.say("[DONE]"), Verdict::done);
  stream.outgoing->append_end({"second", {}}, stream.out);

  EXPECT_EQ(stream.shown(), " 양떼가 leads 👋🏽.");
  const std::vector<json> chunks = stream.chunks();
  ASSERT_EQ(chunks.size(), 7U) << stream.out;
  int roles = 0, finishes = 0, usages = 0;
  for (const json& chunk : chunks) {
    EXPECT_EQ(chunk["id"], "id1");
    EXPECT_EQ(chunk["created"], 1);
    EXPECT_EQ(chunk["model"], "m");
    EXPECT_EQ(chunk["system_fingerprint"], "f1");
    EXPECT_EQ(chunk["object"], "chat.completion.chunk");
    usages += chunk.contains("usage") ? 1 : 0;
    if (chunk["choices"].empty()) continue;
    roles += chunk["choices"][0]["delta"].contains("role") ? 1 : 0;
    finishes += chunk["choices"][0]["finish_reason"].is_null() ? 0 : 1;
  }
  EXPECT_EQ(roles, 1);
  EXPECT_EQ(finishes, 1);
  EXPECT_EQ(usages, 1);
  EXPECT_EQ(chunks.back()["usage"], (json{{"prompt_tokens", 10}, {"completion_tokens", 4}, {"total_tokens", 14}}));
  EXPECT_EQ(chunks.back()["x_source"], "second");
  EXPECT_EQ(stream.outgoing->usage(), (metering::Usage{.input = 10, .output = 4, .basis = metering::Basis::running}));
  EXPECT_EQ(stream.outgoing->leg_usage(), (metering::Usage{.input = 20, .output = 2, .basis = metering::Basis::reported}));
  EXPECT_EQ(stream.outgoing->spent(), (metering::Usage{.input = 30, .output = 4, .basis = metering::Basis::running}));
}

TEST(Outgoing, WorksThePromptOutWhereTheFirstUpstreamNeverCounted) {
  Stream stream;
  stream.role(1);
  for (int i = 0; i < 3; ++i) stream.text(1, " a");
  stream.outgoing->begin_continuation(Echo::never);
  stream.text(2, " b");
  stream.finish(2);
  stream.usage(2, 5);
  stream.outgoing->append_end({"second", {}}, stream.out);
  const json usage = stream.chunks().back();
  EXPECT_EQ(usage["usage"], (json{{"prompt_tokens", 17}, {"completion_tokens", 8}, {"total_tokens", 25}}));
  EXPECT_EQ(usage["x_usage_basis"], "estimated");
}

TEST(Outgoing, GoesOnTwice) {
  Stream stream;
  stream.role(1);
  stream.text(1, "a ", 1);
  stream.outgoing->begin_continuation(Echo::never);
  EXPECT_FALSE(stream.outgoing->transcript().progressed());
  stream.text(2, " ", 1);  // Again what the caller has.
  stream.text(2, "b", 2);
  EXPECT_TRUE(stream.outgoing->transcript().progressed());
  EXPECT_EQ(stream.outgoing->unfinished().tokens, 2);
  EXPECT_EQ(stream.outgoing->unfinished().text, "a b");
  stream.outgoing->begin_continuation(Echo::never);
  stream.text(3, " c", 1);
  stream.finish(3, 1);
  stream.outgoing->append_end({"third", {}}, stream.out);
  EXPECT_EQ(stream.shown(), "a b c");
  EXPECT_EQ(stream.outgoing->usage().output, 3);
  EXPECT_EQ(stream.outgoing->usage().input, 10);
  EXPECT_EQ(stream.outgoing->spent().output, 4);
  EXPECT_EQ(stream.outgoing->spent().input, 60);
}

TEST(Outgoing, DropsARoleThatRidesOnText) {
  Stream stream;
  stream.role(1);
  stream.text(1, "a");
  stream.outgoing->begin_continuation(Echo::never);
  stream.chunk(2, R"("role":"assistant","content":" b")");
  stream.chunk(2, R"("content":" c","role":"assistant")");
  EXPECT_EQ(stream.shown(), "a b c");
  EXPECT_EQ(stream.chunks()[2]["choices"][0]["delta"], (json{{"content", " b"}}));
}

TEST(Outgoing, PassesOnWhatOnlyLookedLikeAnEcho) {
  const std::string text = "the quick brown fox jumps over the lazy dog";
  Stream stream;
  stream.role(1);
  stream.text(1, text);
  stream.outgoing->begin_continuation(Echo::maybe);
  stream.text(2, "the quick");
  EXPECT_EQ(stream.shown(), text);
  stream.chunk(2, "", 0, "\"length\"");
  EXPECT_EQ(stream.shown(), text + "the quick");
  EXPECT_TRUE(stream.outgoing->finished());
}

TEST(Outgoing, LeavesAnEchoOut) {
  const std::string text = "the quick brown fox jumps over the lazy dog";
  Stream stream;
  stream.role(1);
  stream.text(1, text);
  stream.outgoing->begin_continuation(Echo::maybe);
  stream.text(2, "the quick");
  stream.text(2, " brown fox jumps over the lazy dog and");
  stream.text(2, " runs");
  stream.finish(2);
  EXPECT_EQ(stream.shown(), text + " and runs");
}

TEST(Outgoing, BeginsAnewWhereOnlyARoleWasSent) {
  Stream stream;
  stream.role(1);
  ASSERT_EQ(stream.standing(), Standing::restartable);
  stream.outgoing->begin_restart();
  stream.role(2);
  stream.text(2, "a");
  stream.finish(2);
  stream.usage(2, 1);
  stream.outgoing->append_end({"second", {}}, stream.out);
  EXPECT_EQ(stream.shown(), "a");
  EXPECT_EQ(stream.chunks().size(), 4U);
  for (const json& chunk : stream.chunks()) EXPECT_EQ(chunk["id"], "id1");
  EXPECT_EQ(stream.chunks().back()["usage"]["prompt_tokens"], 20);
  EXPECT_EQ(stream.chunks().back()["usage"]["completion_tokens"], 1);
}

TEST(Outgoing, BeginsAsANewStreamWhereNothingWasSent) {
  Stream stream;
  EXPECT_EQ(stream.say("{\"broken"), Verdict::failed);
  ASSERT_EQ(stream.standing(), Standing::unseen);
  stream.outgoing->begin_restart();
  stream.role(2);
  EXPECT_EQ(stream.chunks()[0]["id"], "id2");
  EXPECT_EQ(stream.chunks()[0]["choices"][0]["delta"]["role"], "assistant");
}

TEST(Outgoing, SaysNoWhiteSpaceTwiceWhenItBeginsAnew) {
  Stream stream;
  stream.role(1);
  stream.text(1, "\n\n");
  ASSERT_EQ(stream.standing(), Standing::restartable);
  stream.outgoing->begin_restart();
  stream.role(2);
  stream.text(2, "\n\nHello");
  EXPECT_EQ(stream.shown(), "\n\nHello");
}

TEST(Outgoing, KnowsWhatCannotBeContinued) {
  const auto lost = [](std::string more, const std::string& delta) {
    Stream stream{std::move(more)};
    stream.role(1);
    stream.text(1, "a");
    if (!delta.empty()) stream.chunk(1, delta);
    EXPECT_EQ(stream.standing(), Standing::lost) << delta;
    return stream.outgoing->transcript().obstacle();
  };
  using chat::Obstacle;
  EXPECT_EQ(lost(R"(,"n":2)", ""), Obstacle::several_choices);
  EXPECT_EQ(lost(R"(,"response_format":{"type":"json_object"})", ""), Obstacle::constrained);
  EXPECT_EQ(lost("", R"("tool_calls":[{"index":0,"function":{"name":"f","arguments":""}}])"), Obstacle::tool_call);
  EXPECT_EQ(lost("", R"("refusal":"no")"), Obstacle::refusal);
  EXPECT_EQ(lost("", R"("content":"\ud83d")"), Obstacle::split_character);
  EXPECT_EQ(lost("", R"("content":"\x")"), Obstacle::split_character);
}

TEST(Outgoing, DoesNotGoOnWithinReasoning) {
  Stream stream;
  stream.role(1);
  stream.chunk(1, R"("reasoning":"let me see")");
  EXPECT_EQ(stream.standing(), Standing::lost);
  EXPECT_EQ(stream.outgoing->transcript().obstacle(), chat::Obstacle::reasoning);
  EXPECT_FALSE(stream.outgoing->transcript().lost_for_good());
  stream.text(1, "a");
  EXPECT_EQ(stream.standing(), Standing::continuable);
  EXPECT_TRUE(stream.outgoing->unfinished().reasoned);
  stream.outgoing->begin_continuation(Echo::never);
  const std::string before = stream.out;
  EXPECT_EQ(stream.chunk(2, R"("reasoning":"hm")"), Verdict::failed);
  EXPECT_EQ(stream.outgoing->take_failure().reason, Reason::cannot_continue);
  EXPECT_EQ(stream.out, before);
  EXPECT_EQ(stream.standing(), Standing::continuable);
}

TEST(Outgoing, KeepsNoTextThatNobodyCouldGoOnFrom) {
  Stream stream{"", Follow::no};
  stream.role(1);
  EXPECT_EQ(stream.standing(), Standing::restartable);
  EXPECT_FALSE(stream.outgoing->transcript().lost_for_good());
  stream.text(1, "a");
  EXPECT_EQ(stream.outgoing->transcript().obstacle(), chat::Obstacle::no_candidate);
  EXPECT_TRUE(stream.outgoing->transcript().lost_for_good());
  EXPECT_TRUE(stream.outgoing->transcript().text().empty());
}

TEST(Outgoing, KeepsNoMoreTextThanItsBound) {
  Stream stream;
  stream.role(1);
  const std::string text(Transcript::text_bytes_max / 2, 'x');
  stream.text(1, text);
  EXPECT_EQ(stream.standing(), Standing::continuable);
  stream.text(1, text);
  EXPECT_EQ(stream.outgoing->transcript().obstacle(), chat::Obstacle::text_too_long);
  EXPECT_TRUE(stream.outgoing->transcript().text().empty());
}

TEST(Outgoing, TakesACharacterWhoseHalvesWereSentApart) {
  Stream stream;
  stream.role(1);
  stream.chunk(1, R"("content":"\ud83d")");
  EXPECT_EQ(stream.standing(), Standing::lost);
  stream.chunk(1, R"("content":"\ude00")");
  EXPECT_EQ(stream.outgoing->unfinished().text, "\xF0\x9F\x98\x80");
}

TEST(Outgoing, KeepsWhatABrokenOffAnswerCost) {
  Stream stream;
  stream.role(1);
  stream.text(1, "a");
  EXPECT_EQ(stream.chunk(1, R"("content":"")", 7, "\"insufficient_system_resource\""), Verdict::failed);
  EXPECT_EQ(stream.outgoing->unfinished().tokens, 7);
  EXPECT_EQ(stream.outgoing->leg_usage().output, 7);
  EXPECT_EQ(stream.standing(), Standing::continuable);
}

TEST(Outgoing, EndsWithLengthWhereTheBoundIsUsedUp) {
  Stream stream;
  stream.role(1);
  stream.text(1, "a", 1);
  stream.outgoing->append_end({"first", {}}, stream.out, Finish::length);
  const std::vector<json> chunks = stream.chunks();
  EXPECT_EQ(chunks[2]["choices"][0]["finish_reason"], "length");
  EXPECT_EQ(chunks[3]["usage"]["completion_tokens"], 1);
}

TEST(Outgoing, ShowsNullUsageOnEveryChunkWhereTheFirstUpstreamDid) {
  Stream stream;
  stream.say(R"({"id":"i","choices":[{"index":0,"delta":{"role":"assistant"}}],"usage":null})");
  stream.say(R"({"id":"i","choices":[{"index":0,"delta":{"content":"a"}}],"usage":null})");
  stream.outgoing->begin_continuation(Echo::never);
  stream.text(2, "b");
  EXPECT_TRUE(stream.chunks().back()["usage"].is_null());
  EXPECT_TRUE(stream.chunks().back().contains("usage"));
}

TEST(Outgoing, CountsOnForWhoAskedForRunningUsage) {
  Stream stream{R"(,"stream_options":{"include_usage":true,"continuous_usage_stats":true})"};
  stream.text(1, "a", 1);
  stream.text(1, "b", 2);
  stream.outgoing->begin_continuation(Echo::never);
  stream.text(2, "c", 1);
  EXPECT_EQ(stream.chunks().back()["usage"], (json{{"prompt_tokens", 10}, {"completion_tokens", 3}, {"total_tokens", 13}}));
}

TEST(Outgoing, PassesAToolCallOnThatFollowsTheText) {
  Stream stream;
  stream.role(1);
  stream.text(1, "let me look");
  stream.outgoing->begin_continuation(Echo::never);
  stream.chunk(2, R"("tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":""}}])");
  EXPECT_EQ(stream.chunks().back()["choices"][0]["delta"]["tool_calls"][0]["id"], "c");
  EXPECT_EQ(stream.outgoing->transcript().obstacle(), chat::Obstacle::tool_call);
}

TEST(Outgoing, OfAnAnswerCutAnywhereIsByteForByteTheSame) {
  const std::vector<std::string> words{" the", "\n\n", " 안녕하세요",  "  ",  "\"", " 👨‍👩‍👧‍👦", "\\", "\t", " ha", " ha", " ha",
                                       "한",   "글",   "\xE3\x80\x80", " 🐑", "."};
  std::string whole;
  for (const std::string& word : words) whole += word;
  for (std::size_t cut = 0; cut <= words.size(); ++cut) {
    Stream stream;
    stream.role(1);
    for (std::size_t i = 0; i < cut; ++i) stream.text(1, words[i], static_cast<int>(i + 1));
    std::string rest = whole;
    if (stream.standing() == Standing::continuable) {
      const chat::Unfinished unfinished = stream.outgoing->unfinished();
      ASSERT_TRUE(whole.starts_with(unfinished.text));
      rest = whole.substr(unfinished.text.size());
      stream.outgoing->begin_continuation(Echo::maybe);
    } else {
      ASSERT_EQ(stream.standing(), Standing::restartable);
      stream.outgoing->begin_restart();
    }
    stream.role(2);
    for (std::size_t i = 0; i < words.size(); ++i) {
      std::size_t from = 0;
      for (std::size_t j = 0; j < i; ++j) from += words[j].size();
      if (from + words[i].size() <= whole.size() - rest.size()) continue;
      stream.text(2, words[i]);
    }
    stream.finish(2);
    stream.usage(2, 1);
    stream.outgoing->append_end({"second", {}}, stream.out);
    EXPECT_EQ(stream.shown(), whole) << cut;
  }
}

}  // namespace
}  // namespace bellwether::gateway
