#include "parity/probe.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"

namespace bellwether::parity {
namespace {

constexpr std::string_view sea = "Write one sentence about the sea.";
constexpr std::string_view ticking = "Say the word tick again and again.";
constexpr std::string_view weather = "What is the weather in Seoul? Use the tool.";
constexpr std::string_view river = "강에 대해 한 문장을 써 주세요.";
constexpr std::uint64_t usual_tokens = 16;

Body message(std::string_view role, std::string_view text) { return {{"role", role}, {"content", text}}; }

Body chat(std::string_view text, std::uint64_t output_tokens, const Body& more = Body::object()) {
  Body body{{"messages", Body::array({message("user", text)})}, {"max_tokens", output_tokens}};
  body.update(more);
  return body;
}

using BodyMaker = std::function<std::optional<Body>(const History&)>;
BodyMaker always(Body body) {
  return [body = std::move(body)](const History&) { return std::optional(body); };
}

const Said* find(const History& history, std::string_view name) {
  const auto at = history.find(name);
  return at == history.end() ? nullptr : &at->second;
}

Body tool() {
  return Body::parse(
      R"({"type":"function","function":{"name":"get_weather","description":"The weather of a city","parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}})");
}
Body tools(std::string_view choice) {
  Body more{{"tools", Body::array({tool()})}, {"temperature", 0}};
  if (!choice.empty()) more["tool_choice"] = choice;
  return more;
}

Body schema() {
  return Body::parse(
      R"({"type":"json_schema","json_schema":{"name":"city","strict":true,"schema":{"type":"object","properties":{"city":{"type":"string","maxLength":20},"country":{"type":"string","enum":["Korea","Japan"]}},"required":["city","country"],"additionalProperties":false}}})");
}

Body many_stops(int count) {
  Body stops = Body::array();
  for (int i = 0; i < count; ++i) stops.push_back(fmt::format("<<stop {}>>", i));
  return {{"stop", stops}};
}

Body hot(const Body& more = Body::object()) {
  Body body = chat(sea, usual_tokens, {{"temperature", 2.0}});
  body.update(more);
  return body;
}
Body cold(const Body& more = Body::object()) {
  Body body = chat(sea, usual_tokens, {{"temperature", 0}});
  body.update(more);
  return body;
}
Body ticks(const Body& more = Body::object()) {
  Body body = chat(ticking, 32, {{"temperature", 0}});
  body.update(more);
  return body;
}

void add_basics(std::vector<Probe>& all) {
  all.push_back({.name = "models", .shape = Shape::list, .path = "/models", .body = always(Body())});
  all.push_back({.name = "whole", .body = always(cold())});
  all.push_back({.name = "whole_again", .body = always(cold())});
  all.push_back({.name = "stream", .shape = Shape::stream, .body = always(cold({{"stream_options", {{"include_usage", true}}}}))});
  all.push_back({.name = "stream_plain", .shape = Shape::stream, .body = always(chat(sea, 4, {{"temperature", 0}}))});
  all.push_back(
      {.name = "korean", .shape = Shape::stream, .body = always(chat(river, 32, {{"temperature", 0}, {"stream_options", {{"include_usage", true}}}}))});
  // More than any model has room for. Where it is taken all the same, the few tokens that come before we hang up are the cost.
  all.push_back({.name = "huge_max_tokens", .shape = Shape::stream, .events_max = 8, .body = always(chat("Say OK.", 100'000'000))});
  all.push_back({.name = "too_long", .body = [](const History& history) -> std::optional<Body> {
                   const auto length = context_length_of(history);
                   if (!length || *length > 1'000'000) return std::nullopt;
                   std::string text;
                   for (std::int64_t i = 0; i < *length + 100; ++i) text += "a ";
                   return chat(text, 1);
                 }});
}

void add_parameters(std::vector<Probe>& all) {
  for (const char* name : {"hot_1", "hot_2"}) all.push_back({.name = name, .body = always(hot())});
  const auto twice = [&](std::string_view name, const Body& body) {
    for (int i = 1; i <= 2; ++i) all.push_back({.name = fmt::format("{}_{}", name, i), .body = always(body)});
  };
  twice("top_p", hot({{"top_p", 0.000001}}));
  twice("top_k", hot({{"top_k", 1}}));
  twice("min_p", hot({{"min_p", 1.0}}));
  for (int i = 1; i <= 3; ++i) all.push_back({.name = fmt::format("seed_{}", i), .body = always(hot({{"seed", 7}}))});
  all.push_back({.name = "ticks", .body = always(ticks())});
  all.push_back({.name = "presence_low", .body = always(ticks({{"presence_penalty", -2.0}}))});
  all.push_back({.name = "presence_high", .body = always(ticks({{"presence_penalty", 2.0}}))});
  all.push_back({.name = "frequency_low", .body = always(ticks({{"frequency_penalty", -2.0}}))});
  all.push_back({.name = "frequency_high", .body = always(ticks({{"frequency_penalty", 2.0}}))});
  all.push_back({.name = "repetition_high", .body = always(ticks({{"repetition_penalty", 2.0}}))});
  all.push_back({.name = "logit_bias", .body = always(cold({{"logit_bias", {{"500", 100}}}}))});
  all.push_back({.name = "max_tokens", .body = always(chat(sea, 2, {{"temperature", 0}}))});
  Body renamed = chat(sea, 2, {{"temperature", 0}});
  renamed.erase("max_tokens");
  renamed["max_completion_tokens"] = 2;
  all.push_back({.name = "max_completion_tokens", .shape = Shape::stream, .events_max = 24, .body = [renamed](const History&) {
                   Body body = renamed;
                   body["stream_options"] = {{"include_usage", true}};
                   return std::optional(body);
                 }});
  all.push_back({.name = "n", .body = always(hot({{"n", 2}}))});
  all.push_back({.name = "logprobs", .body = always(cold({{"logprobs", true}, {"top_logprobs", 2}}))});
  all.push_back({.name = "ignore_eos", .body = always(chat("Say OK.", 24, {{"ignore_eos", true}, {"min_tokens", 24}, {"temperature", 0}}))});
  all.push_back({.name = "template_arguments", .body = always(cold({{"chat_template_kwargs", {{"enable_thinking", false}}}}))});
  all.push_back({.name = "unknown_field", .body = always(cold({{"x_bellwether_unknown", 1}}))});
  all.push_back({.name = "user", .body = always(cold({{"user", "bellwether"}}))});
}

void add_stops(std::vector<Probe>& all) {
  const auto stop_at = [](std::string_view before, const Body& body) -> BodyMaker {
    return [before = std::string(before), body](const History& history) -> std::optional<Body> {
      const auto piece = stop_piece(history, before);
      if (!piece) return std::nullopt;
      Body stopped = body;
      stopped["stop"] = Body::array({*piece});
      return stopped;
    };
  };
  all.push_back({.name = "stop", .body = stop_at("whole", cold())});
  all.push_back({.name = "stop_korean", .body = stop_at("korean", chat(river, 32, {{"temperature", 0}}))});
  all.push_back({.name = "stop_5", .body = always(cold(many_stops(5)))});
  all.push_back({.name = "stop_17", .body = always(cold(many_stops(17)))});
}

void add_structure(std::vector<Probe>& all) {
  all.push_back({.name = "tools_auto", .body = always(chat(weather, 96, tools("auto")))});
  all.push_back({.name = "tools_required", .body = always(chat(weather, 96, tools("required")))});
  Body named = tools("");
  named["tool_choice"] = Body::parse(R"({"type":"function","function":{"name":"get_weather"}})");
  all.push_back({.name = "tools_named", .body = always(chat(weather, 96, named))});
  Body streamed = tools("auto");
  streamed["stream_options"] = {{"include_usage", true}};
  all.push_back({.name = "tools_stream", .shape = Shape::stream, .body = always(chat(weather, 96, streamed))});
  Body round = chat(weather, usual_tokens, tools("auto"));
  round["messages"].push_back(Body::parse(
      R"({"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"get_weather","arguments":"{\"city\":\"Seoul\"}"}}]})"));
  round["messages"].push_back(Body::parse(R"({"role":"tool","tool_call_id":"call_1","content":"{\"sky\":\"clear\"}"})"));
  all.push_back({.name = "tools_round_trip", .body = always(round)});
  constexpr std::string_view as_json = "Name a city and its country as a json object with the members city and country.";
  all.push_back({.name = "json_object", .body = always(chat(as_json, 96, {{"temperature", 0}, {"response_format", {{"type", "json_object"}}}}))});
  all.push_back({.name = "json_schema", .body = always(chat(as_json, 96, {{"temperature", 0}, {"response_format", schema()}}))});
  const Body choice{{"temperature", 0}, {"structured_outputs", {{"choice", {"blue whale", "red fox"}}}}};
  all.push_back({.name = "structured_outputs", .body = always(chat("Name an animal.", usual_tokens, choice))});
  const Body guided{{"temperature", 0}, {"guided_choice", {"blue whale", "red fox"}}};
  all.push_back({.name = "guided_choice", .body = always(chat("Name an animal.", usual_tokens, guided))});
}

void add_messages(std::vector<Probe>& all) {
  const auto with = [](std::initializer_list<Body> messages) { return Body{{"messages", Body::array_t(messages)}, {"max_tokens", 4}, {"temperature", 0}}; };
  all.push_back({.name = "system", .body = always(with({message("system", "Be brief."), message("user", sea)}))});
  all.push_back({.name = "system_middle",
                 .body = always(with({message("user", "Hello."), message("assistant", "Hello."), message("system", "Be brief."), message("user", sea)}))});
  all.push_back({.name = "developer", .body = always(with({message("developer", "Be brief."), message("user", sea)}))});
  all.push_back({.name = "users_in_a_row", .body = always(with({message("user", "Hello."), message("user", sea)}))});
  all.push_back({.name = "text_parts", .body = always(with({Body{{"role", "user"}, {"content", Body::array({Body{{"type", "text"}, {"text", sea}}})}}}))});
  const Body plain = with({message("user", sea), message("assistant", "The sea is")});
  all.push_back({.name = "prefill", .body = always(plain)});
  Body flagged = plain;
  flagged["add_generation_prompt"] = false;
  flagged["continue_final_message"] = true;
  all.push_back({.name = "prefill_flags", .body = always(flagged)});
}

void add_errors(std::vector<Probe>& all) {
  all.push_back({.name = "wrong_key", .key = ShownKey::wrong, .body = always(chat(sea, 1))});
  all.push_back({.name = "wrong_model", .model = "bellwether-no-such-model", .body = always(chat(sea, 1))});
  all.push_back({.name = "wrong_type", .body = always(chat(sea, 1, {{"temperature", "hot"}}))});
  all.push_back({.name = "no_messages", .body = always(Body{{"max_tokens", 1}})});
  all.push_back({.name = "wrong_path", .path = "/no/such/path", .body = always(Body::object())});
  all.push_back({.name = "completions", .path = "/completions", .body = always(Body{{"prompt", "The sea is"}, {"max_tokens", 4}})});
  all.push_back({.name = "embeddings", .path = "/embeddings", .body = always(Body{{"input", "the sea"}})});
}

std::vector<Probe> make_probes() {
  std::vector<Probe> all;
  add_basics(all);
  add_parameters(all);
  add_stops(all);
  add_structure(all);
  add_messages(all);
  add_errors(all);
  all.push_back({.name = "tokens_overhead", .body = always(chat("a", 1))});
  for (const TextKind& kind : text_kinds())
    for (std::size_t i = 0; i < kind.texts.size(); ++i)
      all.push_back({.name = fmt::format("tokens_{}_{}", kind.name, i), .body = always(chat(kind.texts[i], 1))});
  for (std::uint64_t i = 0; i < speed_calls; ++i)
    all.push_back({.name = fmt::format("speed_{}", i),
                   .shape = Shape::stream,
                   .body = always(chat(fmt::format("Write a paragraph about the number {}.", i + 2), 32, {{"stream_options", {{"include_usage", true}}}}))});
  return all;
}

/// "maximum context length is 4096 tokens", "context size (4096 tokens)": the first number behind the words.
std::optional<std::int64_t> length_in(std::string_view message) {
  for (const std::string_view words : {"maximum context length is ", "available context size (", "maximum model length of ", "max_model_len="}) {
    const std::size_t at = message.find(words);
    if (at == std::string_view::npos) continue;
    std::int64_t length = 0;
    for (const char letter : message.substr(at + words.size())) {
      if (letter < '0' || letter > '9' || length > 1'000'000'000'000) break;
      length = length * 10 + (letter - '0');
    }
    if (length > 0) return length;
  }
  return std::nullopt;
}

}  // namespace

const std::vector<TextKind>& text_kinds() {
  static const std::vector<TextKind> kinds{
      {"english",
       {"The lighthouse keeper wrote down the weather every evening, and every morning he read what he had written as if another man had been there.",
        "Shipping rates fell for the third quarter in a row, while the cost of insurance rose faster than anybody had expected in spring.",
        "Could you summarise the minutes of yesterday's meeting, list the open questions, and say who promised to answer which of them by Friday?"}},
      {"korean",
       {"등대지기는 매일 저녁 날씨를 적었고, 아침마다 마치 다른 사람이 있었던 것처럼 자기가 쓴 글을 읽었다.",
        "운임은 세 분기 연속으로 떨어졌지만, 보험료는 봄에 누구도 예상하지 못한 속도로 올랐다고 업계 관계자들이 밝혔다.",
        "어제 회의록을 요약하고, 아직 답하지 못한 질문을 정리한 다음, 누가 금요일까지 무엇을 답하기로 했는지 알려 주시겠어요?"}},
      {"code",
       {"def mean(values: list[float]) -> float:\n    if not values:\n        raise ValueError(\"no values\")\n    return sum(values) / len(values)\n",
        "for (std::size_t i = 0; i + 1 < rows.size(); ++i) {\n  if (rows[i].key == rows[i + 1].key) return std::unexpected(Error::duplicate);\n}\n",
        "SELECT c.name, COUNT(*) AS orders FROM customers c JOIN orders o ON o.customer_id = c.id WHERE o.at >= '2026-01-01' GROUP BY c.name HAVING COUNT(*) > "
        "3;"}},
      {"emoji",
       {"🐑🔔 follow the bellwether 🌄👩🏽‍🌾👨‍👩‍👧‍👦🇰🇷", "👍🏽👏🎉🚀✨ shipped it ✅🔥🧪📦",
        "🌧️☔🌈 → 😀😅🤔 → 🏠🛋️☕📚"}}};
  return kinds;
}

const std::vector<Probe>& probes() {
  static const std::vector<Probe> all = make_probes();
  return all;
}

const Probe& probe_named(std::string_view name) {
  const auto at = std::ranges::find(probes(), name, [](const Probe& probe) { return std::string_view(probe.name); });
  BW_CHECK(at != probes().end());
  return *at;
}

Spending spending_max_of(const Probe& probe, const Body& body) {
  if (probe.shape == Shape::list) return {};
  constexpr std::uint64_t template_tokens = 16;  // What a chat's template adds to a short conversation.
  const auto count = [&](const char* name, std::uint64_t otherwise) {
    return body.contains(name) && body[name].is_number() ? body[name].get<std::uint64_t>() : otherwise;
  };
  std::uint64_t output = count("max_tokens", count("max_completion_tokens", usual_tokens)) * count("n", 1);
  // What came until we hung up, and what was on its way.
  if (probe.events_max > 0) output = std::min(output, 2 * probe.events_max);
  std::uint64_t input = 0;
  for (const char* name : {"messages", "tools", "prompt", "input"})
    if (body.contains(name)) input += body[name].dump().size();
  return {.input = input / 2 + template_tokens, .output = output};
}

std::optional<std::string> stop_piece(const History& history, std::string_view probe) {
  constexpr std::size_t characters = 2;
  const Said* said = find(history, probe);
  if (said == nullptr || !said->is_answer()) return std::nullopt;
  const std::string& text = said->text;
  std::vector<std::size_t> starts;
  for (std::size_t i = 0; i < text.size(); ++i)
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) starts.push_back(i);
  for (std::size_t i = starts.size() / 2; i + characters < starts.size(); ++i) {
    std::string piece = text.substr(starts[i], starts[i + characters] - starts[i]);
    // White space stands everywhere, and some servers trim it; what came before would stop it sooner.
    if (piece.find_first_of(" \n\t") == std::string::npos && text.find(piece) == starts[i]) return piece;
  }
  return std::nullopt;
}

std::optional<std::int64_t> context_length_of(const History& history) {
  if (const Said* models = find(history, "models")) {
    const Body list = Body::parse(models->body, nullptr, false);
    if (list.is_object() && list.contains("data") && list["data"].is_array())
      for (const Body& model : list["data"]) {
        // The runner notes there which of them is compared.
        if (!models->model.empty() && model.contains("id") && model["id"] != models->model) continue;
        for (const char* path : {"/max_model_len", "/meta/n_ctx", "/context_window", "/context_length"}) {
          const Body::json_pointer at{path};
          if (model.contains(at) && model[at].is_number_integer() && model[at] > 0) return model[at].get<std::int64_t>();
        }
      }
  }
  for (const char* name : {"huge_max_tokens", "too_long"})
    if (const Said* said = find(history, name))
      if (const auto length = length_in(said->error_message)) return length;
  return std::nullopt;
}

}  // namespace bellwether::parity
