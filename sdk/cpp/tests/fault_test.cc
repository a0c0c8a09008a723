// Every fault of the simulator, met directly: an answer, or the error that the rules say.
#include <gtest/gtest.h>

#include "world.h"

namespace bellwether::testing {
namespace {

using K = ErrorKind;

struct Case {
  const char* fault;
  std::optional<K> whole;   ///< Nothing: an answer.
  std::optional<K> stream;  ///< The same for a streamed one.
};

const std::vector<Case> cases{
    {"refuse", K::connection, K::connection},
    {"reset", K::connection, K::connection},
    {"429", K::rate_limit, K::rate_limit},
    {"429-bare", K::rate_limit, K::rate_limit},
    {"500", K::internal_server, K::internal_server},
    {"503", K::internal_server, K::internal_server},
    {"503-loading", K::internal_server, K::internal_server},
    {"flap:60s", K::internal_server, K::internal_server},
    {"401", K::authentication, K::authentication},
    {"402", K::other_status, K::other_status},
    {"silence", K::timeout, K::timeout},
    {"slow-first:300ms", {}, {}},
    {"slow-head:300ms", {}, {}},
    {"cut:2", K::connection, K::stream_cut},
    {"cut-role", K::connection, K::stream_cut},
    {"cut-token", K::connection, K::stream_cut},
    {"cut-tool", K::connection, K::stream_cut},
    {"cut-finish", K::connection, K::stream_cut},
    {"stall:2", K::timeout, K::timeout},
    {"no-done", {}, {}},
    {"no-finish", {}, {}},
    {"broken-json:2", K::internal_server, K::stream_cut},
    {"error-in-stream:0", K::internal_server, K::stream_cut},
    {"error-in-stream:2", K::internal_server, K::stream_cut},
    {"no-usage", {}, {}},
    {"negative-usage", {}, {}},
    {"context-length", K::bad_request, K::bad_request},
    {"content-filter", K::bad_request, K::bad_request},
    {"422", K::unprocessable, K::unprocessable},
    {"200-error", K::internal_server, K::internal_server},
    {"html-502", K::internal_server, K::internal_server},
    {"split-utf8", {}, {}},
    {"one-byte", {}, {}},
    {"crlf", {}, {}},
    {"comments", {}, {}},
    {"big-event", {}, {}},
    {"slow-drip:20ms", {}, {}},
    {"refuse-prefill", {}, {}},
    {"echo-prefill", {}, {}},
};

class Fault : public ::testing::TestWithParam<Case> {
 protected:
  static void SetUpTestSuite() {
    folder = std::make_unique<Folder>();
    sim = std::make_unique<Simulator>(*folder);
  }
  static void TearDownTestSuite() {
    sim.reset();
    folder.reset();
  }
  static inline std::unique_ptr<Folder> folder;
  static inline std::unique_ptr<Simulator> sim;
};

TEST_P(Fault, IsAnAnswerOrATypedError) {
  const Case& expected = GetParam();
  const Client client{hasty(sim->options())};
  const Result<ChatCompletion> answer = client.chat(ask_fault(expected.fault));
  if (expected.whole) {
    ASSERT_FALSE(answer) << answer->raw();
    EXPECT_EQ(name_of(answer.error().kind), name_of(*expected.whole)) << answer.error().to_string();
    EXPECT_FALSE(answer.error().message.empty());
    EXPECT_EQ(answer.error().attempts, 1);
  } else {
    ASSERT_TRUE(answer) << answer.error().to_string();
    EXPECT_FALSE(answer->text().empty());
  }
}

TEST_P(Fault, OfAStreamIsItsLastElementOrNothing) {
  const Case& expected = GetParam();
  const Client client{hasty(sim->options())};
  const Heard heard = hear(client.chat_stream(ask_fault(expected.fault)));
  if (expected.stream) {
    ASSERT_TRUE(heard.error) << "taken for a whole answer: " << heard.text;
    EXPECT_EQ(name_of(heard.error->kind), name_of(*expected.stream)) << heard.error->to_string();
  } else {
    ASSERT_FALSE(heard.error) << heard.error->to_string();
    const Result<ChatCompletion> whole = client.chat(ask("deepseek-ai/DeepSeek-V3"));
    ASSERT_TRUE(whole) << whole.error().to_string();
    if (std::string(expected.fault) != "big-event") EXPECT_EQ(heard.text, whole->text());
  }
}

INSTANTIATE_TEST_SUITE_P(Simulator, Fault, ::testing::ValuesIn(cases), [](const auto& info) {
  std::string name = info.param.fault;
  std::replace_if(name.begin(), name.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return name;
});

TEST(Refusal, CarriesTheServersOwnWords) {
  const Folder folder;
  const Simulator sim{folder};
  const Gateway gateway{folder, sim, {"context-length"}};
  const Client client{gateway.options()};

  const Result<ChatCompletion> unknown = client.chat(ask("deepseek-chta"));
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().kind, K::bad_request);
  EXPECT_EQ(unknown.error().http_status, 400);
  EXPECT_EQ(unknown.error().code, "model_not_found");
  EXPECT_TRUE(unknown.error().message.starts_with("Model not found: deepseek-chta")) << unknown.error().message;
  EXPECT_FALSE(unknown.error().request_id.empty());
  EXPECT_FALSE(unknown.error().retryable());

  const Result<ChatCompletion> too_long = client.chat(ask_fault("context-length"));
  ASSERT_FALSE(too_long);
  EXPECT_EQ(too_long.error().code, "context_length_exceeded");
}

TEST(Answer, HasTypedMembersAndTheRestAsItCame) {
  const Folder folder;
  const Simulator sim{folder};
  const Gateway gateway{folder, sim};
  const Client client{gateway.options()};
  ChatRequest request = ask();
  request.temperature = 0.25;
  request.max_tokens = 7;
  request.stop = {"\n\n", "끝"};
  request.extra = {{"top_k", "40"}, {"metadata", R"({"a":[1,2,{"b":null}]})"}};
  const Result<ChatCompletion> answer = client.chat(request);
  ASSERT_TRUE(answer) << answer.error().to_string();
  EXPECT_EQ(answer->model, "deepseek-chat");
  EXPECT_EQ(answer->x_source, "sim");
  ASSERT_TRUE(answer->x_latency_ms);
  EXPECT_GT(*answer->x_latency_ms, 0);
  EXPECT_FALSE(answer->request_id.empty());
  ASSERT_TRUE(answer->usage);
  EXPECT_EQ(answer->usage->total_tokens, answer->usage->prompt_tokens + answer->usage->completion_tokens);
  EXPECT_EQ(answer->choices.at(0).message.role, "assistant");
  EXPECT_EQ(nlohmann::json::parse(answer->raw()).at("choices").at(0).at("message").at("content"), std::string(answer->text()));

  const nlohmann::json sent = nlohmann::json::parse(sim.requests().at(0).at("body").get<std::string>());
  EXPECT_EQ(sent.at("temperature"), 0.25);
  EXPECT_EQ(sent.at("max_tokens"), 7);
  EXPECT_EQ(sent.at("stop"), nlohmann::json::array({"\n\n", "끝"}));
  EXPECT_EQ(sent.at("top_k"), 40);
  EXPECT_EQ(sent.at("metadata").at("a").at(2).at("b"), nullptr);
}

TEST(Endpoint, OfEachKindAnswers) {
  const Folder folder;
  const Simulator sim{folder};
  const Gateway gateway{folder, sim};
  const Client client{gateway.options()};
  const Result<ModelList> models = client.models();
  ASSERT_TRUE(models) << models.error().to_string();
  EXPECT_TRUE(std::any_of(models->data.begin(), models->data.end(), [](const Model& model) { return model.id == "deepseek-chat"; })) << models->raw();
  const Result<Model> model = client.model("deepseek-chat");
  ASSERT_TRUE(model) << model.error().to_string();
  EXPECT_EQ(model->id, "deepseek-chat");

  const Result<Completion> completion = client.complete({.model = "deepseek-chat", .prompt = "Once upon a time"});
  ASSERT_TRUE(completion) << completion.error().to_string();
  EXPECT_FALSE(completion->text().empty());
  std::string streamed;
  for (auto&& piece : client.complete_stream({.model = "deepseek-chat", .prompt = "Once upon a time"})) {
    ASSERT_TRUE(piece) << piece.error().to_string();
    streamed += piece->text();
  }
  EXPECT_EQ(streamed, completion->text());

  const Result<Embeddings> packed = client.embed({.model = "deepseek-chat", .input = {"a sheep", "두 마리"}});
  ASSERT_TRUE(packed) << packed.error().to_string();
  ASSERT_EQ(packed->data.size(), 2u);
  const Result<Embeddings> plain = client.embed({.model = "deepseek-chat", .input = {"a sheep", "두 마리"}, .extra = {{"encoding_format", "\"float\""}}});
  ASSERT_TRUE(plain) << plain.error().to_string();
  ASSERT_FALSE(plain->data.at(1).values.empty());
  ASSERT_EQ(packed->data.at(1).values.size(), plain->data.at(1).values.size());
  for (std::size_t i = 0; i < plain->data[1].values.size(); ++i) EXPECT_FLOAT_EQ(packed->data[1].values[i], plain->data[1].values[i]);
}

}  // namespace
}  // namespace bellwether::testing
