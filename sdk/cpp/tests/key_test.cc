// Keys, settings and requests that cannot be used are told before anything is sent.
#include <gtest/gtest.h>

#include "world.h"

namespace bellwether::testing {
namespace {

// Of the checksum's own rule; no gateway has issued it.
constexpr const char* good_key = "hs_0123456789ABCDEFGHIJKLMNOPQRSTUVWX";

TEST(Key, ThatIsMistypedIsNotSentAndTheMessageSaysWhy) {
  const Folder folder;
  const Simulator sim{folder};
  const Gateway gateway{folder, sim};
  std::string swapped = gateway.key();
  std::swap(swapped[5], swapped[6]);
  if (swapped == gateway.key()) swapped[5] = swapped[5] == 'a' ? 'b' : 'a';
  const std::vector<std::pair<std::string, std::string>> cases{{"", "HOLYSHEEP_API_KEY"},
                                                               {"sk-abcdefghijklmnopqrstuvwxyz0123456789", "sk-"},
                                                               {"token", "does not begin with hs_"},
                                                               {good_key, "characters"},
                                                               {gateway.key() + "\n", "white space"},
                                                               {gateway.key().substr(0, 20), "cut"},
                                                               {swapped, "checksum"},
                                                               {"hs_" + std::string(40, '-'), "letters and digits"}};
  for (const auto& [key, says] : cases) {
    ClientOptions options = gateway.options();
    options.api_key = key;
    const Result<ChatCompletion> answer = Client{options}.chat(ask());
    ASSERT_FALSE(answer) << key;
    EXPECT_EQ(answer.error().kind, ErrorKind::invalid_key);
    EXPECT_NE(answer.error().message.find(says), std::string::npos) << answer.error().message;
    if (key.size() > 8) EXPECT_EQ(answer.error().message.find(key), std::string::npos) << "the key itself is shown";
    EXPECT_EQ(answer.error().attempts, 0);
  }
  EXPECT_TRUE(sim.requests().empty());
}

TEST(Key, ThatIsUnknownIsTheGatewaysToRefuse) {
  const Folder folder, other;
  const Simulator sim{folder};
  const Gateway gateway{folder, sim}, stranger{other, sim};
  ClientOptions options = gateway.options();
  options.api_key = stranger.key();
  const Result<ChatCompletion> answer = Client{options}.chat(ask());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::authentication);
  EXPECT_EQ(answer.error().code, "invalid_api_key");
}

TEST(Settings, ComeFromOurVariablesAndNeverFromOthers) {
  ::setenv("OPENAI_API_KEY", "sk-secret", 1);
  ::setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1", 1);
  ::unsetenv("HOLYSHEEP_API_KEY");
  ::unsetenv("HOLYSHEEP_BASE_URL");
  EXPECT_EQ(ClientOptions::from_env().api_key, "");
  EXPECT_EQ(ClientOptions::from_env().base_url, default_base_url);
  ::setenv("HOLYSHEEP_API_KEY", "hs_mine", 1);
  ::setenv("HOLYSHEEP_BASE_URL", "http://here/v1", 1);
  EXPECT_EQ(ClientOptions::from_env().api_key, "hs_mine");
  EXPECT_EQ(ClientOptions::from_env().base_url, "http://here/v1");
  for (const char* const name : {"OPENAI_API_KEY", "OPENAI_BASE_URL", "HOLYSHEEP_API_KEY", "HOLYSHEEP_BASE_URL"}) ::unsetenv(name);
}

TEST(Request, ThatCannotBeSentNamesItsMember) {
  const Client client{{.base_url = "http://127.0.0.1:1/v1", .key_check = KeyCheck::none}};
  ChatRequest bad_json = ask(), injected = ask(), endless = ask(), streaming = ask();
  bad_json.extra = {{"top_k", "{"}};
  injected.extra = {{"top_k", R"(1,"model":"other")"}};
  endless.temperature = std::numeric_limits<double>::infinity();
  streaming.extra = {{"stream", "true"}};
  for (const auto& [request, param] : std::vector<std::pair<ChatRequest, std::string>>{
           {bad_json, "top_k"}, {injected, "top_k"}, {endless, "temperature"}, {streaming, "stream"}, {{.messages = {user("x")}}, "model"}}) {
    const Result<ChatCompletion> answer = client.chat(request);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().kind, ErrorKind::invalid_argument);
    EXPECT_EQ(answer.error().param, param);
    EXPECT_EQ(answer.error().attempts, 0);
  }
  EXPECT_EQ(client.chat(ask(), {.headers = {{"x-a", "b\r\nx-evil: c"}}}).error().param, "headers");
  EXPECT_EQ(client.chat(ask(), {.deadline = std::chrono::milliseconds(0)}).error().param, "timeout");
}

}  // namespace
}  // namespace bellwether::testing
