#include <gtest/gtest.h>

#include <set>

#include "parity/check.h"
#include "parity/probe.h"

namespace bellwether::parity {
namespace {

const Check& check_named(std::string_view name) {
  for (const Check& check : checks())
    if (check.name == name) return check;
  throw std::runtime_error("no check " + std::string(name));
}

Said whole(std::string_view text, std::string_view more = "") {
  const std::string body = R"({"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":)" + Body(text).dump() +
                           R"(},"finish_reason":"stop"}])" + std::string(more) + "}";
  return read_answer({.status = 200, .content_type = "application/json", .body = body});
}

Said refused(int status, std::string_view body) { return read_answer({.status = status, .content_type = "application/json", .body = std::string(body)}); }

Said stream(std::vector<std::string> events) { return read_answer({.status = 200, .content_type = "text/event-stream", .events = std::move(events)}); }

// ---- Tables ----

TEST(Parity, EveryCheckNamesProbesThatThereAreAndSaysWhatToDo) {
  std::set<std::string> names;
  for (const Check& check : checks()) {
    EXPECT_TRUE(names.insert(check.name).second) << check.name;
    EXPECT_FALSE(check.advice.empty()) << check.name;
    EXPECT_FALSE(check.probes.empty()) << check.name;
    for (const std::string& probe : check.probes) EXPECT_EQ(probe_named(probe).name, probe);
    // Whatever was not answered is no finding about the endpoint.
    EXPECT_EQ(check.read({}).state, State::unknown) << check.name;
  }
}

TEST(Parity, EveryProbeIsAskedForByACheck) {
  std::set<std::string> wanted;
  for (const Check& check : checks()) wanted.insert(check.probes.begin(), check.probes.end());
  for (const Probe& probe : probes()) EXPECT_TRUE(wanted.contains(probe.name)) << probe.name;
}

TEST(Parity, AllProbesButTheLongestFitTheUsualBudgetTwice) {
  std::uint64_t all = 0;
  for (const Probe& probe : probes())
    if (const auto body = probe.body({})) all += spending_max_of(probe, *body).sum();
  EXPECT_LT(2 * all, 20'000U);
}

// ---- Reading ----

TEST(Answer, PutsAStreamTogether) {
  const Said said =
      stream({R"({"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]})", R"({"choices":[{"index":0,"delta":{"reasoning":"hm"}}]})",
              R"({"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{\"a\""}}]}}]})",
              R"({"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]},"finish_reason":"tool_calls"}]})",
              R"({"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}})", "[DONE]"});
  EXPECT_TRUE(said.is_answer());
  EXPECT_TRUE(said.first_has_role);
  EXPECT_EQ(said.reasoning_field, "reasoning");
  ASSERT_EQ(said.calls.size(), 1U);
  EXPECT_EQ(said.calls[0].arguments, R"({"a":1})");
  EXPECT_EQ(said.call_pieces, 2U);
  EXPECT_TRUE(said.usage_has_own_event);
  EXPECT_TRUE(said.done);
}

TEST(Answer, KnowsTheShapesOfErrors) {
  EXPECT_EQ(refused(404, R"({"error":{"message":"no","type":"NotFoundError","code":404}})").error_shape, "openai");
  EXPECT_EQ(refused(404, R"({"error":{"message":"no","type":"NotFoundError","code":404}})").error_code, "404");
  EXPECT_EQ(refused(401, R"({"error":"Unauthorized"})").error_shape, "text");
  EXPECT_EQ(refused(404, R"({"object":"error","message":"no","code":404})").error_shape, "flat");
  EXPECT_EQ(refused(502, "<html>").error_shape, "none");
  EXPECT_FALSE(stream({R"({"choices":[{"ind)"}).is_answer());
}

TEST(Answer, AnIndexFromOutsideAllocatesNothing) {
  EXPECT_TRUE(stream({R"({"choices":[{"index":0,"delta":{"tool_calls":[{"index":4000000000,"function":{"name":"f"}}]}}]})"}).calls.empty());
  EXPECT_TRUE(stream({R"({"choices":[{"index":0,"delta":{"tool_calls":[{"index":-1,"function":{"name":"f"}}]}}]})"}).calls.empty());
}

TEST(Context, IsFoundInListsAndInRefusals) {
  const auto length_of = [](std::string_view list, std::string_view error) {
    History history;
    Said models;
    models.model = "m";
    models.body = list;
    history.emplace("models", models);
    Said said;
    said.error_message = error;
    history.emplace("huge_max_tokens", said);
    return context_length_of(history);
  };
  EXPECT_EQ(length_of(R"({"data":[{"id":"x","max_model_len":1},{"id":"m","max_model_len":32768}]})", ""), 32768);
  EXPECT_EQ(length_of(R"({"data":[{"id":"m","meta":{"n_ctx":2048}}]})", ""), 2048);
  EXPECT_EQ(length_of(R"({"data":[{"id":"m","max_model_len":null}]})", "This model's maximum context length is 4096 tokens. However,"), 4096);
  EXPECT_EQ(length_of("", "request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it"), 4096);
  EXPECT_EQ(length_of("nonsense", "max_tokens is too large"), std::nullopt);
}

// ---- Checks ----

TEST(Checks, AParameterIsKnownByItsEffect) {
  const Check& temperature = check_named("temperature");
  EXPECT_EQ(temperature.read({{"whole", whole("a")}, {"hot_1", whole("b")}, {"hot_2", whole("c")}}).state, State::works);
  EXPECT_EQ(temperature.read({{"whole", whole("a")}, {"hot_1", whole("a")}, {"hot_2", whole("a")}}).state, State::ignored);
  EXPECT_EQ(temperature.read({{"whole", whole("a")}, {"hot_1", refused(400, R"({"error":{"message":"no"}})")}, {"hot_2", whole("a")}}).state, State::refused);
  const Check& seed = check_named("seed");
  History history{{"hot_1", whole("a")}, {"hot_2", whole("b")}, {"seed_1", whole("c")}, {"seed_2", whole("c")}, {"seed_3", whole("c")}};
  EXPECT_EQ(seed.read(history).state, State::works);
  history.insert_or_assign("seed_3", whole("d"));
  EXPECT_EQ(seed.read(history).state, State::ignored);
  history.insert_or_assign("hot_2", whole("a"));
  EXPECT_EQ(seed.read(history).state, State::unknown);  // Nothing varies: nothing can be seen.
}

TEST(Checks, AStopTextIsOneThatWillCome) {
  const std::string text = "바다는 넓고 깊으며 언제나 새롭다";
  History history{{"korean", whole(text)}};
  const auto piece = stop_piece(history, "korean");
  ASSERT_TRUE(piece);
  const std::size_t at = text.find(*piece);
  ASSERT_NE(at, std::string::npos);
  EXPECT_EQ((*probe_named("stop_korean").body(history))["stop"][0], *piece);
  const Check& stop = check_named("stop_korean");
  const auto value = [&](std::string_view stopped) {
    history.insert_or_assign("stop_korean", whole(stopped));
    return stop.read(history);
  };
  EXPECT_EQ(value(text.substr(0, at)).value, "the stop text is left out");
  EXPECT_EQ(value(text.substr(0, at + piece->size())).value, "the stop text is in the answer");
  EXPECT_EQ(value(text).state, State::ignored);
  EXPECT_EQ(value("무언가 다른").state, State::unknown);
  EXPECT_FALSE(stop_piece({{"korean", whole("aaaaaaaaaaaa")}}, "korean"));  // Nowhere its first occurrence.
}

TEST(Checks, LimitsAreCountedNotBelieved) {
  const Check& check = check_named("max_tokens");
  EXPECT_EQ(check.read({{"max_tokens", whole("a", R"(,"usage":{"prompt_tokens":1,"completion_tokens":2})")}}).state, State::works);
  EXPECT_EQ(check.read({{"max_tokens", whole("a", R"(,"usage":{"prompt_tokens":1,"completion_tokens":30})")}}).state, State::ignored);
  EXPECT_EQ(check.read({{"max_tokens", whole("a")}}).state, State::unknown);
}

TEST(Checks, UsageHasToAddUp) {
  const Check& check = check_named("usage");
  EXPECT_EQ(check.read({{"whole", whole("a", R"(,"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3})")}}).state, State::works);
  EXPECT_EQ(check.read({{"whole", whole("a", R"(,"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":4})")}}).state, State::broken);
  EXPECT_EQ(check.read({{"whole", whole("a", R"(,"usage":{"prompt_tokens":1,"completion_tokens":-5,"total_tokens":-4})")}}).state, State::broken);
}

TEST(Checks, JsonIsParsedNotLookedAt) {
  const Check& schema = check_named("json_schema");
  EXPECT_EQ(schema.read({{"json_schema", whole(R"({"city":"서울","country":"Korea"})")}}).state, State::works);
  EXPECT_EQ(schema.read({{"json_schema", whole(R"({"city":"Paris","country":"France"})")}}).state, State::ignored);
  EXPECT_EQ(schema.read({{"json_schema", whole("Here is {\"city\":\"Seoul\"}")}}).state, State::ignored);
}

// ---- Comparing ----

TEST(Compare, OnlyWhatTheFirstCanAndTheSecondCannotIsWorse) {
  const Check& check = check_named("tools_auto");
  const Finding can{.state = State::works}, refuses{.state = State::refused}, ignores{.state = State::ignored}, unclear{.state = State::unknown};
  EXPECT_EQ(compare(check, can, refuses).verdict, Verdict::refused);
  EXPECT_TRUE(compare(check, can, refuses).is_worse);
  EXPECT_EQ(compare(check, can, ignores).verdict, Verdict::ignored);
  EXPECT_EQ(compare(check, refuses, can).verdict, Verdict::differs);
  EXPECT_FALSE(compare(check, refuses, can).is_worse);
  EXPECT_EQ(compare(check, refuses, refuses).verdict, Verdict::same);
  EXPECT_EQ(compare(check, unclear, refuses).verdict, Verdict::unknown);
}

TEST(Compare, AShorterContextIsWorseALongerOneIsNot) {
  const Check& check = check_named("context");
  const Finding small{.state = State::works, .value = "4096", .numbers = {4096}}, large{.state = State::works, .value = "8192", .numbers = {8192}};
  EXPECT_TRUE(compare(check, large, small).is_worse);
  EXPECT_FALSE(compare(check, small, large).is_worse);
  EXPECT_EQ(compare(check, small, large).verdict, Verdict::differs);
}

TEST(Compare, RatiosHaveAnIntervalOverTheTexts) {
  // Mean 1.1, deviation 0.1, t(2) = 4.303: ± 4.303 × 0.1 / √3 = 0.2484.
  const auto ratio = ratio_of({100, 100, 100}, {100, 110, 120});
  ASSERT_TRUE(ratio);
  EXPECT_NEAR(ratio->value, 1.1, 1e-9);
  EXPECT_NEAR(ratio->low, 1.1 - 0.2484, 1e-3);
  EXPECT_NEAR(ratio->high, 1.1 + 0.2484, 1e-3);
  EXPECT_FALSE(ratio_of({}, {}));
  EXPECT_FALSE(ratio_of({0}, {1}));
}

}  // namespace
}  // namespace bellwether::parity
