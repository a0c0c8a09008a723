#include "costing/own_side.h"

#include <fmt/format.h>

#include <algorithm>

namespace bellwether::costing {
namespace {

/// The amount times `numerator / denominator`, at each of its points.
Span times(const Span& amount, Wide numerator, Wide denominator) {
  return {to_money(amount.low.nano_usd * numerator, denominator), to_money(amount.value.nano_usd * numerator, denominator),
          to_money(amount.high.nano_usd * numerator, denominator)};
}

std::string text_of(const Amount& amount) {
  const auto one = [&](Money money) { return (amount.currency == Currency::krw ? "₩" : "$") + to_short_decimal(money); };
  return amount.low == amount.high ? one(amount.low) : one(amount.low) + "–" + one(amount.high);
}

/// With what turns won into dollars behind it.
std::string converted(const Amount& amount, const std::optional<ExchangeRate>& rate) {
  return amount.currency == Currency::krw ? fmt::format(" ÷ {} ₩/$", to_short_decimal(rate->won_per_usd)) : "";
}

std::string text_of_factor(Parts parts) {
  std::string text = fmt::format("{}.{:06}", parts / whole, parts % whole);
  while (text.ends_with('0')) text.pop_back();
  if (text.ends_with('.')) text.pop_back();
  return text;
}

std::int64_t ceiling(Wide numerator, Wide denominator) { return static_cast<std::int64_t>((numerator + denominator - 1) / denominator); }

CostLine rent_line(const Scenario& scenario, std::int64_t nodes, const std::optional<ExchangeRate>& rate) {
  const Rent& rent = *scenario.rent;
  const std::int64_t hours = rent.committed ? hours_of_month : rent.hours;
  return {LineKind::rent, times(to_usd(rent.per_gpu_hour, rate), Wide{nodes} * scenario.node.gpus * hours, 1),
          fmt::format("{} × {} GPU × {} h × {}/GPU-h{}", nodes, scenario.node.gpus, hours, text_of(rent.per_gpu_hour), converted(rent.per_gpu_hour, rate))};
}

CostLine purchase_line(const Scenario& scenario, std::int64_t nodes, const std::optional<ExchangeRate>& rate) {
  const Purchase& purchase = *scenario.purchase;
  const bool counted = purchase.capital == Capital::counted;
  return {LineKind::purchase, times(to_usd(purchase.per_node, rate), counted ? Wide{nodes} * (whole - purchase.residual) : 0, Wide{whole} * purchase.months),
          counted ? fmt::format("{} × {} × (1 − {} %) ÷ {} mo{}", nodes, text_of(purchase.per_node), share_to_percent(purchase.residual), purchase.months,
                                converted(purchase.per_node, rate))
                  : fmt::format("{} × {} = sunk → $0", nodes, text_of(purchase.per_node))};
}

CostLine power_line(const Scenario& scenario, std::int64_t nodes, const std::optional<ExchangeRate>& rate) {
  const Power& power = *scenario.power;
  const Wide milliwatt_hours_scaled = Wide{nodes} * power.watts_per_node * hours_of_month * power.load * power.pue;
  return {LineKind::power, times(to_usd(power.per_kwh, rate), milliwatt_hours_scaled, Wide{1000} * whole * whole),
          fmt::format("{} × {} kW × {} % × PUE {} × {} h × {}/kWh{}", nodes, text_of_factor(power.watts_per_node * 1000), share_to_percent(power.load),
                      text_of_factor(power.pue), hours_of_month, text_of(power.per_kwh), converted(power.per_kwh, rate))};
}

CostLine colocation_line(const Scenario& scenario, std::int64_t nodes, const std::optional<ExchangeRate>& rate) {
  const std::int64_t watts = scenario.power ? scenario.power->watts_per_node : node_watts;
  const Amount& price = *scenario.colocation_per_kw;
  return {LineKind::colocation, times(to_usd(price, rate), Wide{nodes} * watts, 1000),
          fmt::format("{} × {} kW × {}/kW{}", nodes, text_of_factor(watts * 1000), text_of(price), converted(price, rate))};
}

CostLine staff_line(const Staff& staff, const std::optional<ExchangeRate>& rate) {
  return {LineKind::staff, times(to_usd(staff.per_hour, rate), staff.hours, whole),
          fmt::format("{} h × {}/h{}", text_of_factor(staff.hours), text_of(staff.per_hour), converted(staff.per_hour, rate))};
}

}  // namespace

Nodes nodes_for(const Scenario& scenario, std::int64_t load, std::optional<std::int64_t> peak_tokens_per_second) {
  const Node& node = scenario.node;
  Nodes nodes{.stated = node.count, .for_load = 0, .for_weights = 0, .spares = node.spares, .paid = 0, .capacity = {}};
  const Weights* weights = find_weights(scenario.model, scenario.precision);
  const std::int64_t gb = scenario.weights_gb ? *scenario.weights_gb : weights != nullptr ? weights->gb_min : 0;
  if (gb > 0 && node.memory_gb) nodes.for_weights = ceiling(gb, Wide{node.gpus} * *node.memory_gb);
  if (node.tokens_per_second) {
    const Wide planned = Wide{*node.tokens_per_second} * node.utilisation;
    // A peak is met at full speed; the average within the planned utilisation.
    nodes.for_load = std::max(ceiling(Wide{load} * whole, planned * seconds_of_month), ceiling(peak_tokens_per_second.value_or(0), *node.tokens_per_second));
  }
  std::int64_t needed = std::max({node.count, nodes.for_load, nodes.for_weights, std::int64_t{1}});
  // A model that spans several nodes takes them in groups of that size.
  if (nodes.for_weights > 1) needed = ceiling(needed, nodes.for_weights) * nodes.for_weights;
  nodes.paid = needed + node.spares;
  if (node.tokens_per_second) nodes.capacity = static_cast<std::int64_t>(Wide{needed} * *node.tokens_per_second * node.utilisation / whole * seconds_of_month);
  return nodes;
}

OwnSide own_side(const Scenario& scenario, const Nodes& nodes, const std::optional<ExchangeRate>& rate) {
  OwnSide side{.lines = {}, .monthly = {}, .nodes = nodes};
  if (scenario.rent) side.lines.push_back(rent_line(scenario, nodes.paid, rate));
  if (scenario.purchase) side.lines.push_back(purchase_line(scenario, nodes.paid, rate));
  if (scenario.power) side.lines.push_back(power_line(scenario, nodes.paid, rate));
  if (scenario.colocation_per_kw) side.lines.push_back(colocation_line(scenario, nodes.paid, rate));
  if (scenario.other) side.lines.push_back({LineKind::other, to_usd(*scenario.other, rate), text_of(*scenario.other) + converted(*scenario.other, rate)});
  if (scenario.staff) side.lines.push_back(staff_line(*scenario.staff, rate));
  for (const CostLine& line : side.lines) side.monthly = side.monthly + line.monthly;
  return side;
}

OwnSide own_side(const Question& question) {
  if (const auto* stated = std::get_if<Stated>(&question.own)) {
    const Span monthly = to_usd(stated->monthly, question.rate);
    return {.lines = {{LineKind::stated, monthly, text_of(stated->monthly) + converted(stated->monthly, question.rate)}}, .monthly = monthly, .nodes = {}};
  }
  const Scenario& scenario = std::get<Scenario>(question.own);
  const auto at = [&](const Tokens& tokens) {
    // A peak grows and shrinks with the month around it.
    std::optional<std::int64_t> peak = question.volume.peak_tokens_per_second;
    if (const std::int64_t middle = question.volume.value.total(); peak && middle > 0) peak = static_cast<std::int64_t>(Wide{*peak} * tokens.total() / middle);
    return own_side(scenario, nodes_for(scenario, tokens.total(), peak), question.rate);
  };
  OwnSide side = at(question.volume.value);
  const OwnSide low = at(question.volume.low), high = at(question.volume.high);
  for (std::size_t i = 0; i < side.lines.size(); ++i) {
    side.lines[i].monthly.low = low.lines[i].monthly.low;
    side.lines[i].monthly.high = high.lines[i].monthly.high;
  }
  side.monthly.low = low.monthly.low;
  side.monthly.high = high.monthly.high;
  return side;
}

}  // namespace bellwether::costing
