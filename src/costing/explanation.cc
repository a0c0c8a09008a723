#include "costing/explanation.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace bellwether::costing {
namespace {

constexpr std::array<std::string_view, 7> line_names{"stated", "rent", "purchase", "power", "colocation", "other", "staff"};

std::string text_of(const Span& span) {
  const std::string value = "$" + to_short_decimal(span.value);
  return span.low == span.high ? value : fmt::format("{} ({}–{})", value, "$" + to_short_decimal(span.low), "$" + to_short_decimal(span.high));
}

std::string text_of(std::int64_t low, std::int64_t value, std::int64_t high) {
  return low == high ? with_separators(value) : fmt::format("{} ({}–{})", with_separators(value), with_separators(low), with_separators(high));
}

std::string source_of(const Candidate& candidate) {
  switch (candidate.origin) {
    case Origin::flag: return "--price";
    case Origin::scenario: return "scenario file";
    case Origin::price_list: break;
  }
  return fmt::format("{}, checked {}", candidate.source, candidate.checked ? to_text(*candidate.checked) : "never");
}

}  // namespace

std::vector<Explanation> explain(const Comparison& comparison) {
  const Question& question = comparison.question;
  const Volume& volume = question.volume;
  std::vector<Explanation> all;
  all.push_back({"volume.input_tokens", "tokens a month", text_of(volume.low.input, volume.value.input, volume.high.input), volume.source});
  all.push_back({"volume.cached_input_tokens", "⊂ input",
                 text_of(std::min(volume.low.cached, volume.high.cached), volume.value.cached, std::max(volume.low.cached, volume.high.cached)),
                 volume.cached_is_known ? volume.source : "not known"});
  all.push_back({"volume.output_tokens", "tokens a month", text_of(volume.low.output, volume.value.output, volume.high.output), volume.source});
  for (const Trace& trace : volume.traces) all.push_back({trace.figure, trace.text, trace.value, trace.source});
  all.push_back({"volume.tokens_per_second", fmt::format("{} ÷ {} s", with_separators(volume.value.total()), with_separators(seconds_of_month)),
                 with_separators(tokens_per_second(volume.value.total())), "730 h a month"});
  for (const CostLine& line : comparison.own.lines)
    all.push_back({fmt::format("self_hosted.{}", line_names[static_cast<std::size_t>(line.kind)]), line.formula, text_of(line.monthly),
                   line.kind == LineKind::stated ? "--self-hosted" : "scenario file"});
  if (const Nodes& nodes = comparison.own.nodes; nodes.paid > 0)
    all.push_back(
        {"self_hosted.nodes",
         fmt::format("max(stated {}, for the load {}, for the weights {}) + spares {}", nodes.stated, nodes.for_load, nodes.for_weights, nodes.spares),
         std::to_string(nodes.paid), "scenario file, table of GPUs"});
  for (const Row& row : comparison.rows) {
    const std::string name = "candidates." + row.candidate.name;
    all.push_back({name + ".monthly_usd", row.formula, text_of(row.monthly), source_of(row.candidate)});
    all.push_back({name + ".saved_usd", "self_hosted − candidate, low with high and high with low", text_of(row.saved), "the two figures above"});
    if (row.break_even && row.break_even->value && row.per_million)
      all.push_back({name + ".break_even",
                     fmt::format("tokens at which {} per 1M cost as much as the own side", "$" + to_short_decimal(row.per_million->value)),
                     with_separators(*row.break_even->value) + " tokens a month", "nodes are added whenever those there are full"});
  }
  return all;
}

}  // namespace bellwether::costing
