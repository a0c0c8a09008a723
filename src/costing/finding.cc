#include "costing/finding.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "costing/comparison.h"

namespace bellwether::costing {
namespace {

// A hosted price that nobody has looked at for longer may have moved: DeepSeek's did five times between September 2025 and September 2026.
constexpr std::chrono::days unchecked_max{60};
constexpr std::int64_t reference_gpus = 8;
constexpr std::string_view reference_model = "deepseek-v3", reference_name = "DeepSeek-V3";
constexpr std::int64_t room_percent_min = 10;  // Of the memory, beside the weights, for the contexts that are served.

class Findings {
 public:
  explicit Findings(const Comparison& comparison) : comparison_{comparison}, question_{comparison.question}, scenario_{std::get_if<Scenario>(&question_.own)} {}

  [[nodiscard]] std::vector<Finding> all();

 private:
  void add(FindingKind kind, Severity severity, std::vector<std::string> figures = {}) { found_.push_back({kind, severity, std::move(figures)}); }
  void reference_weights();
  void stated_below_rent();
  void weights();
  void load();
  void idle();
  void volume();
  void candidate(const Row& row);
  void rate();

  const Comparison& comparison_;
  const Question& question_;
  const Scenario* scenario_;
  std::vector<Finding> found_;
};

/// A bare figure says nothing of its machines: what DeepSeek-V3 needs is said beside it.
void Findings::reference_weights() {
  const Weights* weights = find_weights(reference_model, Precision::fp8);
  add(FindingKind::reference_does_not_fit, Severity::note,
      {std::string(reference_name), "FP8", fmt::format("{}–{}", weights->gb_min, weights->gb_max),
       std::to_string(reference_gpus * find_gpu("H100")->memory_gb)});
}

void Findings::stated_below_rent() {
  const Span stated = to_usd(std::get<Stated>(question_.own).monthly, question_.rate);
  // The cheapest node of eight that holds the weights, at the lowest rent known.
  const RentFact* rent = find_rent("H200");
  const Money node = to_money(Wide{rent->low.nano_usd} * reference_gpus * hours_of_month);
  if (stated.high >= node) return;
  add(FindingKind::stated_below_rent, Severity::doubtful,
      {fmt::format("{} × H200 × {} h × ${}", reference_gpus, hours_of_month, to_short_decimal(rent->low)), "$" + to_readable(node),
       "$" + to_readable(stated.high), to_percent(tenths_of_percent(stated.high, node).value()), with_separators(stated.high.nano_usd / rent->low.nano_usd),
       with_separators(reference_gpus * hours_of_month), std::string(rent->source)});
}

void Findings::weights() {
  const Weights* known = find_weights(scenario_->model, scenario_->precision);
  const Node& node = scenario_->node;
  if (scenario_->precision == Precision::int4 && !scenario_->model.empty()) add(FindingKind::other_precision, Severity::doubtful, {scenario_->model, "INT4"});
  if (!node.memory_gb || (known == nullptr && !scenario_->weights_gb)) return;
  const std::int64_t min = scenario_->weights_gb ? *scenario_->weights_gb : known->gb_min;
  const std::int64_t max = scenario_->weights_gb ? *scenario_->weights_gb : known->gb_max;
  const std::int64_t memory = node.gpus * *node.memory_gb;
  const std::string range = min == max ? std::to_string(min) : fmt::format("{}–{}", min, max);
  const std::string model = scenario_->model.empty() ? std::string("the model") : scenario_->model;
  if (comparison_.own.nodes.for_weights > std::max<std::int64_t>(node.count, 1))
    add(FindingKind::weights_do_not_fit, Severity::cannot_be,
        {model, std::string(to_text(scenario_->precision)), range, fmt::format("{} × {} × {}", node.count, node.gpus, node.gpu.empty() ? "GPU" : node.gpu),
         with_separators(memory * node.count), std::to_string(comparison_.own.nodes.for_weights), std::to_string(comparison_.own.nodes.paid)});
  else if (const std::int64_t group = memory * std::max<std::int64_t>(comparison_.own.nodes.for_weights, 1); group * (100 - room_percent_min) < max * 100)
    add(FindingKind::weights_barely_fit, Severity::doubtful, {model, std::string(to_text(scenario_->precision)), range, with_separators(group)});
}

void Findings::load() {
  const Nodes& nodes = comparison_.own.nodes;
  if (!scenario_->node.tokens_per_second) return add(FindingKind::speed_not_known, Severity::doubtful);
  if (nodes.for_load > nodes.stated)
    add(FindingKind::too_many_tokens, Severity::cannot_be,
        {with_separators(tokens_per_second(question_.volume.value.total())),
         question_.volume.peak_tokens_per_second ? with_separators(*question_.volume.peak_tokens_per_second) : std::string("–"),
         with_separators(*scenario_->node.tokens_per_second), share_to_percent(scenario_->node.utilisation), std::to_string(nodes.stated),
         std::to_string(nodes.paid)});
  if (nodes.spares == 0 && nodes.paid == std::max<std::int64_t>(nodes.for_weights, 1)) add(FindingKind::no_spare, Severity::note);
}

void Findings::idle() {
  const std::int64_t total = question_.volume.value.total();
  std::int64_t low = node_tokens_per_second_low, high = node_tokens_per_second_high;
  if (scenario_ != nullptr && scenario_->node.tokens_per_second)
    low = high = *scenario_->node.tokens_per_second * (comparison_.own.nodes.paid - comparison_.own.nodes.spares);
  const auto idle = [&](std::int64_t speed) {
    return 1000 - std::min<std::int64_t>(
                      1000, static_cast<std::int64_t>((Wide{total} * 1000 + Wide{speed} * seconds_of_month / 2) / (Wide{speed} * seconds_of_month)));
  };
  const auto range = [&](const std::string& one, const std::string& other) { return low == high ? one : one + "–" + other; };
  add(FindingKind::idle, Severity::note,
      {with_separators(tokens_per_second(total)), range(with_separators(low), with_separators(high)), range(to_percent(idle(low)), to_percent(idle(high)))});
}

void Findings::volume() {
  if (question_.volume.basis == VolumeBasis::stated) add(FindingKind::volume_stated, Severity::note);
  const bool any_cached_price = std::ranges::any_of(comparison_.rows, [](const Row& row) { return row.candidate.tariff.price.cached_input.has_value(); });
  if (!question_.volume.cached_is_known && any_cached_price) add(FindingKind::cached_not_known, Severity::note);
  const bool any_window = std::ranges::any_of(comparison_.rows, [](const Row& row) { return !row.candidate.tariff.windows.empty(); });
  if (any_window && !question_.hours && (scenario_ == nullptr || !scenario_->peak_share)) add(FindingKind::hours_not_known, Severity::note);
}

void Findings::candidate(const Row& row) {
  const Candidate& candidate = row.candidate;
  const Date today = question_.today;
  if (candidate.valid_to && *candidate.valid_to <= Instant{today})
    add(FindingKind::price_expired, Severity::cannot_be, {candidate.name, to_text(std::chrono::floor<std::chrono::days>(*candidate.valid_to))});
  else if (candidate.checked && today - *candidate.checked > unchecked_max)
    add(FindingKind::price_unchecked, Severity::doubtful, {candidate.name, to_text(*candidate.checked), std::to_string((today - *candidate.checked).count())});
  if (!candidate.tariff.price.cached_input && question_.volume.value.cached > 0) add(FindingKind::no_cached_price, Severity::note, {candidate.name});
}

void Findings::rate() {
  if (!question_.rate || question_.today - question_.rate->on <= unchecked_max) return;
  add(FindingKind::rate_old, Severity::doubtful,
      {to_short_decimal(question_.rate->won_per_usd), to_text(question_.rate->on), std::to_string((question_.today - question_.rate->on).count())});
}

std::vector<Finding> Findings::all() {
  if (scenario_ == nullptr) {
    stated_below_rent();
    reference_weights();
  } else {
    weights();
    load();
    if (scenario_->purchase && scenario_->purchase->capital == Capital::sunk) add(FindingKind::sunk, Severity::note);
  }
  idle();
  volume();
  for (const Row& row : comparison_.rows) candidate(row);
  rate();
  std::ranges::stable_sort(found_, {}, &Finding::severity);
  return std::move(found_);
}

}  // namespace

std::string_view to_text(Severity severity) {
  constexpr std::array<std::string_view, 3> words{"cannot_be", "doubtful", "note"};
  return words[static_cast<std::size_t>(severity)];
}

std::string_view to_text(FindingKind kind) {
  constexpr std::array<std::string_view, 17> names{"weights_do_not_fit",
                                                   "weights_barely_fit",
                                                   "reference_does_not_fit",
                                                   "other_precision",
                                                   "stated_below_rent",
                                                   "too_many_tokens",
                                                   "speed_not_known",
                                                   "idle",
                                                   "cached_not_known",
                                                   "no_cached_price",
                                                   "hours_not_known",
                                                   "price_unchecked",
                                                   "price_expired",
                                                   "rate_old",
                                                   "sunk",
                                                   "no_spare",
                                                   "volume_stated"};
  return names[static_cast<std::size_t>(kind)];
}

std::vector<Finding> find_findings(const Comparison& comparison) { return Findings{comparison}.all(); }

}  // namespace bellwether::costing
