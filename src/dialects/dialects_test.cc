#include <gtest/gtest.h>

#include "dialects/dialect.h"
#include "dialects/errors.h"
#include "dialects/events.h"
#include "dialects/secrets.h"

namespace bellwether::dialects {
namespace {

using catalog::DialectName;
using Kind = chat::EventFacts::Kind;

std::string padded(std::string text) {
  text.reserve(text.size() + json::padding);
  return text;
}

std::string body_for(DialectName name, const std::string& given, const catalog::RouteEntry& entry) {
  const std::string body = padded(given);
  json::Reader reader;
  const auto request = chat::read_request(chat::Endpoint::chat_completions, body, reader);
  EXPECT_TRUE(request) << given;
  std::string out;
  dialect_of(name).write_body(*request, entry, reader, out);
  return out;
}

const catalog::RouteEntry plain{.upstream = 0, .model = "m", .weight = 1, .defaults = {}};

TEST(WriteBody, LeavesABodyAloneThatNeedsNothing) {
  const std::string body = R"({ "model":"m" , "messages":[1],"big":123456789012345678901234567890,"e":"\u00e9"} )";
  EXPECT_EQ(body_for(DialectName::openai, body, plain), body);
}

TEST(WriteBody, NamesTheModelAsTheUpstreamDoes) {
  EXPECT_EQ(body_for(DialectName::vllm, R"({"model":"m","messages":[1]})", {.upstream = 0, .model = "org/X", .weight = 1, .defaults = {}}),
            R"({"model":"org/X","messages":[1]})");
}

TEST(WriteBody, AsksForUsageOfStreams) {
  EXPECT_EQ(body_for(DialectName::openai, R"({"model":"m","messages":[1],"stream":true})", plain),
            R"({"model":"m","messages":[1],"stream":true,"stream_options":{"include_usage":true}})");
  EXPECT_EQ(body_for(DialectName::vllm, R"({"model":"m","messages":[1],"stream":true,"stream_options":null})", plain),
            R"({"model":"m","messages":[1],"stream":true,"stream_options":{"include_usage":true,"continuous_usage_stats":true}})");
  EXPECT_EQ(body_for(DialectName::vllm, R"({"model":"m","messages":[1],"stream":true,"stream_options":{"include_usage":false,"x":1}})", plain),
            R"({"model":"m","messages":[1],"stream":true,"stream_options":{"include_usage":true,"x":1,"continuous_usage_stats":true}})");
  EXPECT_EQ(body_for(DialectName::deepseek, R"({"model":"m","messages":[1],"stream":true,"stream_options":{}})", plain),
            R"({"model":"m","messages":[1],"stream":true,"stream_options":{"include_usage":true}})");
}

TEST(WriteBody, AddsARoutesDefaultsWhereTheCallerSetNothing) {
  const catalog::RouteEntry entry{.upstream = 0, .model = "m", .weight = 1, .defaults = {{"thinking", R"({"type":"disabled"})"}, {"top_k", "5"}}};
  EXPECT_EQ(body_for(DialectName::deepseek, R"({"model":"m","messages":[1],"top_k":7})", entry),
            R"({"model":"m","messages":[1],"top_k":7,"thinking":{"type":"disabled"}})");
}

std::string continuation_for(DialectName name, const std::string& given, const chat::Unfinished& unfinished, const catalog::RouteEntry& entry = plain) {
  const std::string body = padded(given);
  json::Reader reader;
  const auto request = chat::read_request(chat::Endpoint::chat_completions, body, reader);
  EXPECT_TRUE(request) << given;
  std::string out;
  dialect_of(name).write_continuation(*request, entry, unfinished, reader, out);
  return out;
}

TEST(WriteContinuation, SaysItAsEachUpstreamWantsToHearIt) {
  const std::string body = R"({ "messages": [ {"role":"user","content":"\u00e9"} ] , "model":"m"})";
  const chat::Unfinished unfinished{.text = "양 \"a\"\n1", .tokens = 4, .reasoned = false};
  EXPECT_EQ(
      continuation_for(DialectName::vllm, body, unfinished),
      R"({ "messages": [ {"role":"user","content":"\u00e9"} ,{"role":"assistant","content":"양 \"a\"\n1"}] , "model":"m","add_generation_prompt":false,"continue_final_message":true})");
  EXPECT_EQ(continuation_for(DialectName::llama_server, body, unfinished),
            R"({ "messages": [ {"role":"user","content":"\u00e9"} ,{"role":"assistant","content":"양 \"a\"\n1"}] , "model":"m"})");
  EXPECT_EQ(
      continuation_for(DialectName::deepseek, body, unfinished),
      R"({ "messages": [ {"role":"user","content":"\u00e9"} ,{"role":"assistant","content":"양 \"a\"\n1","prefix":true}] , "model":"m","thinking":{"type":"disabled"}})");
  EXPECT_EQ(dialect_of(DialectName::openai).prefill(), Prefill::none);
}

TEST(WriteContinuation, OverridesWhatTheCallerSaidAgainstIt) {
  EXPECT_EQ(continuation_for(DialectName::vllm, R"({"add_generation_prompt":true,"continue_final_message":null,"model":"m","messages":[1]})", {.text = "a"}),
            R"({"add_generation_prompt":false,"continue_final_message":true,"model":"m","messages":[1,{"role":"assistant","content":"a"}]})");
  EXPECT_EQ(continuation_for(DialectName::deepseek, R"({"thinking":{"type":"enabled"},"model":"m","messages":[1]})", {.text = "a"}),
            R"({"thinking":{"type":"disabled"},"model":"m","messages":[1,{"role":"assistant","content":"a","prefix":true}]})");
}

TEST(WriteContinuation, TakesWhatWasUsedUpOffEveryBound) {
  EXPECT_EQ(continuation_for(DialectName::llama_server, R"({"max_tokens":10,"max_completion_tokens":20,"min_tokens":3,"model":"m","messages":[1]})",
                             {.text = "a", .tokens = 5}),
            R"({"max_tokens":5,"max_completion_tokens":15,"min_tokens":0,"model":"m","messages":[1,{"role":"assistant","content":"a"}]})");
  const catalog::RouteEntry entry{.upstream = 0, .model = "x", .weight = 1, .defaults = {{"max_tokens", "64"}, {"top_k", "5"}}};
  EXPECT_EQ(continuation_for(DialectName::llama_server, R"({"max_tokens":null,"model":"m","messages":[1]})", {.text = "a", .tokens = 5}, entry),
            R"({"max_tokens":null,"model":"x","messages":[1,{"role":"assistant","content":"a"}],"top_k":5})");
  EXPECT_EQ(continuation_for(DialectName::llama_server, R"({"model":"m","messages":[1]})", {.text = "a", .tokens = 5}, entry),
            R"({"model":"x","messages":[1,{"role":"assistant","content":"a"}],"max_tokens":59,"top_k":5})");
}

TEST(WriteContinuation, SwitchesThinkingOffThatIsOver) {
  const chat::Unfinished thought{.text = "a", .tokens = 5, .reasoned = true};
  EXPECT_EQ(
      continuation_for(DialectName::vllm, R"({"chat_template_kwargs":{"enable_thinking":true,"x":1},"model":"m","messages":[1]})", thought),
      R"({"chat_template_kwargs":{"enable_thinking":false,"x":1},"model":"m","messages":[1,{"role":"assistant","content":"a"}],"add_generation_prompt":false,"continue_final_message":true})");
  EXPECT_EQ(continuation_for(DialectName::llama_server, R"({"model":"m","messages":[1]})", thought),
            R"({"model":"m","messages":[1,{"role":"assistant","content":"a"}],"chat_template_kwargs":{"enable_thinking":false}})");
}

TEST(WriteContinuation, AsksForUsageOfStreamsToo) {
  EXPECT_EQ(
      continuation_for(DialectName::vllm, R"({"model":"m","messages":[1],"stream":true})", {.text = "a"}),
      R"({"model":"m","messages":[1,{"role":"assistant","content":"a"}],"stream":true,"stream_options":{"include_usage":true,"continuous_usage_stats":true},"add_generation_prompt":false,"continue_final_message":true})");
}

TEST(ContinuationPath, IsDeepSeeksBetaWhateverTheBase) {
  const Dialect& deepseek = dialect_of(DialectName::deepseek);
  for (const char* base : {"", "/", "/v1", "/v1/", "/beta", "/beta/v1"}) EXPECT_EQ(deepseek.continuation_path(base), "/beta/chat/completions") << base;
  EXPECT_EQ(deepseek.continuation_path("/ds/v1"), "/ds/beta/chat/completions");
  EXPECT_EQ(dialect_of(DialectName::vllm).continuation_path("/v1"), "/v1/chat/completions");
}

struct ErrorCase {
  int status;
  const char* body;
  Reason reason;
  int http_status;
  const char* code;
};

TEST(Errors, MeanTheSameWhoeverWordsThem) {
  const ErrorCase cases[] = {
      {401, R"({"error":"Unauthorized"})", Reason::upstream_denied_us, 0, ""},
      {402, R"({"error":{"message":"Insufficient Balance","type":"unknown_error","param":null,"code":"invalid_request_error"}})", Reason::upstream_denied_us, 0,
       ""},
      {403, "", Reason::upstream_denied_us, 0, ""},
      {404, R"({"object":"error","message":"The model `foo` does not exist.","type":"NotFoundError","param":null,"code":404})", Reason::upstream_lacks_model, 0,
       ""},
      {404, R"({"error":{"message":"The model `foo` does not exist.","type":"NotFoundError","param":"model","code":404}})", Reason::upstream_lacks_model, 0,
       ""},
      {400, R"({"error":{"message":"Model Not Exist","type":"invalid_request_error","param":null,"code":"invalid_request_error"}})",
       Reason::upstream_lacks_model, 0, ""},
      {404, R"({"detail":"Not Found"})", Reason::upstream_broken, 0, ""},
      {429, R"({"error":{"message":"slow down","type":"requests","code":"rate_limit_exceeded"}})", Reason::upstream_busy, 0, ""},
      {429, R"({"error":{"message":"no money","type":"insufficient_quota","code":"insufficient_quota"}})", Reason::upstream_denied_us, 0, ""},
      {500, "", Reason::upstream_down, 0, ""},
      {502, "<html><body>Bad Gateway</body></html>", Reason::upstream_down, 0, ""},
      {503, R"({"error":{"message":"Loading model","type":"unavailable_error","code":503}})", Reason::upstream_loading, 0, ""},
      {503, R"({"error":"The model is currently scaling. Please try again later."})", Reason::upstream_loading, 0, ""},
      {503, R"({"error":{"message":"Service is too busy.","type":"service_unavailable_error"}})", Reason::upstream_down, 0, ""},
      {400, R"({"error":{"message":"Content Exists Risk","type":"invalid_request_error","param":null,"code":"invalid_request_error"}})",
       Reason::content_filtered, 400, "content_filter"},
      {400, R"({"error":{"message":"The prompt was refused by the content filter.","type":"BadRequestError","code":400}})", Reason::content_filtered, 400,
       "content_filter"},
      {400, R"({"error":{"message":"Your request was rejected.","type":"image_generation_user_error","code":"content_policy_violation"}})",
       Reason::content_filtered, 400, "content_policy_violation"},
      {307, "", Reason::upstream_broken, 0, ""},
      {422, R"({"error":{"message":"Invalid Parameters","type":"invalid_request_error","param":"top_p","code":"invalid_value"}})", Reason::upstream_refused,
       400, "invalid_value"},
      {400, R"({"error":{"message":"bad grammar","type":"BadRequestError","param":null,"code":400}})", Reason::upstream_refused, 400, ""},
      {400, R"([{"error":{"code":400,"message":"nope","status":"INVALID_ARGUMENT"}}])", Reason::upstream_refused, 400, ""},
      {413, "too big", Reason::upstream_refused, 413, ""},
  };
  for (const ErrorCase& given : cases) {
    json::Reader reader;
    const Failure failure = dialect_of(DialectName::openai).read_refusal(given.status, padded(given.body), reader);
    EXPECT_EQ(failure.reason, given.reason) << given.status << " " << given.body;
    EXPECT_EQ(failure.http_status, given.http_status) << given.body;
    EXPECT_EQ(failure.code, given.code) << given.body;
  }
}

TEST(Errors, KnowTheContextLengthInEveryonesWords) {
  const char* const messages[] = {
      "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (4500 in the messages, 500 in the completion). Please reduce the "
      "length of the messages or completion.",
      "This model's maximum context length is 4096 tokens. However, you requested 4500 tokens in the messages, Please reduce the length of the messages.",
      "This model's maximum context length is 4096 tokens. However, your request has 4500 input tokens. Please reduce the length of the input messages.",
      "'max_tokens' or 'max_completion_tokens' is too large: 500. This model's maximum context length is 4096 tokens and your request has 4000 input tokens "
      "(500 > 4096 - 4000).",
      "This model's maximum context length is 4096 tokens. However, you requested 500 output tokens and your prompt contains at least 4000 input tokens, for a "
      "total of at least 4500 tokens. Please reduce the length of the input prompt or the number of requested output tokens.",
      "The decoder prompt (length 5000) is longer than the maximum model length of 4096. Make sure that ...",
      "request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it",
  };
  for (const char* message : messages) {
    json::Reader reader;
    const std::string body = R"({"error":{"message":)" + json::quote(message) + R"(,"type":"BadRequestError","param":null,"code":400}})";
    const Failure failure = dialect_of(DialectName::vllm).read_refusal(400, padded(body), reader);
    EXPECT_EQ(failure.reason, Reason::context_too_long) << message;
    EXPECT_EQ(failure.about.text, message);
    EXPECT_EQ(failure.http_status, 400);
  }
}

TEST(Errors, OfAContinuationNeverPassForTheCallers) {
  const auto meant = [](int status, const char* message) {
    json::Reader reader;
    const std::string body = R"({"error":{"message":)" + json::quote(message) + R"(,"type":"BadRequestError"}})";
    return dialect_of(DialectName::vllm).read_refused_continuation(status, padded(body), reader);
  };
  for (const auto& [status, message] : {std::pair{400, "Cannot set both `continue_final_message` and `add_generation_prompt` to True."},
                                        {400, "Cannot have 2 or more assistant messages at the end of the list."},
                                        {400, "This model's maximum context length is 4096 tokens."},
                                        {404, "Not Found"},
                                        {422, "unknown field prefix"}}) {
    const Failure failure = meant(status, message);
    EXPECT_EQ(failure.reason, Reason::cannot_continue) << message;
    EXPECT_TRUE(failure.about.text.empty()) << message;
    EXPECT_EQ(failure.http_status, 0) << message;
    EXPECT_EQ(meaning_of(failure.reason).next, Next::elsewhere);
  }
  EXPECT_EQ(meant(429, "slow down").reason, Reason::upstream_busy);
  EXPECT_EQ(meant(503, "Loading model").reason, Reason::upstream_loading);
  EXPECT_EQ(meant(401, "").reason, Reason::upstream_denied_us);
}

TEST(Errors, NeverRepeatAKey) {
  json::Reader reader;
  const Failure failure =
      dialect_of(DialectName::openai).read_refusal(401, padded(R"({"error":{"message":"Incorrect API key provided: sk-abcdefgh12345678. You can"}})"), reader);
  EXPECT_EQ(failure.detail.text.str().find("abcdefgh"), std::string::npos) << failure.detail.text.str();
}

TEST(Secrets, OfAKeyNoPieceIsLeft) {
  const std::string key = "sk-proj-abcDEF0123456789zyx";
  EXPECT_EQ(without_key("Incorrect API key provided: " + key + ". Find yours.", key), "Incorrect API key provided: …. Find yours.");
  EXPECT_EQ(without_key("key abcDEF0123456 and F0123456789zyx", key), "key … and …");
  EXPECT_EQ(without_key("key sk-pr*****9zyx", key), "key sk-pr*****9zyx");  // As vendors mask it.
  EXPECT_EQ(without_key("no key here", key), "no key here");
  EXPECT_EQ(without_key("the secret is s3cr", "s3cr"), "the secret is …");
  EXPECT_EQ(without_key("the x of it", "x"), "the x of it");
  EXPECT_EQ(without_key("nothing", ""), "nothing");
}

TEST(Secrets, AddressesAreNobodysBusiness) {
  const catalog::Url own{.host = "vllm-0.gpu.example.com", .port = 8000, .path = "/v1"};
  const std::pair<const char*, const char*> cases[] = {
      {"cannot reach http://10.0.0.5:8000/v1/models now", "cannot reach [address] now"},
      {"HTTPConnectionPool(host='10.0.0.5', port=8000): Max retries", "HTTPConnectionPool(host='[address]', port=8000): Max retries"},
      {"connect to 192.168.1.7:443 failed.", "connect to [address] failed."},
      {"at 10.0.0.5.", "at [address]."},
      {"at vllm-0.gpu.example.com:8000, port", "at [address], port"},
      {"at VLLM-0.gpu.example.com", "at [address]"},
      {"see https://vllm-0.gpu.example.com/docs", "see [address]"},
      {"postgres://user:secret@db.example.com/x is down", "[address] is down"},
      {"worker http://worker-3:9000/generate", "worker [address]"},
      {"dial [fd00::1]:8000 or fe80::1 or ::1", "dial [address] or [address] or [address]"},
      {"http://[fd00::1]:8000/v1", "[address]"},
      {"lookup db.prod.svc.cluster.local: no host", "lookup [address]: no host"},
      {"localhost:8000 refused", "[address] refused"},
      // What stays: public pages, versions, times, code, plain words.
      {"You can find your API key at https://platform.openai.com/account/api-keys.",
       "You can find your API key at https://platform.openai.com/account/api-keys."},
      {"vllm 0.10.1 at 12:34:56, line 3:15, std::vector, error:500", "vllm 0.10.1 at 12:34:56, line 3:15, std::vector, error:500"},
      {"max_tokens: 5.5.5 (1.2.3.256)", "max_tokens: 5.5.5 (1.2.3.256)"},
      {"한국어 10.0.0.5:1 …", "한국어 [address] …"},
      {"", ""},
  };
  for (const auto& [text, shown] : cases) EXPECT_EQ(without_addresses(text, own), shown);
  const catalog::Url container{.host = "vllm", .port = 8000};
  EXPECT_EQ(without_addresses("vllm says: host='vllm', vllm:8000, http://vllm/v1", container), "vllm says: host='[address]', [address], [address]");
  const catalog::Url socket{.scheme = catalog::Url::Scheme::unix_socket, .host = "/run/vllm.sock"};
  EXPECT_EQ(without_addresses("no /run/vllm.sock, no 10.0.0.1", socket), "no [address], no [address]");
}

TEST(Secrets, AreHiddenInAllThatAFailureSays) {
  const catalog::Upstream upstream{.name = "u", .base_url = {.host = "10.0.0.5", .port = 8000}, .api_key = "k-0123456789abcdef"};
  json::Reader reader;
  Failure failure =
      dialect_of(DialectName::vllm)
          .read_refusal(
              400,
              padded(R"({"error":{"message":"k-0123456789abcdef at http://10.0.0.5:8000 is wrong","param":"k-0123456789abcdef","code":"k-0123456789abcdef"}})"),
              reader);
  hide_secrets(failure, upstream);
  EXPECT_EQ(failure.about.text, "… at [address] is wrong");
  EXPECT_EQ(failure.detail.text, "status 400: code …, param …");
  EXPECT_EQ(failure.param, "…");
  EXPECT_EQ(failure.code, "…");
}

/// What vLLM says of a message without its role, in the shapes of its versions (wire.md §A.3.2): each shows what it was given.
std::vector<std::string> refusals_that_quote(std::string_view content) {
  const std::string quoted(content);
  std::vector<std::string> bodies;
  for (const std::string& message :
       {"[{'type': 'missing', 'loc': ('body', 'messages', 0, 'role'), 'msg': 'Field required', 'input': {'content': '" + quoted + "'}}]",
        "1 validation error for ChatCompletionRequest\nmessages.0.role\n  Field required [type=missing, input_value={'content': '" + quoted +
            "'}, input_type=dict]"})
    bodies.push_back(R"({"error":{"message":)" + json::quote(message) + R"(,"type":"BadRequestError","param":"messages","code":400}})");
  bodies.push_back(R"({"detail":[{"type":"missing","loc":["body","messages",0,"role"],"msg":"Field required","input":{"content":)" + json::quote(quoted) +
                   "}}]}");
  return bodies;
}

TEST(Errors, AreNotWhatACallerWrote) {
  json::Reader reader;
  for (const char* content : {"the model was not found", "my 3D model does not exist", "Model Not Exist", "prompt is too long", "content filter"}) {
    for (const std::string& body : refusals_that_quote(content)) {
      const Failure failure = dialect_of(DialectName::vllm).read_refusal(400, padded(body), reader);
      EXPECT_EQ(failure.reason, Reason::upstream_refused) << body;
      EXPECT_NE(failure.about.text.str().find(content), std::string::npos);                                // The caller may see what was wrong with it,
      EXPECT_EQ(failure.detail.text.str().find(content), std::string::npos) << failure.detail.text.str();  // but it is in no log.
    }
  }
  const std::string invalid = padded(R"({"error":{"message":"Invalid value: 'the model was not found'.","type":"invalid_request_error"}})");
  EXPECT_EQ(dialect_of(DialectName::openai).read_refusal(400, invalid, reader).reason, Reason::upstream_refused);
  // Nor in that of a failure which is the upstream's own.
  const std::string down = padded(R"({"error":{"message":"cannot handle {'input': 'my secret'}","code":500}})");
  EXPECT_EQ(dialect_of(DialectName::vllm).read_refusal(500, down, reader).detail.text, "status 500: cannot handle {");
}

TEST(Errors, OfAModelThatIsMissing) {
  json::Reader reader;
  const auto meant = [&](int status, const char* message) {
    return dialect_of(DialectName::vllm).read_refusal(status, padded(R"({"error":{"message":)" + json::quote(message) + "}}"), reader).reason;
  };
  for (const char* message : {"The model `m` does not exist.", "The model `m` does not exist or you do not have access to it.", "Model Not Exist",
                              "model 'm' not found, try pulling it first", "model \"m\" not found"}) {
    EXPECT_EQ(meant(400, message), Reason::upstream_lacks_model) << message;
    EXPECT_EQ(meant(404, message), Reason::upstream_lacks_model) << message;
  }
  EXPECT_EQ(meant(404, "error: no model named m, not found"), Reason::upstream_lacks_model);
}

TEST(Errors, OfJsonThatWasCutSayNothing) {
  json::Reader reader;
  for (const char* body : {R"({"error":{"message":"a b)", R"([{"error":)", "<html>"})
    EXPECT_EQ(dialect_of(DialectName::vllm).read_refusal(400, padded(body), reader).about.text, "") << body;
}

TEST(Errors, BoundAMessage) {
  json::Reader reader;
  const std::string x(10'000, 'x');
  const std::string body = padded(R"({"error":{"message":")" + x + R"(","param":")" + x + R"(","code":")" + x + R"("}})");
  const Failure failure = dialect_of(DialectName::openai).read_refusal(400, body, reader);
  for (const RareText* text : {&failure.about.text, &failure.param, &failure.code}) EXPECT_LT(text->str().size(), 2'100U);
}

chat::EventFacts event(const std::string& data) {
  json::Reader reader;
  static std::string kept;
  kept = padded(data);
  return dialect_of(DialectName::openai).read_event(kept, reader);
}

TEST(Events, AreKnownByWhatTheyCarry) {
  EXPECT_EQ(event("[DONE]").kind, Kind::done);
  EXPECT_EQ(event(" [DONE] ").kind, Kind::done);
  EXPECT_EQ(event("{\"x\":").kind, Kind::broken);
  EXPECT_EQ(event("hello").kind, Kind::broken);
  EXPECT_EQ(event(R"({"error":null,"choices":[{"delta":{}}]})").kind, Kind::delta);
  EXPECT_EQ(event(R"({"object":"x"})").kind, Kind::other);
  EXPECT_EQ(event(R"({"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}})").kind, Kind::usage);
  EXPECT_EQ(event(R"({"choices":[],"usage":null})").kind, Kind::other);
}

TEST(Events, TellContentFromARole) {
  EXPECT_FALSE(event(R"({"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]})").first_token);
  EXPECT_FALSE(event(R"({"choices":[{"delta":{"role":"assistant","content":null,"tool_calls":[]}}]})").first_token);
  EXPECT_TRUE(event(R"({"choices":[{"delta":{"content":"a"}}]})").first_token);
  EXPECT_TRUE(event(R"({"choices":[{"delta":{"reasoning":"a"}}]})").first_token);
  EXPECT_TRUE(event(R"({"choices":[{"delta":{"reasoning_content":"a","content":null}}]})").first_token);
  EXPECT_TRUE(event(R"({"choices":[{"text":"a"}]})").first_token);
  const chat::EventFacts call = event(R"({"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"a"}}]}}]})");
  EXPECT_TRUE(call.first_token);
  EXPECT_TRUE(call.in_tool_call);
}

TEST(Events, TellWhatFollowingAStreamNeeds) {
  chat::EventFacts facts = event(R"({"choices":[{"index":0,"delta":{"role":"assistant","content":"a\u00e9"},"logprobs":null}]})");
  EXPECT_EQ(facts.text_raw, R"("a\u00e9")");
  EXPECT_EQ(facts.role_raw, R"("assistant")");
  EXPECT_EQ(facts.role_key_raw, R"("role")");
  EXPECT_TRUE(facts.text);
  EXPECT_FALSE(facts.reasoning || facts.refusal || facts.logprobs || facts.other_choice);
  EXPECT_FALSE(event(R"({"choices":[{"index":0,"delta":{"content":""}}]})").text);
  EXPECT_EQ(event(R"({"choices":[{"text":"a"}]})").text_raw, R"("a")");
  EXPECT_TRUE(event(R"({"choices":[{"delta":{"reasoning":"a","content":null}}]})").reasoning);
  EXPECT_TRUE(event(R"({"choices":[{"delta":{"refusal":"no"}}]})").refusal);
  EXPECT_TRUE(event(R"({"choices":[{"delta":{"content":"a"},"logprobs":{"content":[]}}]})").logprobs);
  EXPECT_TRUE(event(R"({"choices":[{"index":1,"delta":{"content":"a"}}]})").other_choice);
  EXPECT_TRUE(event(R"({"choices":[{"index":0,"delta":{"content":"a"}},{"delta":{"content":""}}]})").other_choice);
}

TEST(Events, AreNotFooledByText) {
  const chat::EventFacts facts = event(R"({"choices":[{"delta":{"content":"\"}],\"finish_reason\":\"stop\",\"error\":{"},"finish_reason":null}],"model":"x"})");
  EXPECT_FALSE(facts.finished);
  EXPECT_EQ(facts.kind, Kind::delta);
  EXPECT_EQ(facts.model_raw, "\"x\"");
}

TEST(Events, AreTextOrBroken) {
  json::Reader reader;
  for (const char* bad : {"\xff", "\xec\x96", "\xed\xa0\x80"}) {
    std::string data = R"({"choices":[{"index":0,"delta":{"content":")" + std::string(bad) + R"("}}]})";
    data.reserve(data.size() + json::padding);
    const chat::EventFacts facts = read_event(data, reader);
    EXPECT_EQ(facts.kind, chat::EventFacts::Kind::broken);
    ASSERT_TRUE(facts.failure);
    EXPECT_EQ(facts.failure->reason, Reason::upstream_broken);
    const auto reply = dialect_of(DialectName::openai).read_reply(chat::Endpoint::chat_completions, data, reader);
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().reason, Reason::upstream_broken);
  }
}

TEST(Events, KnowTheEnd) {
  EXPECT_TRUE(event(R"({"choices":[{"delta":{},"finish_reason":"stop"}]})").finished);
  EXPECT_TRUE(event(R"({"choices":[{"delta":{},"finish_reason":"insufficient_system_resource"}]})").interrupted);
  EXPECT_FALSE(event(R"({"choices":[{"delta":{},"finish_reason":"length"}]})").interrupted);
}

TEST(Events, CarryUsageInEveryPlace) {
  const chat::EventFacts last = event(
      R"({"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":120,"completion_tokens":80,"prompt_cache_hit_tokens":64,"completion_tokens_details":{"reasoning_tokens":50}}})");
  EXPECT_EQ(last.kind, Kind::delta);
  EXPECT_EQ(last.usage, (metering::Usage{120, 64, 80, 50, metering::Basis::reported, false}));
  const chat::EventFacts running = event(R"({"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":9,"completion_tokens":1}})");
  EXPECT_EQ(running.usage->basis, metering::Basis::running);
  EXPECT_EQ(event(R"({"choices":[{"delta":{}}],"usage":null})").usage, std::nullopt);
}

TEST(Events, ReportFailures) {
  EXPECT_EQ(event(R"({"error":{"message":"x","type":"BadRequestError","code":400}})").failure->reason, Reason::upstream_refused);
  EXPECT_EQ(event(R"({"error":{"message":"x","code":500}})").failure->reason, Reason::upstream_down);
  EXPECT_EQ(event(R"({"error":"gone"})").failure->reason, Reason::upstream_down);
}

TEST(Usage, FlagsWhatCannotBe) {
  const auto usage = read_usage(padded(R"({"prompt_tokens":-5,"completion_tokens":3})"), metering::Basis::reported);
  EXPECT_TRUE(usage->absurd);
  EXPECT_TRUE(read_usage(padded(R"({"prompt_tokens":"many"})"), metering::Basis::reported)->absurd);
}

TEST(Reply, FailsWhereItIsCutOrAnError) {
  json::Reader reader;
  const Dialect& dialect = dialect_of(DialectName::deepseek);
  const auto read = [&](const std::string& body) { return dialect.read_reply(chat::Endpoint::chat_completions, padded(body), reader); };
  EXPECT_EQ(read(R"({"model":"m","choices":[)").error().reason, Reason::upstream_broken);
  EXPECT_EQ(read("").error().reason, Reason::upstream_broken);
  EXPECT_EQ(read(R"({"error":{"message":"x","code":429}})").error().reason, Reason::upstream_busy);
  EXPECT_EQ(read(R"({"error":{"message":"x"}})").error().reason, Reason::upstream_down);
  const auto good = read(
      "\n\n\n"
      R"({"model":"m","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}})");
  ASSERT_TRUE(good);
  EXPECT_EQ(good->usage->output, 2);
}

}  // namespace
}  // namespace bellwether::dialects
