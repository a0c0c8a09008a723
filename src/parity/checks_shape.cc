// What an endpoint is and how it answers: models, context, whole answers, streams, counts.
#include <fmt/format.h>

#include <algorithm>

#include "parity/check_tables.h"
#include "parity/probe.h"

namespace bellwether::parity {
namespace {

Finding read_models(const History& history) {
  const Said* said = find(history, "models");
  if (said == nullptr) return unknown("not asked");
  const Body list = Body::parse(said->body, nullptr, false);
  if (said->status != 200) return {.state = said->is_refusal() ? State::refused : State::broken, .detail = std::to_string(said->status)};
  if (!list.is_object() || !list.contains("data") || !list["data"].is_array()) return {.state = State::broken, .detail = "no list"};
  const bool lists_it =
      std::ranges::any_of(list["data"], [&](const Body& model) { return model.is_object() && model.contains("id") && model["id"] == said->model; });
  return works(lists_it ? "lists the model" : "does not list the model", fmt::format("{} model(s)", list["data"].size()));
}

Finding read_context(const History& history) {
  const auto length = context_length_of(history);
  if (!length) return unknown("neither the list of models nor a refusal tells");
  Finding finding = works(std::to_string(*length), fmt::format("{} tokens", *length));
  finding.numbers = {static_cast<double>(*length)};
  return finding;
}

Comparison compare_context(const Finding& first, const Finding& second) {
  if (first.numbers == second.numbers) return {.verdict = Verdict::same};
  return {.verdict = Verdict::differs, .is_worse = second.numbers[0] < first.numbers[0]};
}

Finding read_whole(const History& history) {
  if (const auto trouble = trouble_in(history, {"whole"})) return *trouble;
  const Said& said = *find(history, "whole");
  if (said.all_text().empty()) return {.state = State::broken, .detail = "an answer without text"};
  return works("", fmt::format("finish_reason {}", said.finish.empty() ? "missing" : said.finish));
}

Finding read_identity(const History& history) {
  if (const auto trouble = trouble_in(history, {"whole"})) return *trouble;
  const Said& said = *find(history, "whole");
  const Said* models = find(history, "models");
  const bool as_asked = models != nullptr && models->model == said.model;
  return works(as_asked ? "the model that was asked for" : "another name than was asked for",
               fmt::format("{}, system_fingerprint {}", said.model, said.fingerprint.empty() ? "none" : said.fingerprint));
}

Finding read_reasoning(const History& history) {
  if (const auto trouble = trouble_in(history, {"whole"})) return *trouble;
  const Said& said = *find(history, "whole");
  if (!said.reasoning_field.empty()) return works(said.reasoning_field);
  return works(said.text.find("<think>") != std::string::npos ? "<think> within the text" : "none");
}

Finding read_usage(const History& history) {
  if (const auto trouble = trouble_in(history, {"whole"})) return *trouble;
  const auto& usage = find(history, "whole")->usage;
  if (!usage || !usage->input || !usage->output) return {.state = State::broken, .detail = "no counts"};
  if (*usage->input <= 0 || *usage->output < 0) return {.state = State::broken, .detail = "counts that cannot be"};
  if (!usage->total || *usage->total != *usage->input + *usage->output) return {.state = State::broken, .detail = "total_tokens is not the sum"};
  return works("adds up", fmt::format("{} + {}", *usage->input, *usage->output));
}

Finding read_cached_name(const History& history) {
  if (const auto trouble = trouble_in(history, {"whole"})) return *trouble;
  const auto& usage = find(history, "whole")->usage;
  if (!usage || !usage->cached) return works("none");
  return works(usage->has_hit_and_miss ? "prompt_cache_hit_tokens" : "prompt_tokens_details.cached_tokens");
}

Finding read_determinism(const History& history) {
  if (const auto trouble = trouble_in(history, {"whole", "whole_again"})) return *trouble;
  return works(find(history, "whole")->all_text() == find(history, "whole_again")->all_text() ? "the same twice at temperature 0"
                                                                                              : "not the same twice at temperature 0");
}

Finding read_stream(const History& history) {
  if (const auto trouble = trouble_in(history, {"stream"})) return *trouble;
  const Said& said = *find(history, "stream");
  if (!said.is_stream) return ignored("the answer came whole");
  if (said.all_text().empty()) return {.state = State::broken, .detail = "a stream without text"};
  if (said.finish.empty() && !said.done) return {.state = State::broken, .detail = "neither finish_reason nor [DONE]"};
  return works("", fmt::format("{} events", said.events));
}

/// A check of one property of the stream that asked for usage.
std::function<Finding(const History&)> of_stream(std::string probe, std::function<std::string(const Said&)> property) {
  return [probe = std::move(probe), property = std::move(property)](const History& history) -> Finding {
    if (const auto trouble = trouble_in(history, {probe})) return *trouble;
    const Said& said = *find(history, probe);
    return said.is_stream ? works(property(said)) : unknown("no stream");
  };
}

std::string usage_place(const Said& said) {
  if (said.usage_events == 0) return "none";
  if (said.usage_events > 1) return "on every event";
  return said.usage_has_own_event ? "an event of its own" : "on the last event with a choice";
}

Finding read_korean(const History& history) {
  if (const auto trouble = trouble_in(history, {"korean"})) return *trouble;
  const std::string text = find(history, "korean")->all_text();
  if (text.find("\uFFFD") != std::string::npos) return {.state = State::broken, .detail = "characters are broken (U+FFFD)"};
  return works("whole characters");
}

}  // namespace

void add_basic_checks(std::vector<Check>& all) {
  const std::string_view group = "basics";
  all.push_back({"models", group, Weight::note, {"models"}, read_models, "name the model in the route as B calls it"});
  all.push_back({"chat", group, Weight::blocker, {"whole"}, read_whole, "B does not answer a plain chat: nothing else matters until it does"});
  all.push_back({"context",
                 group,
                 Weight::blocker,
                 {"models", "huge_max_tokens"},
                 read_context,
                 "keep requests that need the longer context on A, or shorten them",
                 compare_context});
  all.push_back({"identity", group, Weight::note, {"whole"}, read_identity, "the route names the model; Bellwether's callers keep their own name for it"});
  all.push_back({"determinism", group, Weight::note, {"whole", "whole_again"}, read_determinism, "do not compare answers word by word"});
  all.push_back({"reasoning_field",
                 group,
                 Weight::adapter,
                 {"whole"},
                 read_reasoning,
                 "callers read either name; switch thinking off in the route's request where A does not think"});
  all.push_back({"usage", group, Weight::adapter, {"whole"}, read_usage, "Bellwether estimates where counts are missing and marks them"});
  all.push_back({"usage_cached", group, Weight::note, {"whole"}, read_cached_name, "Bellwether reads either name"});
}

void add_stream_checks(std::vector<Check>& all) {
  const std::string_view group = "streaming";
  all.push_back({"stream", group, Weight::blocker, {"stream"}, read_stream, "B does not stream"});
  all.push_back({"stream_role",
                 group,
                 Weight::note,
                 {"stream"},
                 of_stream("stream", [](const Said& said) { return said.first_has_role ? "in the first event" : "not in the first event"; }),
                 "the SDKs do without it"});
  all.push_back({"stream_usage",
                 group,
                 Weight::adapter,
                 {"stream"},
                 of_stream("stream", usage_place),
                 "take the last counts that come, wherever they ride; Bellwether does"});
  all.push_back(
      {"stream_usage_unasked", group, Weight::note, {"stream_plain"}, of_stream("stream_plain", usage_place), "Bellwether passes on what was asked for"});
  all.push_back({"stream_finish",
                 group,
                 Weight::adapter,
                 {"stream"},
                 of_stream("stream", [](const Said& said) { return said.finish.empty() ? "missing" : said.finish; }),
                 "without it a cut answer cannot be told from a whole one"});
  all.push_back({"stream_done",
                 group,
                 Weight::adapter,
                 {"stream"},
                 of_stream("stream", [](const Said& said) { return said.done ? "[DONE]" : "no [DONE]"; }),
                 "the SDKs end silently without it; Bellwether says it"});
  all.push_back({"stream_comments",
                 group,
                 Weight::note,
                 {"stream"},
                 of_stream("stream", [](const Said& said) { return said.comments > 0 ? "comments come" : "none came"; }),
                 "signs of life are no tokens"});
  all.push_back({"korean", group, Weight::blocker, {"korean"}, read_korean, "B breaks characters between chunks"});
}

}  // namespace bellwether::parity
