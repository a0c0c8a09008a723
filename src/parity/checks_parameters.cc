// Each parameter by its effect: two extreme values, because many servers take what they do not know and do nothing with it.
#include <fmt/format.h>

#include "parity/check_tables.h"
#include "parity/probe.h"

namespace bellwether::parity {
namespace {

std::string text_of(const History& history, std::string_view probe) { return find(history, probe)->all_text(); }

Finding read_temperature(const History& history) {
  if (const auto trouble = trouble_in(history, {"whole", "hot_1", "hot_2"})) return *trouble;
  const bool spreads = text_of(history, "hot_1") != text_of(history, "hot_2");
  const bool moves = text_of(history, "hot_1") != text_of(history, "whole");
  return spreads || moves ? works() : ignored("0 and 2 give the same words");
}

/// Sampling at temperature 2 that this value makes certain: the same twice, where without it two answers differ.
std::function<Finding(const History&)> makes_certain(std::string parameter, std::vector<std::string> probes) {
  return [parameter = std::move(parameter), probes = std::move(probes)](const History& history) -> Finding {
    if (const auto trouble = trouble_in(history, {"hot_1", "hot_2"})) return unknown("temperature 2 has no proper answer");
    if (const auto trouble = trouble_in(history, probes)) return *trouble;
    if (text_of(history, "hot_1") == text_of(history, "hot_2")) return unknown("temperature does nothing here, so this cannot be seen");
    for (const std::string& probe : probes)
      if (text_of(history, probe) != text_of(history, probes.front())) return ignored(fmt::format("answers differ as without {}", parameter));
    return works();
  };
}

/// Two answers at temperature 0 that this parameter makes different.
std::function<Finding(const History&)> makes_different(std::string low, std::string high) {
  return [low = std::move(low), high = std::move(high)](const History& history) -> Finding {
    if (const auto trouble = trouble_in(history, {high, low})) return *trouble;
    return text_of(history, low) != text_of(history, high) ? works() : ignored("extreme values give the same words");
  };
}

/// At most two tokens came.
std::function<Finding(const History&)> limits_to_two(std::string probe) {
  return [probe = std::move(probe)](const History& history) -> Finding {
    if (const auto trouble = trouble_in(history, {probe})) return *trouble;
    const Said& said = *find(history, probe);
    if (said.was_left) return ignored("it went on beyond two tokens");
    const auto tokens = said.output_tokens();
    if (!tokens) return unknown("no counts");
    return *tokens <= 2 ? works("", fmt::format("{} tokens", *tokens)) : ignored(fmt::format("{} tokens came", *tokens));
  };
}

std::function<Finding(const History&)> read_stop(std::string whole, std::string stopped) {
  return [whole = std::move(whole), stopped = std::move(stopped)](const History& history) -> Finding {
    if (const auto trouble = trouble_in(history, {whole, stopped})) return *trouble;
    const std::string& before = find(history, whole)->text;
    const std::string& after = find(history, stopped)->text;
    if (after.size() >= before.size())
      return before.starts_with(after) || after.starts_with(before) ? ignored("it did not stop") : unknown("another answer came");
    if (!before.starts_with(after)) return unknown("another answer came");
    return works(after.ends_with(*stop_piece(history, whole)) ? "the stop text is in the answer" : "the stop text is left out");
  };
}

Finding read_stop_count(const History& history) {
  const Said* five = find(history, "stop_5");
  const Said* seventeen = find(history, "stop_17");
  if (five == nullptr || seventeen == nullptr) return unknown("not asked");
  if (seventeen->is_answer()) return works("17 are accepted");
  if (five->is_answer()) return works("5 are accepted, 17 are not", excerpt(seventeen->error_message));
  if (five->is_refusal()) return works("4 at the most", excerpt(five->error_message));
  return *trouble_in(history, {"stop_5"});
}

Finding read_n(const History& history) {
  if (const auto trouble = trouble_in(history, {"n"})) return *trouble;
  const std::uint64_t choices = find(history, "n")->choices;
  return choices == 2 ? works() : ignored(fmt::format("{} answer(s) came of 2", choices));
}

Finding read_logprobs(const History& history) {
  if (const auto trouble = trouble_in(history, {"logprobs"})) return *trouble;
  const Said& said = *find(history, "logprobs");
  if (said.logprobs == 0) return ignored("none came");
  return works(said.top_logprobs >= 2 ? "with alternatives" : "without alternatives",
               fmt::format("{} tokens, {} alternatives", said.logprobs, said.top_logprobs));
}

Finding read_ignore_eos(const History& history) {
  if (const auto trouble = trouble_in(history, {"ignore_eos"})) return *trouble;
  const auto tokens = find(history, "ignore_eos")->output_tokens();
  if (!tokens) return unknown("no counts");
  return *tokens >= 24 ? works() : ignored(fmt::format("{} tokens came of 24", *tokens));
}

/// One of the two texts, or its beginning where a small model was cut.
std::function<Finding(const History&)> is_one_of_the_choices(std::string probe) {
  return [probe = std::move(probe)](const History& history) -> Finding {
    if (const auto trouble = trouble_in(history, {probe})) return *trouble;
    const std::string& text = find(history, probe)->text;
    return text == "blue whale" || text == "red fox" ? works() : ignored("another text came: " + excerpt(text));
  };
}

}  // namespace

void add_parameter_checks(std::vector<Check>& all) {
  const std::string_view group = "parameters";
  constexpr std::string_view drop = "it does nothing at B: leave it out, or expect other answers";
  all.push_back({"temperature",
                 group,
                 Weight::adapter,
                 {"whole", "hot_1", "hot_2"},
                 read_temperature,
                 "thinking modes ignore it: switch thinking off in the route's request"});
  all.push_back({"top_p", group, Weight::adapter, {"hot_1", "hot_2", "top_p_1", "top_p_2"}, makes_certain("top_p", {"top_p_1", "top_p_2"}), drop});
  all.push_back({"top_k", group, Weight::adapter, {"hot_1", "hot_2", "top_k_1", "top_k_2"}, makes_certain("top_k", {"top_k_1", "top_k_2"}), drop});
  all.push_back({"min_p", group, Weight::adapter, {"hot_1", "hot_2", "min_p_1", "min_p_2"}, makes_certain("min_p", {"min_p_1", "min_p_2"}), drop});
  all.push_back({"seed",
                 group,
                 Weight::adapter,
                 {"hot_1", "hot_2", "seed_1", "seed_2", "seed_3"},
                 makes_certain("seed", {"seed_1", "seed_2", "seed_3"}),
                 "the same seed gives other words at B: do not depend on repeated answers"});
  all.push_back({"presence_penalty", group, Weight::adapter, {"presence_low", "presence_high"}, makes_different("presence_low", "presence_high"), drop});
  all.push_back({"frequency_penalty", group, Weight::adapter, {"frequency_low", "frequency_high"}, makes_different("frequency_low", "frequency_high"), drop});
  all.push_back(
      {"repetition_penalty", group, Weight::adapter, {"ticks", "repetition_high"}, makes_different("ticks", "repetition_high"), "use frequency_penalty at B"});
  all.push_back({"logit_bias",
                 group,
                 Weight::adapter,
                 {"whole", "logit_bias"},
                 makes_different("whole", "logit_bias"),
                 "token ids belong to one tokenizer: leave it out"});
  all.push_back({"max_tokens", group, Weight::adapter, {"max_tokens"}, limits_to_two("max_tokens"), "send max_completion_tokens to B"});
  all.push_back({"max_completion_tokens",
                 group,
                 Weight::adapter,
                 {"max_completion_tokens"},
                 limits_to_two("max_completion_tokens"),
                 "send max_tokens to B, or answers there have no bound"});
  all.push_back(
      {"stop", group, Weight::blocker, {"whole", "stop"}, read_stop("whole", "stop"), "answers run on at B: cut them in the caller, and pay for the rest"});
  all.push_back({"stop_korean", group, Weight::adapter, {"korean", "stop_korean"}, read_stop("korean", "stop_korean"), "cut the answer in the caller"});
  all.push_back({"stop_count", group, Weight::adapter, {"stop_5", "stop_17"}, read_stop_count, "send B no more stop texts than it takes"});
  all.push_back({"n", group, Weight::adapter, {"n"}, read_n, "ask n times"});
  all.push_back({"logprobs", group, Weight::adapter, {"logprobs"}, read_logprobs, "keep requests that need them on A"});
  all.push_back({"ignore_eos", group, Weight::note, {"ignore_eos"}, read_ignore_eos, "for load tests only"});
  all.push_back(
      {"structured_outputs", group, Weight::adapter, {"structured_outputs"}, is_one_of_the_choices("structured_outputs"), "use response_format with a schema"});
  all.push_back({"guided_choice", group, Weight::adapter, {"guided_choice"}, is_one_of_the_choices("guided_choice"), "use response_format with a schema"});
  all.push_back({"chat_template_kwargs", group, Weight::note, {"template_arguments"}, is_answered("template_arguments"), "leave it out for B"});
  all.push_back({"user", group, Weight::note, {"user"}, is_answered("user"), "leave it out for B"});
  all.push_back({"unknown_field",
                 group,
                 Weight::note,
                 {"unknown_field"},
                 is_answered("unknown_field"),
                 "B refuses what it does not know: send it nothing that is only A's"});
}

}  // namespace bellwether::parity
