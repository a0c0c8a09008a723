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

TEST(ChatRequest, KnowsWhatForbidsAContinuation) {
  const auto obstacle = [](std::string_view more) {
    return read(R"({"model":"m","messages":[{"role":"user","content":"a"}])" + std::string(more) + "}").request->obstacle;
  };
  for (const char* more : {"", R"(,"n":1,"best_of":1,"logprobs":false,"top_logprobs":0,"response_format":{"type":"text"},"echo":false,"tools":[{}],"stop":"x")",
                           R"(,"n":null,"logprobs":null,"response_format":null,"modalities":["text"],"structured_outputs":null)"})
    EXPECT_EQ(obstacle(more), Obstacle::none) << more;
  EXPECT_EQ(obstacle(R"(,"n":2)"), Obstacle::several_choices);
  EXPECT_EQ(obstacle(R"(,"use_beam_search":true)"), Obstacle::several_choices);
  EXPECT_EQ(obstacle(R"(,"logprobs":true)"), Obstacle::logprobs);
  EXPECT_EQ(obstacle(R"(,"response_format":{"type":"json_object"})"), Obstacle::constrained);
  EXPECT_EQ(obstacle(R"(,"response_format":{"json_schema":{},"type":"json_schema"})"), Obstacle::constrained);
  EXPECT_EQ(obstacle(R"(,"guided_regex":"a")"), Obstacle::constrained);
  EXPECT_EQ(obstacle(R"(,"structured_outputs":{"choice":["a"]})"), Obstacle::constrained);
  EXPECT_EQ(obstacle(R"(,"grammar":"root ::= \"a\"")"), Obstacle::constrained);
  EXPECT_EQ(obstacle(R"(,"echo":true)"), Obstacle::echo);
  EXPECT_EQ(obstacle(R"(,"modalities":["text","audio"])"), Obstacle::audio);
  EXPECT_EQ(read(R"({"model":"m","prompt":"a"})", Endpoint::completions).request->obstacle, Obstacle::other_endpoint);
}

Obstacle found(const std::string& members, std::string_view text) {
  const Given given = read(R"({"model":"m",)" + members + "}");
  json::Reader reader;
  return find_obstacle(*given.request, text, reader);
}

TEST(FindObstacle, LooksAtTheCallersLastMessage) {
  EXPECT_EQ(found(R"("messages":[{"role":"user","content":"[,]\"}"}, {"role":"user"} ])", "a"), Obstacle::none);
  EXPECT_EQ(found(R"("messages":[{"role":"assistant"},{"role":"user"}])", "a"), Obstacle::none);
  EXPECT_EQ(found(R"("messages":[{"role":"user"},{"content":"a","role":"assistant"}])", "a"), Obstacle::begun_by_caller);
}

TEST(FindObstacle, LooksAtTheText) {
  const std::string messages = R"("messages":[{"role":"user"}])";
  EXPECT_EQ(found(messages, "a <b> </b> c < d | e 양 🐑"), Obstacle::none);
  EXPECT_EQ(found(messages, "a<|im_end|>"), Obstacle::control_token);
  EXPECT_EQ(found(messages, "</think>"), Obstacle::control_token);
  EXPECT_EQ(found(messages, "a\xEA\xB0"), Obstacle::split_character);
}

TEST(FindObstacle, RefusesToGoOnWithinAStopString) {
  const std::string messages = R"("messages":[{"role":"user"}],"stop":)";
  EXPECT_EQ(found(messages + R"("###")", "a #"), Obstacle::stop_string);
  EXPECT_EQ(found(messages + R"(["END", "\n\nQ:"])", "a\n\nQ"), Obstacle::stop_string);
  EXPECT_EQ(found(messages + R"(["END", "\n\nQ:"])", "a b"), Obstacle::none);
  EXPECT_EQ(found(messages + "null", "a #"), Obstacle::none);
}

TEST(OutputTokensLeft, CountDownFromTheCallersBound) {
  EXPECT_EQ(output_tokens_left(*read(R"({"model":"m","messages":[1],"max_tokens":5})").request, 5), 0);
  EXPECT_EQ(output_tokens_left(*read(R"({"model":"m","messages":[1]})").request, 5), std::nullopt);
}

}  // namespace
}  // namespace bellwether::chat
