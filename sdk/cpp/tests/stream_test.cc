// Streams as ranges, and their endings.
#include <gtest/gtest.h>

#include <ranges>
#include <thread>

#include "bellwether/hybrid.hpp"
#include "world.h"

namespace bellwether::testing {
namespace {

static_assert(std::ranges::input_range<ChatStream>);
static_assert(std::ranges::input_range<HybridStream>);
static_assert(!std::copy_constructible<ChatStream> && std::movable<ChatStream>);

class Streams : public ::testing::Test {
 protected:
  Folder folder;
  Simulator sim{folder};
  const Client client{hasty(sim.options())};
};

TEST_F(Streams, SayWhatTheWholeAnswerSays) {
  const Result<ChatCompletion> whole = client.chat(ask("deepseek-ai/DeepSeek-V3"));
  const Heard heard = hear(client.chat_stream(ask("deepseek-ai/DeepSeek-V3")));
  ASSERT_TRUE(whole && !heard.error);
  EXPECT_EQ(heard.text, whole->text());
  ASSERT_TRUE(heard.usage);
  EXPECT_EQ(heard.usage->total_tokens, whole->usage->total_tokens);
}

TEST_F(Streams, ComposeWithViews) {
  std::string text;
  for (const std::string& word : client.chat_stream(ask("deepseek-ai/DeepSeek-V3")) |
                                     std::views::take_while([](const auto& element) { return element.has_value(); }) |
                                     std::views::transform([](const auto& element) { return std::string(element->text()); }) | std::views::take(4))
    text += word;
  EXPECT_FALSE(text.empty());
}

TEST_F(Streams, SendNothingBeforeTheyAreRead) {
  {
    ChatStream stream = client.chat_stream(ask("deepseek-ai/DeepSeek-V3"));
    EXPECT_TRUE(sim.requests().empty());
    EXPECT_TRUE(stream.read());
  }
  EXPECT_EQ(sim.requests().size(), 1u);
}

/// Where a stream can be cut: before its head, behind the role, within an event, within a tool call, behind the finish_reason, before [DONE].
TEST_F(Streams, ThatWereCutAreNeverTakenForAnAnswer) {
  for (const char* const fault : {"reset", "cut-role", "cut-token", "cut-tool", "cut-finish", "cut:0", "cut:5", "cut:11"}) {
    const Heard heard = hear(client.chat_stream(ask_fault(fault)));
    ASSERT_TRUE(heard.error) << fault << ": " << heard.text;
    EXPECT_TRUE(heard.error->kind == ErrorKind::stream_cut || heard.error->kind == ErrorKind::connection) << fault << ": " << heard.error->to_string();
    EXPECT_TRUE(heard.error->retryable());
  }
}

TEST_F(Streams, OfAGatewayTellItsErrorInBand) {
  const Folder other;
  const Gateway gateway{other, sim, {"cut:2", "error-in-stream:2", "stall:2"}};
  const Client through{gateway.options()};
  for (const char* const fault : {"cut:2", "error-in-stream:2", "stall:2"}) {
    const Heard heard = hear(through.chat_stream(ask_fault(fault)));
    ASSERT_TRUE(heard.error) << fault;
    EXPECT_EQ(heard.error->kind, ErrorKind::stream_cut);
    EXPECT_FALSE(heard.error->code.empty());
    EXPECT_FALSE(heard.error->request_id.empty());
    EXPECT_FALSE(heard.text.empty());
  }
}

TEST_F(Streams, ThatNobodyReadsHoldTheServerBackAndThenGoOn) {
  const Folder other;
  const Simulator talkative{other, {"--tokens", "20000"}, "talkative"};
  const Client reader{talkative.options()};
  ChatStream stream = reader.chat_stream(ask("deepseek-ai/DeepSeek-V3"));
  ASSERT_TRUE(stream.read());
  std::this_thread::sleep_for(std::chrono::milliseconds(300));  // It fills up meanwhile; whether it did decides nothing below.
  const Heard heard = hear(std::move(stream));
  EXPECT_FALSE(heard.error) << heard.error->to_string();
  EXPECT_GT(heard.elements, 19000);
}

}  // namespace
}  // namespace bellwether::testing
