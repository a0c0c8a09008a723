#include "chat/request.h"

#include <gtest/gtest.h>

namespace bellwether::chat {
namespace {

struct Given {
  std::string body;
  Result<Request> request;
};

Given read(std::string text, Endpoint endpoint = Endpoint::chat_completions) {
  text.reserve(text.size() + json::padding + 64);
  json::Reader reader;
  Given given{std::move(text), failed(Reason::internal)};
  given.request = read_request(endpoint, given.body, reader);
  return given;
}

TEST(ChatRequest, ReadsWhatTheGatewayNeeds) {
  const Given given = read(R"({"model":"deepseek-chat","messages":[{"role":"user","content":"hi"}],"stream":true,
    "stream_options":{"include_usage":true},"max_tokens":5,"max_completion_tokens":7,"n":2,"x":1})");
  ASSERT_TRUE(given.request);
  EXPECT_EQ(given.request->model, "deepseek-chat");
  EXPECT_EQ(given.request->model_raw, "\"deepseek-chat\"");
  EXPECT_TRUE(given.request->stream);
  EXPECT_TRUE(given.request->usage_asked);
  EXPECT_EQ(given.request->output_tokens_max, 7);
  EXPECT_EQ(given.request->choices, 2);
  EXPECT_EQ(given.request->member_names.back(), "x");
}

TEST(ChatRequest, TakesNullForAbsent) {
  const Given given = read(R"({"model":"m","messages":[1],"stream":null,"stream_options":null,"n":null,"max_tokens":null})");
  ASSERT_TRUE(given.request);
  EXPECT_FALSE(given.request->stream);
  EXPECT_EQ(given.request->stream_options_raw, "null");
}

TEST(ChatRequest, NamesTheParameterAtFault) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"messages":[1]})", "model"},
      {R"({"model":5,"messages":[1]})", "model"},
      {R"({"model":"","messages":[1]})", "model"},
      {R"({"model":"m"})", "messages"},
      {R"({"model":"m","messages":"hi"})", "messages"},
      {R"({"model":"m","messages":[ ]})", "messages"},
      {R"({"model":"m","messages":[1],"stream":"yes"})", "stream"},
      {R"({"model":"m","messages":[1],"stream_options":[]})", "stream_options"},
      {R"({"model":"m","messages":[1],"stream_options":{"include_usage":1}})", "stream_options.include_usage"},
      {R"({"model":"m","messages":[1],"max_tokens":"5"})", "max_tokens"},
      {R"({"model":"m","messages":[1],"max_tokens":-1})", "max_tokens"},
      {R"({"model":"m","messages":[1],"n":1.5})", "n"},
      {R"({"model":"m","model":"n","messages":[1]})", "model"},
      {R"({"model":"m","messages":[1],"messages":[2]})", "messages"},
  };
  for (const auto& [body, param] : cases) {
    const Given given = read(body);
    ASSERT_FALSE(given.request) << body;
    EXPECT_EQ(given.request.error().param, param) << body;
    EXPECT_FALSE(given.request.error().about.text.empty());
  }
}

TEST(ChatRequest, WantsAPromptOrAnInputElsewhere) {
  EXPECT_TRUE(read(R"({"model":"m","prompt":"x"})", Endpoint::completions).request);
  EXPECT_EQ(read(R"({"model":"m","messages":[1]})", Endpoint::completions).request.error().param, "prompt");
  const Given embeddings = read(R"({"model":"m","input":["x"],"encoding_format":"base64","stream":true})", Endpoint::embeddings);
  ASSERT_TRUE(embeddings.request);
  EXPECT_TRUE(embeddings.request->base64_asked);
  EXPECT_FALSE(embeddings.request->stream);
  EXPECT_EQ(read(R"({"model":"m"})", Endpoint::embeddings).request.error().param, "input");
}

TEST(ChatRequest, RefusesWhatIsNoJson) {
  const Given given = read("{\"model\": ");
  ASSERT_FALSE(given.request);
  EXPECT_EQ(given.request.error().reason, Reason::request_malformed);
}

}  // namespace
}  // namespace bellwether::chat
