#include "calling/chat_event.h"

#include <gtest/gtest.h>

namespace bellwether::calling {
namespace {

ChatEvent read(std::string text) {
  json::Reader reader;
  const std::size_t size = text.size();
  text.append(json::padding, ' ');
  return read_chat_event(std::string_view(text).substr(0, size), reader);
}

TEST(ChatEvent, TellsATokenFromARole) {
  EXPECT_FALSE(read(R"({"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]})").has_token);
  const ChatEvent event = read(R"({"model":"m","choices":[{"index":0,"delta":{"content":" 안\n"},"finish_reason":null}]})");
  EXPECT_TRUE(event.has_token);
  EXPECT_EQ(event.text, " 안\n");
  EXPECT_EQ(event.model, "m");
  EXPECT_TRUE(read(R"({"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{"}}]}}]})").has_token);
  EXPECT_FALSE(read(R"({"choices":[{"delta":{"tool_calls":[]}}]})").has_token);
}

TEST(ChatEvent, ReadsReasoningUnderEitherNameOnce) {
  EXPECT_EQ(read(R"({"choices":[{"delta":{"reasoning":"a","reasoning_content":"a"}}]})").reasoning, "a");
  EXPECT_EQ(read(R"({"choices":[{"delta":{"reasoning":"b","content":null}}]})").reasoning, "b");
}

TEST(ChatEvent, ReadsUsageWhereverItRides) {
  const ChatEvent openai =
      read(R"({"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11,"prompt_tokens_details":{"cached_tokens":4}}})");
  ASSERT_TRUE(openai.usage);
  EXPECT_EQ(openai.usage->input, 9);
  EXPECT_EQ(openai.usage->output, 2);
  EXPECT_EQ(openai.usage->cached_input, 4);
  const ChatEvent deepseek =
      read(R"({"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":2,"prompt_cache_hit_tokens":8}})");
  ASSERT_TRUE(deepseek.usage);
  EXPECT_EQ(deepseek.usage->cached_input, 8);
  EXPECT_EQ(deepseek.finish, "stop");
  EXPECT_FALSE(read(R"({"choices":[],"usage":null})").usage);
}

TEST(ChatEvent, FindsTheMessageOfEveryShapeOfError) {
  EXPECT_EQ(read(R"({"error":{"message":"no","code":400}})").error_message, "no");
  EXPECT_EQ(read(R"({"error":"Unauthorized"})").error_message, "Unauthorized");
  EXPECT_EQ(read(R"({"object":"error","message":"The model does not exist.","code":404})").error_message, "The model does not exist.");
  EXPECT_FALSE(read(R"({"error":null,"choices":[]})").is_error);
  EXPECT_TRUE(read(R"({"id":"x","choices":[{"ind)").is_malformed);
  EXPECT_TRUE(read("[DONE]").is_done);
}

}  // namespace
}  // namespace bellwether::calling
