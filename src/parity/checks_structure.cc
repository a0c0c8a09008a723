// Tools, JSON, conversations of unusual order, errors, counts of tokens, speed.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

#include "parity/check_tables.h"
#include "parity/probe.h"

namespace bellwether::parity {
namespace {

bool is_json_object(std::string_view text) { return nlohmann::json::parse(text, nullptr, false).is_object(); }

std::function<Finding(const History&)> calls_the_tool(std::string probe) {
  return [probe = std::move(probe)](const History& history) -> Finding {
    if (const auto trouble = trouble_in(history, {probe})) return *trouble;
    const Said& said = *find(history, probe);
    if (said.calls.empty()) return ignored("it answered with text");
    const ToolCall& call = said.calls.front();
    if (call.name != "get_weather") return {.state = State::broken, .detail = "another tool: " + excerpt(call.name)};
    if (!is_json_object(call.arguments)) return {.state = State::broken, .detail = "the arguments are no JSON object: " + excerpt(call.arguments)};
    return works("", fmt::format("finish_reason {}, {} piece(s)", said.finish, said.call_pieces));
  };
}

std::function<Finding(const History&)> tool_finish(std::string probe) {
  return [probe = std::move(probe)](const History& history) -> Finding {
    if (const auto trouble = trouble_in(history, {probe})) return *trouble;
    const Said& said = *find(history, probe);
    return said.calls.empty() ? unknown("no call came") : works(said.finish);
  };
}

/// `text` in the way that models often put JSON: nothing else around it is allowed here.
Finding read_json(const History& history, const char* probe, bool (*fits)(const nlohmann::json&)) {
  if (const auto trouble = trouble_in(history, {probe})) return *trouble;
  const Said& said = *find(history, probe);
  const nlohmann::json json = nlohmann::json::parse(said.text, nullptr, false);
  if (json.is_object()) return fits(json) ? works() : ignored("JSON of another shape: " + excerpt(said.text));
  // A whole object may not have fitted into the few tokens that it was given.
  if (said.finish == "length" && said.text.find_first_not_of(" \n\t") != std::string::npos && said.text[said.text.find_first_not_of(" \n\t")] == '{')
    return works("", "began an object and was cut at the limit");
  return ignored("no JSON: " + excerpt(said.text));
}

bool is_city(const nlohmann::json& json) {
  return json.size() == 2 && json.contains("city") && json["city"].is_string() && json.contains("country") &&
         (json["country"] == "Korea" || json["country"] == "Japan");
}

Finding read_prefill_flags(const History& history) { return is_answered("prefill_flags")(history); }

/// How a wrong request is refused.
std::function<Finding(const History&)> refuses(std::string probe) {
  return [probe = std::move(probe)](const History& history) -> Finding {
    const Said* said = find(history, probe);
    if (said == nullptr) return unknown("not asked: the limit is not known or too far away");
    if (!said->trouble.empty()) return {.state = State::broken, .detail = said->trouble};
    if (said->is_answer()) return works("accepted");
    if (said->status < 400) return works(fmt::format("{} without an answer", said->status));
    return works(fmt::format("{} {} {} {}", said->status, said->error_shape, said->error_type.empty() ? "-" : said->error_type,
                             said->error_code.empty() ? "null" : said->error_code),
                 excerpt(said->error_message));
  };
}

/// Where A refuses and B accepts, or the other way round, callers see something else; other words are for the adapter.
std::function<Finding(const History&)> has_endpoint(std::string probe, std::string member) {
  return [probe = std::move(probe), member = std::move(member)](const History& history) -> Finding {
    const Said* said = find(history, probe);
    if (said == nullptr) return unknown("not asked");
    if (!said->trouble.empty()) return {.state = State::broken, .detail = said->trouble};
    const nlohmann::json json = nlohmann::json::parse(said->body, nullptr, false);
    if (said->status == 200 && json.is_object() && json.contains(member)) return works("served");
    if (said->is_refusal() || said->status == 501)
      return {.state = State::refused, .detail = fmt::format("{}: {}", said->status, excerpt(said->error_message))};
    return {.state = State::broken, .detail = std::to_string(said->status)};
  };
}

std::vector<std::string> token_probes(const TextKind& kind) {
  std::vector<std::string> names{"tokens_overhead"};
  for (std::size_t i = 0; i < kind.texts.size(); ++i) names.push_back(fmt::format("tokens_{}_{}", kind.name, i));
  return names;
}

/// Of each text what it counts more than a text of one letter: without what the template adds.
std::function<Finding(const History&)> counts_tokens(std::vector<std::string> probes) {
  return [probes = std::move(probes)](const History& history) -> Finding {
    if (const auto trouble = trouble_in(history, probes)) return *trouble;
    std::vector<double> counts;
    for (const std::string& probe : probes) {
      const auto& usage = find(history, probe)->usage;
      if (!usage || !usage->input || *usage->input <= 0) return unknown("no counts");
      counts.push_back(static_cast<double>(*usage->input));
    }
    Finding finding = works();
    double sum = 0;
    for (std::size_t i = 1; i < counts.size(); ++i) {
      finding.numbers.push_back(counts[i] - counts[0] + 1);
      sum += finding.numbers.back();
    }
    finding.detail = fmt::format("{:.0f} tokens", sum);
    return finding;
  };
}

Comparison compare_tokens(const Finding& first, const Finding& second) {
  const auto ratio = ratio_of(first.numbers, second.numbers);
  if (!ratio) return {.verdict = Verdict::unknown};
  // Within two percent a bill does not show it.
  const bool same = std::abs(ratio->value - 1) <= 0.02;
  return {.verdict = same ? Verdict::same : Verdict::differs,
          .detail = fmt::format("B counts {:.3f} times A's tokens ({:.3f} to {:.3f})", ratio->value, ratio->low, ratio->high)};
}

std::vector<std::string> speed_probes() {
  std::vector<std::string> names;
  for (std::uint64_t i = 0; i < speed_calls; ++i) names.push_back(fmt::format("speed_{}", i));
  return names;
}

double median_of(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

std::function<Finding(const History&)> measures(std::string_view unit, std::function<std::optional<double>(const Said&)> measure) {
  return [unit, measure = std::move(measure)](const History& history) -> Finding {
    if (const auto trouble = trouble_in(history, speed_probes())) return *trouble;
    Finding finding = works();
    for (const std::string& probe : speed_probes())
      if (const auto value = measure(*find(history, probe))) finding.numbers.push_back(*value);
    if (finding.numbers.empty()) return unknown("no token came");
    const auto [low, high] = std::ranges::minmax(finding.numbers);
    finding.detail = fmt::format("{:.4g} {} ({:.4g} to {:.4g}, {} calls)", median_of(finding.numbers), unit, low, high, finding.numbers.size());
    return finding;
  };
}

/// Five calls each: the ranges tell whether there is anything to be said at all.
Comparison compare_speed(const Finding& first, const Finding& second) {
  const auto [first_low, first_high] = std::ranges::minmax(first.numbers);
  const auto [second_low, second_high] = std::ranges::minmax(second.numbers);
  const bool apart = first_high < second_low || second_high < first_low;
  return {.verdict = apart ? Verdict::differs : Verdict::same,
          .detail = apart ? fmt::format("B is at {:.2f} times A's", median_of(second.numbers) / median_of(first.numbers)) : "the ranges overlap"};
}

std::optional<double> ttft_of(const Said& said) { return said.ttft_ms > 0 ? std::optional(said.ttft_ms) : std::nullopt; }
std::optional<double> rate_of(const Said& said) {
  const auto tokens = said.output_tokens();
  const double seconds = (said.total_ms - said.ttft_ms) / 1000;
  if (!tokens || *tokens < 2 || said.ttft_ms <= 0 || seconds <= 0) return std::nullopt;
  return static_cast<double>(*tokens - 1) / seconds;
}

}  // namespace

void add_structure_checks(std::vector<Check>& all) {
  const std::string_view tools = "tools";
  all.push_back({"tools_auto", tools, Weight::blocker, {"tools_auto"}, calls_the_tool("tools_auto"), "keep requests with tools on A"});
  all.push_back({"tools_required",
                 tools,
                 Weight::adapter,
                 {"tools_required"},
                 calls_the_tool("tools_required"),
                 "thinking modes refuse it: use auto, or switch thinking off"});
  all.push_back({"tools_named", tools, Weight::adapter, {"tools_named"}, calls_the_tool("tools_named"), "offer that tool alone"});
  all.push_back({"tools_named_finish", tools, Weight::note, {"tools_named"}, tool_finish("tools_named"), "look at the calls, not at finish_reason"});
  all.push_back({"tools_stream", tools, Weight::blocker, {"tools_stream"}, calls_the_tool("tools_stream"), "do not stream requests with tools to B"});
  all.push_back({"tools_round_trip", tools, Weight::blocker, {"tools_round_trip"}, is_answered("tools_round_trip"), "keep conversations with tools on A"});
  const std::string_view json = "json";
  all.push_back({"json_object",
                 json,
                 Weight::adapter,
                 {"json_object"},
                 [](const History& history) { return read_json(history, "json_object", [](const nlohmann::json&) { return true; }); },
                 "check the answer and ask again"});
  all.push_back({"json_schema",
                 json,
                 Weight::adapter,
                 {"json_schema"},
                 [](const History& history) { return read_json(history, "json_schema", is_city); },
                 "use json_object with the schema in the prompt, check the answer, ask again"});
}

void add_message_checks(std::vector<Check>& all) {
  const std::string_view group = "messages";
  all.push_back({"system", group, Weight::blocker, {"system"}, is_answered("system"), "put it into the first message of the user"});
  all.push_back({"system_middle", group, Weight::adapter, {"system_middle"}, is_answered("system_middle"), "merge it into the first"});
  all.push_back({"developer", group, Weight::adapter, {"developer"}, is_answered("developer"), "call the role system"});
  all.push_back({"users_in_a_row", group, Weight::adapter, {"users_in_a_row"}, is_answered("users_in_a_row"), "merge them"});
  all.push_back({"text_parts", group, Weight::adapter, {"text_parts"}, is_answered("text_parts"), "send content as one text"});
  all.push_back({"prefill", group, Weight::adapter, {"prefill"}, is_answered("prefill"), "Bellwether continues broken streams in each dialect's own way"});
  all.push_back({"prefill_flags", group, Weight::note, {"prefill_flags"}, read_prefill_flags, "Bellwether continues broken streams in each dialect's own way"});
}

void add_error_checks(std::vector<Check>& all) {
  const std::string_view group = "errors";
  constexpr std::string_view mapped = "Bellwether gives callers OpenAI's shape for either";
  all.push_back({"error_key", group, Weight::note, {"wrong_key"}, refuses("wrong_key"), mapped});
  all.push_back({"error_model", group, Weight::note, {"wrong_model"}, refuses("wrong_model"), mapped});
  all.push_back({"error_type", group, Weight::note, {"wrong_type"}, refuses("wrong_type"), mapped});
  all.push_back({"error_missing", group, Weight::note, {"no_messages"}, refuses("no_messages"), mapped});
  all.push_back({"error_path", group, Weight::note, {"wrong_path"}, refuses("wrong_path"), mapped});
  const std::string_view endpoints = "endpoints";
  all.push_back({"completions", endpoints, Weight::adapter, {"completions"}, has_endpoint("completions", "choices"), "keep that route on A"});
  all.push_back({"embeddings", endpoints, Weight::adapter, {"embeddings"}, has_endpoint("embeddings", "data"), "keep that route on A"});
}

void add_measure_checks(std::vector<Check>& all) {
  const std::string_view tokens = "tokens";
  for (const TextKind& kind : text_kinds())
    all.push_back({fmt::format("tokens_{}", kind.name), tokens, Weight::note, token_probes(kind), counts_tokens(token_probes(kind)),
                   "multiply A's counts by it before they are priced", compare_tokens});
  const std::string_view speed = "speed";
  all.push_back({"ttft", speed, Weight::note, speed_probes(), measures("ms", ttft_of), "measure it under load: bellwether bench A --against B", compare_speed});
  all.push_back({"tokens_per_second", speed, Weight::note, speed_probes(), measures("tokens/s", rate_of),
                 "measure it under load: bellwether bench A --against B", compare_speed});
  // Last, because its one request may be as long as the context.
  all.push_back({"error_too_long",
                 "errors",
                 Weight::note,
                 {"models", "huge_max_tokens", "too_long"},
                 refuses("too_long"),
                 "Bellwether recognises each dialect's words for it"});
}

}  // namespace bellwether::parity
