#include "dialects/stencil.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/event_facts.h"

namespace bellwether::dialects {
namespace {

/// Counts what had to be read.
class Counting : public Dialect {
 public:
  [[nodiscard]] std::string_view name() const override { return "counting"; }
  [[nodiscard]] chat::EventFacts read_event(std::string_view data, json::Reader& reader) const override {
    ++reads;
    return Dialect::read_event(data, reader);
  }
  mutable int reads = 0;
};

/// How many of the events were read, all of them being understood as if each had been.
int reads_of(const std::vector<std::string>& events) {
  const Counting dialect;
  const Counting other;
  Stencil stencil{dialect};
  json::Reader reader, second;
  for (std::string data : events) {
    data.reserve(data.size() + json::padding);
    const chat::EventFacts facts = stencil.read(data, reader);
    EXPECT_TRUE(support::is_same(facts, other.read_event(data, second))) << data;
  }
  return dialect.reads;
}

// What each upstream sends, with $ for the text and # for a count (wire.md).
constexpr std::string_view openai =
    R"({"id":"c-1","object":"chat.completion.chunk","created":1,"model":"m","system_fingerprint":"f","choices":[{"index":0,"delta":{"content":$},"logprobs":null,"finish_reason":null}],"usage":null})";
constexpr std::string_view vllm =
    R"({"id":"c-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":$},"logprobs":null,"finish_reason":null,"token_ids":null}],"usage":{"prompt_tokens":9,"total_tokens":1#,"completion_tokens":#}})";
constexpr std::string_view vllm_thinks =
    R"({"id":"c-1","choices":[{"index":0,"delta":{"reasoning":$},"logprobs":null,"finish_reason":null}],"model":"m","usage":{"prompt_tokens":9,"completion_tokens":#}, "x_source":"inner"})";
constexpr std::string_view deepseek_thinks =
    R"({"id":"c-1","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":null,"reasoning_content":$},"finish_reason":null}]})";
constexpr std::string_view llama =
    R"({"choices":[{"finish_reason":null,"index":0,"delta":{"content":$}}],"created":1,"id":"c","model":"m","system_fingerprint":"b","object":"chat.completion.chunk"})";
constexpr std::string_view completion =
    R"({"id":"c","object":"text_completion","model":"m","choices":[{"index":0,"text":$,"logprobs":null,"finish_reason":null}]})";

std::string filled(std::string_view shape, std::string_view text, std::string_view count = "1") {
  std::string data;
  for (const char c : shape) {
    if (c == '$') data += text;
    else if (c == '#') data += count;
    else data += c;
  }
  return data;
}

constexpr std::string_view shapes[]{openai, vllm, vllm_thinks, deepseek_thinks, llama, completion};

TEST(Stencil, ReadsOneEventOfEachUpstreamsStream) {
  for (const std::string_view shape : shapes)
    EXPECT_EQ(reads_of({filled(shape, R"("a")", "1"), filled(shape, R"(" longer text")", "10"), filled(shape, R"("\"}]\\")", "1000"),
                        filled(shape, R"("한국어 😀")", "7"), filled(shape, R"("\ud83d")", "7"), filled(shape, R"("b")", "2")}),
              1)
        << shape;
}

TEST(Stencil, ReadsWhatDiffersInMore) {
  for (const std::string_view shape : shapes) {
    const std::string usual = filled(shape, R"("a")");
    for (const std::string& other : {filled(shape, R"("")"), filled(shape, "null"), filled(shape, R"("a)"), filled(shape, R"("a\")"), filled(shape, R"(["a"])"),
                                     filled(shape, "\"\xff\""), filled(shape, R"("a","x":"b")"), filled(shape, R"("a"},"finish_reason":"stop","x":{"y":1)"),
                                     filled(shape, R"("a"}],"error":{"message":"no"},"y":[{"x":1)"), usual + "}", usual.substr(0, usual.size() - 1),
                                     " " + usual, std::string("[DONE]"), std::string()})
      EXPECT_EQ(reads_of({usual, other}), 2) << other;
  }
}

TEST(Stencil, CountsWhateverTheCountsAre) {
  constexpr std::string_view shape = R"({"model":"m","choices":[{"delta":{"content":$}}],"usage":#,"z":1})";
  EXPECT_EQ(reads_of({filled(shape, R"("a")", "{}"), filled(shape, R"("b")", R"({"prompt_tokens":-1,"completion_tokens":"}"})"),
                      filled(shape, R"("c")", R"({"prompt_tokens":8,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":4}})")}),
            1);
  // Neither is an object.
  EXPECT_EQ(reads_of({filled(shape, R"("a")", "{}"), filled(shape, R"("b")", "null"), filled(shape, R"("c")", "7")}), 3);
  EXPECT_EQ(reads_of({filled(shape, R"("a")", "{}"), filled(shape, R"("b")", "{\"x\":\"\xff\"}")}), 2);
}

TEST(Stencil, IsCutAgainWhereTheStreamTurns) {
  const auto said = [](std::string_view text) { return filled(openai, text); };
  EXPECT_EQ(reads_of({filled(deepseek_thinks, R"("hm")"), filled(deepseek_thinks, R"(" so")"), said(R"("a")"), said(R"("b")"), said(R"("c")")}), 2);
}

TEST(Stencil, IsNotCutFromWhatIsMoreThanText) {
  for (const std::string_view shape :
       {R"({"choices":[{"index":1,"delta":{"content":$}}]})", R"({"choices":[{"delta":{"content":$},"logprobs":{"content":[]}}]})",
        R"({"choices":[{"delta":{"content":$},"finish_reason":"stop"}]})", R"({"choices":[{"delta":{"content":$,"refusal":"no"}}]})",
        R"({"choices":[{"delta":{"content":$,"reasoning":"b"}}]})", R"({"choices":[{"delta":{"content":$}},{"delta":{"content":"b"}}]})"})
    EXPECT_EQ(reads_of({filled(shape, R"("a")"), filled(shape, R"("b")"), filled(shape, R"("c")")}), 3) << shape;
}

TEST(Stencil, GivesUpOnAStreamThatAlwaysDiffers) {
  std::vector<std::string> events;
  const auto numbered = [&](int id) { return R"({"id":)" + std::to_string(id) + R"(,"choices":[{"delta":{"content":"a"}}]})"; };
  for (int i = 0; i < Stencil::misses_max; ++i) events.push_back(numbered(i));
  events.push_back(numbered(-1));
  events.push_back(numbered(-1));
  EXPECT_EQ(reads_of(events), Stencil::misses_max + 2);
}

TEST(Stencil, LeavesLargeEventsAlone) {
  const std::string large = filled(openai, '"' + std::string(Stencil::event_bytes_max, 'x') + '"');
  EXPECT_EQ(reads_of({large, large}), 2);
  EXPECT_EQ(reads_of({filled(openai, R"("a")"), large}), 1);
}

}  // namespace
}  // namespace bellwether::dialects
