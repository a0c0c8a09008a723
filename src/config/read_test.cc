#include "config/read.h"

#include <gtest/gtest.h>

namespace bellwether::config {
namespace {

SecretSource secrets() {
  return {.environment = [](const std::string& name) { return name == "KEY" ? std::optional<std::string>("sk-secret") : std::nullopt; },
          .file = [](const std::string& path) { return path == "etc/key.txt" ? std::optional<std::string>("sk-filed\n") : std::nullopt; }};
}

Config good(std::string_view toml) {
  ReadResult result = read_config(toml, "etc/b.toml", secrets());
  if (auto* problems = std::get_if<std::vector<Problem>>(&result)) {
    for (const Problem& problem : *problems) ADD_FAILURE() << to_text(problem);
    return {};
  }
  return std::get<Config>(std::move(result));
}

/// All problems, a line each.
std::string bad(std::string_view toml) {
  ReadResult result = read_config(toml, "b.toml", secrets());
  std::string text;
  if (auto* problems = std::get_if<std::vector<Problem>>(&result))
    for (const Problem& problem : *problems) text += to_text(problem) + "\n";
  return text;
}

TEST(Config, ReadsTheContractsExample) {
  const Config config = good(R"(
listen = "127.0.0.1:8080"
data   = "bellwether-data"
[admin]
listen = "127.0.0.1:8081"
[tls]
certificate = "cert.pem"
private_key = { file = "/etc/key.pem" }
[upstream.hosted]
dialect  = "deepseek"
base_url = "https://api.deepseek.com/v1"
api_key  = { env = "KEY" }
timeout  = { connect = "10s", write = "10s", pool = "5s", first_token = "30s", idle = "60s", total = "10m" }
[upstream.onprem]
dialect  = "vllm"
base_url = "http://gpu-1:8000/v1"
api_key  = { file = "key.txt" }
timeout  = { first_token = "120s" }
[model.deepseek-chat]
route   = [{ upstream = "hosted", model = "deepseek-flash", request = { thinking = { type = "disabled" } } },
           { upstream = "onprem", model = "deepseek-ai/DeepSeek-V3" }]
aliases = ["deepseek-v3", "DeepSeek-V3", "deepseek-ai/DeepSeek-V3"]
price   = { input = "0.42", cached_input = "0.042", output = "0.42" }
[model.plain]
route = ["onprem"]
)");
  EXPECT_EQ(config.data, "etc/bellwether-data");
  EXPECT_EQ(config.tls->certificate, "etc/cert.pem");
  EXPECT_EQ(config.tls->private_key, "/etc/key.pem");
  ASSERT_EQ(config.upstreams.size(), 2U);
  EXPECT_EQ(config.upstreams[0].api_key, "sk-secret");
  EXPECT_EQ(config.upstreams[0].base_url.port, 443);
  EXPECT_EQ(config.upstreams[0].timeouts.total, std::chrono::minutes(10));
  EXPECT_EQ(config.upstreams[1].api_key, "sk-filed");
  EXPECT_EQ(config.upstreams[1].timeouts.first_token, std::chrono::seconds(120));
  ASSERT_EQ(config.models.size(), 2U);
  const catalog::Model& model = config.models[0];
  EXPECT_EQ(model.id, "deepseek-chat");
  EXPECT_EQ(model.route[0].defaults[0].json, R"({"type":"disabled"})");
  EXPECT_EQ(model.route[1].model, "deepseek-ai/DeepSeek-V3");
  EXPECT_EQ(model.price->cached_input->nano_usd, 42'000'000);
  EXPECT_EQ(config.models[1].route[0].model, "plain");
}

TEST(Config, TellsWhereAnUnknownKeyStandsAndWhatWasMeant) {
  EXPECT_EQ(bad("listne = \"127.0.0.1:1\"\n"), "b.toml:1:1: unknown key listne; did you mean listen?\n");
  EXPECT_EQ(bad("[upstream.a]\nbase_url = \"http://a\"\n\n  timeout = { frist_token = \"1s\" }\n"),
            "b.toml:4:15: unknown key frist_token in timeout in [upstream.a]; did you mean first_token?\n");
}

TEST(Config, TellsAllProblemsAtOnceInTheFilesOrder) {
  EXPECT_EQ(bad("lanes = 0\nlisten = 5\n[model.m]\nroute = [\"hostde\"]\n[upstream.hosted]\nbase_url = \"ftp://x\"\n"),
            "b.toml:1:9: lanes must be between 1 and 256\n"
            "b.toml:2:10: listen must be an address and a port such as \"127.0.0.1:8080\" or \"[::1]:8080\", or \"unix:/run/bellwether.sock\"\n"
            "b.toml:4:10: route in [model.m] names the upstream \"hostde\", which there is not; did you mean \"hosted\"?\n"
            "b.toml:6:12: base_url in [upstream.hosted] must be a URL such as \"https://api.example.com/v1\" or \"unix:/run/llm.sock:/v1\", without user, "
            "query or fragment\n");
}

struct BadCase {
  const char* toml;
  const char* part;
};
class Refused : public testing::TestWithParam<BadCase> {};
TEST_P(Refused, WithAMessageThatHelps) { EXPECT_NE(bad(GetParam().toml).find(GetParam().part), std::string::npos) << bad(GetParam().toml); }

#define UPSTREAM "[upstream.u]\nbase_url = \"http://u/v1\"\n"
INSTANTIATE_TEST_SUITE_P(
    Config, Refused,
    testing::Values(BadCase{"a = 1\na = 2", "b.toml:2:"}, BadCase{"listen = ", "b.toml:1:"}, BadCase{"drain_timeout = 5", "must be a time such as"},
                    BadCase{"drain_timeout = \"5\"", "must be a time such as"}, BadCase{"[limits]\nrequest_bytes = \"1\"", "must be a size such as"},
                    BadCase{"[limits]\nhead_timeout = \"0s\"", "at least 1 ms"}, BadCase{"[upstream.u]\n", "needs base_url"},
                    BadCase{"[upstream.u]\nbase_url = \"http://u\"\napi_key = \"sk-plain\"", "does not belong into this file"},
                    BadCase{"[upstream.u]\nbase_url = \"http://u\"\napi_key = { env = \"NONE\" }", "variable NONE, which is not set"},
                    BadCase{"[upstream.u]\nbase_url = \"http://u\"\napi_key = { env = \"KEY\", file = \"x\" }", "either env or file"},
                    BadCase{"[upstream.u]\nbase_url = \"http://u\"\ndialect = \"vlm\"", "did you mean \"vllm\"?"},
                    BadCase{"[upstream.\"a b\"]\nbase_url = \"http://u\"", "letters, digits"},
                    BadCase{"[upstream.u]\nbase_url = \"http://me:pw@u\"", "without user"}, BadCase{UPSTREAM "[model.m]\n", "needs a route"},
                    BadCase{UPSTREAM "[model.m]\nroute = []", "array of 1 to 16"},
                    BadCase{UPSTREAM "[model.m]\nroute = [\"u\"]\nprice = { input = 0.42, output = \"1\" }", "decimal string"},
                    BadCase{UPSTREAM "[model.m]\nroute = [\"u\"]\nprice = { input = \"0.42\" }", "needs input and output"},
                    BadCase{UPSTREAM "[model.m]\nroute = [\"u\"]\nprice = { input = \"0.0000000001\", output = \"1\" }", "nine decimal places"},
                    BadCase{UPSTREAM "[model.m]\nroute = [\"u\"]\naliases = [\"x\"]\n[model.x]\nroute = [\"u\"]", "is taken by model"},
                    BadCase{UPSTREAM "[model.m]\nroute = [{ upstream = \"u\", request = { model = \"x\" } }]", "cannot set model"},
                    BadCase{UPSTREAM "[model.m]\nroute = [{ upstream = \"u\", request = { d = 2026-01-01 } }]", "has no JSON form"},
                    BadCase{UPSTREAM "retries = 6", "between 0 and 5"}, BadCase{UPSTREAM "retry_budget = \"20\"", "must be a share"},
                    BadCase{UPSTREAM "breaker = { open_for = \"5s\", open_for_max = \"4s\" }", "is below open_for"},
                    BadCase{UPSTREAM "breaker = { failure = 5 }", "did you mean failures?"}, BadCase{UPSTREAM "breaker = { rate = \"101%\" }", "from \"0%\""},
                    BadCase{UPSTREAM "concurrency = { adaptive = true }", "needs max"},
                    BadCase{UPSTREAM "concurrency = { max = 1, adaptive = 1 }", "true or false"},
                    BadCase{UPSTREAM "min_rate = { over = \"30s\" }", "needs tokens"}, BadCase{UPSTREAM "probe = {}", "needs every"},
                    BadCase{UPSTREAM "probe = { every = \"10ms\" }", "at least 1000 ms"},
                    BadCase{UPSTREAM "[model.m]\nroute = [\"u\"]\nhedge = { percentile = 100 }", "between 50 and 99"},
                    BadCase{UPSTREAM "[model.m]\nroute = [\"u\"]\nhedge = { extra = \"0%\" }", "from \"1%\""},
                    BadCase{UPSTREAM "[model.m]\nroute = [\"u\"]\nrescue = \"on\"", "true or false"},
                    BadCase{UPSTREAM "[model.m]\nroute = [{ upstream = \"u\", for = \"context\" }]", "there is only context_too_long"},
                    BadCase{UPSTREAM "[model.m]\nroute = [{ upstream = \"u\", for = \"context_too_long\" }]", "one for every request"},
                    BadCase{"[tls]\ncertificate = \"c\"", "[tls] needs"}, BadCase{"[compat]\nunknown_model_status = 403", "takes 400 and 404"},
                    BadCase{"[compat]\nunknown_model_status = 200", "takes 400 and 404"}));

TEST(Config, ReadsThePoliciesOfResilience) {
  const Config config = good(R"(
[upstream.hosted]
base_url = "https://api.deepseek.com/v1"
retries = 1
retry_budget = "10%"
retry_after_max = "3s"
breaker = { failures = 3, rate = "30%", open_for = "2s", open_for_max = "30s" }
concurrency = { max = 64, adaptive = true, queue = 10, queue_for = "1s" }
min_rate = { tokens = 2, over = "20s" }
probe = { every = "10s" }
[upstream.long]
base_url = "http://long/v1"
breaker = { open_for = "10s" }
[model.m]
route = [{ upstream = "hosted", weight = 3 }, { upstream = "long", for = "context_too_long" }]
policy = "least_outstanding"
hedge = { percentile = 90, extra = "2%" }
rescue = false
deadline = "1m"
[model.n]
route = ["hosted"]
hedge = {}
)");
  ASSERT_EQ(config.upstreams.size(), 2U);
  const catalog::Upstream& hosted = config.upstreams[0];
  EXPECT_EQ(hosted.retry, (catalog::Retry{.retries = 1, .budget_percent = 10, .after_max = std::chrono::seconds(3)}));
  EXPECT_EQ(hosted.breaker, (catalog::BreakerPolicy{3, 30, std::chrono::seconds(2), std::chrono::seconds(30)}));
  EXPECT_EQ(hosted.concurrency, (catalog::ConcurrencyPolicy{64, true, 10, std::chrono::seconds(1)}));
  EXPECT_EQ(hosted.min_rate, (catalog::MinRate{2, std::chrono::seconds(20)}));
  EXPECT_EQ(hosted.probe_every, std::chrono::seconds(10));
  EXPECT_EQ(config.upstreams[1].retry, catalog::Retry{});
  EXPECT_EQ(config.upstreams[1].breaker.open_for_max, std::chrono::seconds(10));
  ASSERT_EQ(config.models.size(), 2U);
  const catalog::Model& model = config.models[0];
  EXPECT_EQ(model.policy, catalog::Policy::least_outstanding);
  EXPECT_EQ(model.hedge, (catalog::HedgePolicy{.percentile = 90, .extra_percent = 2}));
  EXPECT_EQ(model.rescue, catalog::Rescue::off);
  EXPECT_EQ(model.deadline, std::chrono::minutes(1));
  EXPECT_EQ(model.route[0].purpose, catalog::Purpose::every_request);
  EXPECT_EQ(model.route[1].purpose, catalog::Purpose::context_too_long);
  EXPECT_EQ(config.models[1].hedge, catalog::HedgePolicy{});
  EXPECT_EQ(config.models[1].policy, catalog::Policy::ordered);
}

TEST(Config, TellsWhereAPolicyIsWrong) {
  EXPECT_EQ(bad(UPSTREAM "retry_budget = 0.2\n"), "b.toml:3:16: retry_budget in [upstream.u] must be a share from \"0%\" to \"100%\"\n");
  EXPECT_EQ(bad(UPSTREAM "breaker = { failures = -1 }\n"), "b.toml:3:24: failures in breaker in [upstream.u] must be between 0 and 1000000\n");
  EXPECT_EQ(
      bad(UPSTREAM "[model.m]\nroute = [\"u\"]\npolicy = \"wieghted\"\n"),
      "b.toml:5:10: policy in [model.m] cannot be \"wieghted\"; did you mean \"weighted\"?; there are ordered, weighted, least_outstanding and affinity\n");
}

TEST(Config, NeverRepeatsASecret) { EXPECT_EQ(bad("[upstream.u]\nbase_url = \"http://u\"\napi_key = \"sk-plain\"").find("sk-plain"), std::string::npos); }

TEST(Units, TakeANumberAndAUnit) {
  EXPECT_EQ(parse_duration("250ms"), std::chrono::milliseconds(250));
  EXPECT_EQ(parse_duration("2h"), std::chrono::hours(2));
  EXPECT_FALSE(parse_duration("1.5s") || parse_duration("s") || parse_duration("-1s") || parse_duration("99999999h") || parse_duration("1 s"));
  EXPECT_EQ(parse_bytes("32MiB"), 33'554'432U);
  EXPECT_FALSE(parse_bytes("32") || parse_bytes("2TiB") || parse_bytes("18446744073709551615GiB"));
}

TEST(Urls, AreTakenApart) {
  const auto v6 = parse_url("http://[::1]:8000/v1/");
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->host, "::1");
  EXPECT_EQ(v6->port, 8000);
  EXPECT_EQ(v6->path, "/v1");
  const auto socket = parse_url("unix:/run/llm.sock:/v1");
  ASSERT_TRUE(socket);
  EXPECT_EQ(socket->host, "/run/llm.sock");
  EXPECT_EQ(socket->path, "/v1");
  for (const char* text : {"", "http://", "http://a:0", "http://a:99999", "http://a b", "http://a\r\nx", "http://[::1", "http://a?x=1", "//a", "http://[::1]x"})
    EXPECT_FALSE(parse_url(text)) << text;
}

TEST(ListenAddresses, NeedAPort) {
  EXPECT_EQ(parse_listen("[::1]:0")->host, "::1");
  EXPECT_EQ(parse_listen("localhost:80")->host, "127.0.0.1");
  EXPECT_EQ(parse_listen("unix:/a")->path, "/a");
  EXPECT_FALSE(parse_listen("127.0.0.1") || parse_listen("example.com:80") || parse_listen("unix:") || parse_listen(":80") || parse_listen("127.0.0.1:70000"));
}

TEST(UpstreamFromUrl, AddsThePathThatEveryDialectHas) {
  const auto upstream = upstream_from_url("http://127.0.0.1:8000", 0);
  EXPECT_EQ(std::get<catalog::Upstream>(upstream).base_url.path, "/v1");
  EXPECT_TRUE(std::holds_alternative<Problem>(upstream_from_url("127.0.0.1:8000", 0)));
}

TEST(Config, RefusesForeignCharactersOutsideOfQuotes) {
  EXPECT_NE(bad("listen = \"127.0.0.1:1\"\n[upstream.\xED\x95\x9C]\n").find("b.toml:2:11: "), std::string::npos);
  EXPECT_NE(bad("tyli.\xEF\xB5\xBF = 1").find("b.toml:1:6: "), std::string::npos);
  EXPECT_NE(bad("a = '''x''''' \x01").find("b.toml:1:15: "), std::string::npos);
  EXPECT_NE(bad(std::string_view("a\0b = 1", 7)).find("b.toml:1:2: "), std::string::npos);
}

TEST(Config, SaysSoWhereTheParserGivesUp) { EXPECT_NE(bad("[#x]\na = 1\n[a{ b = 1 }]\n"), ""); }

TEST(Config, TakesAnyLanguageInQuotesAndComments) {
  const Config config = good(
      "# \xED\x95\x9C\xEA\xB8\x80 \"\n[upstream.a]\ndialect = \"vllm\"\nbase_url = \"http://h/v1\" # '\n"
      "[model.\"\xED\x95\x9C\"]\nroute = [{ upstream = 'a', model = \"\"\"x\\\"\xED\x95\x9C\"\"\"\" }]\n");
  ASSERT_EQ(config.models.size(), 1U);
  EXPECT_EQ(config.models[0].id, "\xED\x95\x9C");
}

}  // namespace
}  // namespace bellwether::config
