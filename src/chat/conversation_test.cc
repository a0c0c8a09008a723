#include "chat/conversation.h"

#include <gtest/gtest.h>

#include <string>

namespace bellwether::chat {
namespace {

std::uint64_t conversation_of_body(Endpoint endpoint, std::string body) {
  body.append(json::padding, ' ');
  json::Reader reader;
  const auto request = read_request(endpoint, std::string_view(body).substr(0, body.size() - json::padding), reader);
  EXPECT_TRUE(request);
  return request ? conversation_of(*request) : 0;
}

std::uint64_t of_messages(const std::string& messages) {
  return conversation_of_body(Endpoint::chat_completions, R"({"model":"m","messages":[)" + messages + "]}");
}

const std::string system_message = R"({"role":"system","content":"Be brief."})";
const std::string first_question = R"({"role":"user","content":"Hello"})";

TEST(Conversation, StaysTheSameFromTurnToTurn) {
  const std::uint64_t first = of_messages(system_message + "," + first_question);
  EXPECT_EQ(of_messages(system_message + ", " + first_question + R"(,{"role":"assistant","content":"Hi"},{"role":"user","content":"And now?"})"), first);
}

TEST(Conversation, IsAnotherWithAnotherBeginning) {
  const std::uint64_t first = of_messages(system_message + "," + first_question);
  EXPECT_NE(of_messages(first_question), first);
  EXPECT_NE(of_messages(system_message + R"(,{"role":"user","content":"Hello?"})"), first);
}

TEST(Conversation, OfATextCompletionIsItsPromptsBeginning) {
  const std::string long_prompt(1000, 'a');
  const auto of_prompt = [](const std::string& prompt) { return conversation_of_body(Endpoint::completions, R"({"model":"m","prompt":")" + prompt + "\"}"); };
  EXPECT_EQ(of_prompt(long_prompt + "b"), of_prompt(long_prompt + "c"));
  EXPECT_NE(of_prompt("b"), of_prompt("c"));
}

}  // namespace
}  // namespace bellwether::chat
