#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "simulator/fault.h"
#include "simulator/flavor.h"
#include "simulator/prefill.h"
#include "simulator/speech.h"
#include "simulator/stats_line.h"
#include "simulator/words.h"

namespace bellwether::simulator {
namespace {

TEST(Faults, AreReadWithTheirArgument) {
  EXPECT_EQ(*parse_fault("cut:5"), (Fault{.kind = FaultKind::cut, .count = 5, .wait = std::chrono::milliseconds(500)}));
  EXPECT_EQ(parse_fault("slow-first:2s")->wait, std::chrono::seconds(2));
  EXPECT_EQ(parse_fault("429-bare")->kind, FaultKind::busy_bare);
  EXPECT_EQ(parse_fault("429-once:2")->count, 2U);
  EXPECT_EQ(parse_fault("503-loading")->kind, FaultKind::loading);
  EXPECT_EQ(parse_fault("flap:60s")->wait, std::chrono::seconds(60));
  for (const char* text : {"", "cat", "cut:", "cut:x", "503:1", "slow-first:2", "slow-first:-1ms"}) EXPECT_FALSE(parse_fault(text)) << text;
  EXPECT_NE(parse_fault("cat").error().about.text.str().find("cut-role"), std::string::npos);
}

TEST(Faults, AreAskedForByTheModelsName) {
  EXPECT_FALSE(*fault_of_model("gpt-4o-mini"));
  EXPECT_EQ((**fault_of_model("fault-503")).kind, FaultKind::unavailable);
  EXPECT_FALSE(fault_of_model("fault-cat"));
}

TEST(StatsLine, SaysWhatWasServedSinceTheLastOne) {
  StatsLine line;
  const auto at = [&](Totals totals, int seconds) { return line.next(totals, std::chrono::seconds(seconds), WallTime{}).value_or(""); };
  EXPECT_EQ(at({}, 10), "");
  const std::string first = at({.prompt_tokens = 123, .completion_tokens = 456, .running = 1}, 10);
  EXPECT_NE(first.find("[loggers.py:118] Engine 000: Avg prompt throughput: 12.3 tokens/s, Avg generation throughput: 45.6 tokens/s, Running: 1 reqs, "
                       "Waiting: 0 reqs, GPU KV cache usage: 1.0%, Prefix cache hit rate: 0.0%"),
            std::string::npos)
      << first;
  EXPECT_NE(
      at({.prompt_tokens = 123, .completion_tokens = 466}, 5).find("prompt throughput: 0.0 tokens/s, Avg generation throughput: 2.0 tokens/s, Running: 0"),
      std::string::npos);
  EXPECT_NE(at({.prompt_tokens = 123, .completion_tokens = 466}, 10).find("generation throughput: 0.0 tokens/s"), std::string::npos);  // One line of zeros,
  EXPECT_EQ(at({.prompt_tokens = 123, .completion_tokens = 466}, 10), "");                                                             // then silence.
}

TEST(Words, DependOnSeedAndQuestionAlone) {
  const Words one{1, "q"}, same{1, "q"}, other_seed{2, "q"}, other_question{1, "r"};
  std::string a, b, c, d;
  for (std::uint64_t i = 0; i < 50; ++i) {
    a += one.at(i);
    b += same.at(i);
    c += other_seed.at(i);
    d += other_question.at(i);
  }
  EXPECT_EQ(a, b);
  EXPECT_NE(a, c);
  EXPECT_NE(a, d);
}

TEST(Flavors, SayJsonEverywhere) {
  for (const Flavor flavor : {Flavor::openai, Flavor::deepseek, Flavor::vllm, Flavor::llama_server}) {
    for (int trouble = 0; trouble <= static_cast<int>(Trouble::not_found); ++trouble) {
      const ErrorReply reply = error_of(flavor, static_cast<Trouble>(trouble), "a\"b");
      EXPECT_TRUE(reply.body.empty() || nlohmann::json::parse(reply.body).contains("error")) << reply.body;
    }
    const auto usage = nlohmann::json::parse(usage_json(flavor, {.prompt = 10, .cached = 4, .reasoning = 2, .completion = 6}));
    EXPECT_EQ(usage["total_tokens"], 16);
    EXPECT_EQ(nlohmann::json::parse(models_json(flavor, {"a", "b"}))["data"].size(), 2U);
  }
}

constexpr std::uint64_t words_max = 64;

std::string joined(const Words& words, std::uint64_t count) {
  std::string all;
  for (std::uint64_t i = 0; i < count; ++i) all += words.text(i);
  return all;
}

TEST(Words, AreFoundAgainAtEveryByte) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Words words{seed, "q"};
    const std::string whole = joined(words, words_max);
    for (std::size_t size = 0; size <= whole.size(); ++size) {
      const auto place = words.find_place(std::string_view(whole).substr(0, size), words_max);
      ASSERT_TRUE(place);
      EXPECT_EQ(joined(words, place->index).size() + place->bytes, size);
    }
    EXPECT_FALSE(words.find_place(whole + "x", words_max));
    EXPECT_FALSE(words.find_place("something else", words_max));
  }
}

TEST(Words, HoldWhatASeamCouldGetWrong) {
  std::string all;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) all += joined(Words{seed, "q"}, words_max);
  for (const char* part : {"안녕하세요", "👋🏽", "👨‍👩‍👧‍👦", "🚀", "\n\n", "\"인용\"", "C:\\dir", " ha ha"})
    EXPECT_NE(all.find(part), std::string::npos) << part;
}

struct Said {
  std::vector<std::string> pieces;
  std::string whole;
};

Said said_by(const Speech& speech) {
  Said said;
  for (std::uint64_t i = 0; i < speech.pieces(); ++i) {
    std::string piece = "\"";
    speech.append_piece(piece, i);
    said.pieces.push_back(json::unquote(piece + '"').value());
    said.whole += said.pieces.back();
  }
  return said;
}

bool is_between_characters(std::string_view text, std::size_t at) { return at == text.size() || (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80; }

TEST(Speech, EndsBeforeTheFirstStopStringThatComesAbout) {
  const Ask free{.question = "q"};
  const std::string whole = said_by(Speech{1, words_max, free, {}, 0}).whole;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (std::size_t size = 1; size <= std::min<std::size_t>(16, whole.size() - at); ++size) {
      if (!is_between_characters(whole, at) || !is_between_characters(whole, at + size)) continue;
      const std::string stop = whole.substr(at, size);
      const std::size_t first = whole.find(stop);
      const Speech speech{1, words_max, {.question = "q", .stops = {"never said", stop}}, {}, 0};
      const Said said = said_by(speech);
      ASSERT_EQ(said.whole, whole.substr(0, first)) << stop;
      EXPECT_EQ(speech.stopped_by(), stop);
      EXPECT_EQ(speech.finish_reason(), "stop");
      for (const std::string& piece : said.pieces) EXPECT_FALSE(piece.empty());
      // The tokens are those that it took to say all of the stop string.
      const Said made = said_by(Speech{1, speech.tokens(), free, {}, 0});
      EXPECT_NE(made.whole.find(stop), std::string::npos);
      EXPECT_EQ(said_by(Speech{1, speech.tokens() - 1, free, {}, 0}).whole.find(stop), std::string::npos);
    }
  }
}

TEST(Speech, GoesOnAndStopsAtAnyCharacter) {
  const std::string whole = said_by(Speech{1, words_max, {.question = "q"}, {}, 0}).whole;
  const Words words{1, "q"};
  std::size_t tail = whole.size() - 9;
  while (!is_between_characters(whole, tail)) --tail;
  const std::string stop = whole.substr(tail);
  for (std::size_t at = 0; at < whole.find(stop); ++at) {
    if (!is_between_characters(whole, at)) continue;
    const Place place = words.find_place(std::string_view(whole).substr(0, at), words_max).value();
    EXPECT_EQ(said_by(Speech{1, words_max, {.question = "q", .stops = {stop}}, place, 0}).whole, whole.substr(at, whole.find(stop) - at));
  }
}

TEST(Speech, IsAnotherInEachChoice) {
  const Ask ask{.question = "q", .tokens_max = 5};
  const Speech first{1, words_max, ask, {}, 0};
  EXPECT_NE(said_by(first).whole, said_by(Speech{1, words_max, ask, {}, 1}).whole);
  EXPECT_EQ(first.finish_reason(), "length");
  EXPECT_EQ(first.tokens(), 5U);
  // What ends it first is what it says.
  const Speech both{1, words_max, {.question = "q", .tokens_max = 5, .stops = {"never said"}}, {}, 0};
  EXPECT_EQ(both.finish_reason(), "length");
  EXPECT_EQ(both.stopped_by(), "");
}

TEST(Ask, ReadsChoicesAndStops) {
  json::Reader reader;
  const auto ask = [&](std::string more) {
    std::string body = R"({"model":"m","messages":[])" + std::move(more) + "}";
    body.reserve(body.size() + json::padding);
    return read_ask(Endpoint::chat, body, reader).value();
  };
  EXPECT_EQ(ask("").choices, 1U);
  EXPECT_TRUE(ask("").stops.empty());
  EXPECT_EQ(ask(R"(,"n":3,"stop":"a")").choices, 3U);
  EXPECT_EQ(ask(R"(,"n":100000)").choices, static_cast<std::uint64_t>(choices_max));
  EXPECT_EQ(ask(R"(,"n":0,"stop":null)").choices, 1U);
  EXPECT_EQ(ask(R"(,"stop":["a","","b",1])").stops, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(ask(R"(,"stop":"")").stops.empty());
}

Conversation conversation_of(std::string messages) {
  messages.reserve(messages.size() + json::padding);
  return read_conversation(messages);
}

TEST(Conversation, IsTheSameWithAnAnswerThatWasBegun) {
  const Conversation asked = conversation_of(R"([ {"role": "user", "content": "a, b\u00e9 \"]\""} ])");
  const Conversation continued = conversation_of(R"([{"role":"user","content":"a, b\u00e9 \"]\""},{"role":"assistant","content":" 양\n","prefix":true}])");
  EXPECT_FALSE(asked.prefilled);
  EXPECT_TRUE(continued.prefilled);
  EXPECT_TRUE(continued.prefix);
  EXPECT_EQ(continued.text, " 양\n");
  EXPECT_EQ(continued.question, asked.question);
  EXPECT_NE(continued.whole, asked.whole);
  EXPECT_TRUE(conversation_of(R"([{"role":"assistant"},{"role":"assistant","content":"a"}])").two);
  EXPECT_FALSE(conversation_of(R"([{"role":"assistant"},{"role":"user","content":"a"}])").prefilled);
}

Prefilled prefilled_by(Flavor flavor, std::string_view message, std::string_view more = "", Path path = Path::usual) {
  std::string body = R"({"model":"m","messages":[{"role":"user","content":"a"})" + std::string(message) + "]" + std::string(more) + "}";
  body.reserve(body.size() + json::padding);
  json::Reader reader;
  return prefilled(flavor, *read_ask(Endpoint::chat, body, reader), path);
}

TEST(Prefill, IsEachFlavoursOwn) {
  constexpr std::string_view plain = R"(,{"role":"assistant","content":"b"})", prefix = R"(,{"role":"assistant","content":"b","prefix":true})";
  constexpr std::string_view flags = R"(,"add_generation_prompt":false,"continue_final_message":true)";
  EXPECT_EQ(prefilled_by(Flavor::vllm, plain, flags).text, "b");
  EXPECT_FALSE(prefilled_by(Flavor::vllm, plain).text);
  EXPECT_EQ(prefilled_by(Flavor::vllm, plain, R"(,"continue_final_message":true)").refused, Trouble::prefill_flags);
  EXPECT_EQ(prefilled_by(Flavor::vllm, "", flags).refused, Trouble::prefill);
  EXPECT_EQ(prefilled_by(Flavor::vllm, R"(,{"role":"assistant","content":" \n"})", flags).refused, Trouble::prefill);
  EXPECT_EQ(prefilled_by(Flavor::deepseek, prefix, "", Path::beta).text, "b");
  EXPECT_EQ(prefilled_by(Flavor::deepseek, prefix).refused, Trouble::prefill_needs_beta);
  EXPECT_FALSE(prefilled_by(Flavor::deepseek, plain, "", Path::beta).text);
  EXPECT_EQ(prefilled_by(Flavor::llama_server, plain).text, "b");
  EXPECT_EQ(prefilled_by(Flavor::llama_server, std::string(plain) + std::string(plain)).refused, Trouble::prefill_twice);
  EXPECT_EQ(prefilled_by(Flavor::llama_server, plain, R"(,"continue_final_message":true)").refused, Trouble::prefill_flags);
  EXPECT_FALSE(prefilled_by(Flavor::openai, plain).text);
}

}  // namespace
}  // namespace bellwether::simulator
