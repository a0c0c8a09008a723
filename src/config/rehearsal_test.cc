#include "config/rehearsal.h"

#include <gtest/gtest.h>

#include <variant>

#include "config/read.h"

namespace bellwether::config {
namespace {

constexpr std::string_view file = R"(
listen = ["0.0.0.0:443", "unix:run/b.sock"]
data = "mine"
lanes = 3
tls = { certificate = "a.pem", private_key = { file = "a.key" } }
[admin]
listen = "0.0.0.0:8081"
[log]
access = "access.log"
[upstream.zeta]
dialect = "vllm"
base_url = "https://gpu-1/else/where"
api_key = { env = "ZETA" }
retries = 4
breaker = { failures = 7 }
timeout = { first_token = "500ms", total = "3m" }
[upstream.alpha]
base_url = "unix:run/alpha.sock:/v1"
[model."m.1"]
route = ["zeta", { upstream = "alpha", model = "양", request = { top_k = 5, thinking = { type = "disabled" } } }]
price = { input = "0.42", output = "0.42" }
)";

Config read(std::string_view text, bool& asked) {
  SecretSource secrets;
  secrets.environment = [&](const std::string&) {
    asked = true;
    return std::optional<std::string>("secret");
  };
  secrets.file = secrets.environment;
  auto result = read_config(text, "b.toml", secrets);
  EXPECT_TRUE(std::holds_alternative<Config>(result));
  return std::get<Config>(std::move(result));
}

TEST(Rehearsal, ChangesWhatTouchesTheWorldAndNothingElse) {
  bool asked = false;
  const Config before = read(file, asked);
  ASSERT_EQ(before.upstreams.front().name, "alpha");
  const std::string text = rehearsal_of(
      file, before, {.data = "/tmp/drill/data", .base_urls = {"http://127.0.0.1:1/v1", "http://127.0.0.1:2/v1"}, .wait_max = std::chrono::seconds(2)});
  asked = false;
  const Config after = read(text, asked);

  EXPECT_FALSE(asked) << "a secret is still wanted:\n" << text;
  EXPECT_EQ(after.listen, (std::vector{ListenAddress{.port = 0}}));
  EXPECT_EQ(after.admin, ListenAddress{.port = 0});
  EXPECT_EQ(after.data, "/tmp/drill/data");
  EXPECT_FALSE(after.tls.has_value());
  EXPECT_EQ(after.log.access, "off");
  EXPECT_EQ(after.lanes, 3U);
  ASSERT_EQ(after.upstreams.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    catalog::Upstream expected = before.upstreams[i];
    expected.api_key.clear();
    EXPECT_EQ(after.upstreams[i].name, expected.name);
    EXPECT_EQ(after.upstreams[i].dialect, expected.dialect);
    EXPECT_EQ(after.upstreams[i].api_key, "");
    EXPECT_EQ(after.upstreams[i].base_url.host, "127.0.0.1");
    EXPECT_EQ(after.upstreams[i].base_url.port, i + 1);
    EXPECT_EQ(after.upstreams[i].retry, expected.retry);
    EXPECT_EQ(after.upstreams[i].breaker, expected.breaker);
    EXPECT_EQ(after.upstreams[i].timeouts.total, expected.timeouts.total);
    EXPECT_EQ(after.upstreams[i].timeouts.idle, std::chrono::seconds(2));
  }
  EXPECT_EQ(after.upstreams[0].timeouts.first_token, std::chrono::seconds(2));
  EXPECT_EQ(after.upstreams[1].timeouts.first_token, std::chrono::milliseconds(500));
  ASSERT_EQ(after.models.size(), 1U);
  EXPECT_EQ(after.models[0].id, "m.1");
  ASSERT_EQ(after.models[0].route.size(), 2U);
  EXPECT_EQ(after.models[0].route[1].model, "양");
  ASSERT_EQ(after.models[0].route[1].defaults.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(after.models[0].route[1].defaults[i].json, before.models[0].route[1].defaults[i].json);
}

}  // namespace
}  // namespace bellwether::config
