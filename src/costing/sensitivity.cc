#include "costing/sensitivity.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>

#include "costing/comparison.h"

namespace bellwether::costing {
namespace {

// The ranges that are tried where nothing better is known; docs/roi.md gives the reason for each.
constexpr Parts half = 500'000, twice = 2'000'000;
constexpr Parts rent_range = 250'000, purchase_range = 200'000, staff_range = 500'000, electricity_range = 250'000, rate_range = 100'000;
constexpr Parts residual_low = 100'000, residual_high = 350'000;
constexpr Parts output_points = 100'000;  // Of all tokens, up and down.
constexpr Parts peak_high = 800'000;

struct End {
  std::string text;
  Question question;
};

Scenario* scenario_of(Question& question) { return std::get_if<Scenario>(&question.own); }

Tokens with_cached(const Tokens& tokens, Parts share) {
  Tokens other = tokens;
  other.cached = static_cast<std::int64_t>(Wide{tokens.input} * share / whole);
  return other;
}

/// The volume's middle becomes what is tried: `saving` looks at the middle alone.
End at_tokens(const Question& question, const Tokens& tokens, std::string text) {
  Question other = with_total(question, tokens.total());
  other.volume.value = other.volume.low = other.volume.high = tokens;
  return {std::move(text), std::move(other)};
}

End at_total(const Question& question, std::int64_t total) { return {to_short_tokens(total), with_total(question, total)}; }

Money scaled(Money money, Parts factor) { return to_money(Wide{money.nano_usd} * factor, whole); }

std::string text_of(Money money, Currency currency) { return (currency == Currency::krw ? "₩" : "$") + to_readable(money); }

/// An amount of the scenario at its own ends, or by `range` up and down where it is one figure.
using AmountOf = std::function<Amount*(Question&)>;
std::pair<End, End> at_amount(const Question& question, const AmountOf& amount_of, Parts range) {
  Question low = question, high = question;
  Amount& at_low = *amount_of(low);
  Amount& at_high = *amount_of(high);
  const Amount given = at_low;
  const bool is_range = given.low < given.high;
  at_low.low = at_low.high = is_range ? given.low : scaled(given.low, whole - range);
  at_high.low = at_high.high = is_range ? given.high : scaled(given.high, whole + range);
  return {End{text_of(at_low.low, given.currency), std::move(low)}, End{text_of(at_high.low, given.currency), std::move(high)}};
}

class Swings {
 public:
  Swings(const Question& question, const Candidate& candidate) : question_{question}, candidate_{candidate} {}

  void volume();
  void cached_share();
  void output_share();
  void own_amounts();
  void residual();
  void node_speed();
  void hosted_price();
  void peak_hours();
  void exchange_rate();
  [[nodiscard]] std::vector<Swing> sorted() &&;

 private:
  void add(Input input, const End& low, const End& high) { add(input, low, high, candidate_, candidate_); }
  void add(Input input, const End& low, const End& high, const Candidate& at_low, const Candidate& at_high);
  void add(Input input, const std::pair<End, End>& ends) { add(input, ends.first, ends.second); }

  const Question& question_;
  const Candidate& candidate_;
  std::vector<Swing> swings_;
};

void Swings::add(Input input, const End& low, const End& high, const Candidate& at_low, const Candidate& at_high) {
  swings_.push_back({input, low.text, high.text, saving(low.question, at_low), saving(high.question, at_high)});
}

void Swings::volume() {
  const Volume& volume = question_.volume;
  const std::int64_t total = volume.value.total();
  const bool has_range = volume.low.total() < volume.high.total();
  add(Input::volume, at_total(question_, has_range ? volume.low.total() : total / 2),
      at_total(question_, has_range ? volume.high.total() : std::min(total * 2, tokens_max)));
}

void Swings::cached_share() {
  const Tokens& tokens = question_.volume.value;
  const Parts measured = tokens.input == 0 ? 0 : static_cast<Parts>(Wide{tokens.cached} * whole / tokens.input);
  const Parts high = std::max<Parts>(measured, fleet_hit_share);
  add(Input::cached_share, at_tokens(question_, with_cached(tokens, 0), "0 %"),
      at_tokens(question_, with_cached(tokens, high), share_to_percent(high / 1000 * 1000) + " %"));
}

void Swings::output_share() {
  const Tokens& tokens = question_.volume.value;
  const std::int64_t total = tokens.total();
  const Parts now = static_cast<Parts>(Wide{tokens.output} * whole / total);
  const Parts cached = tokens.input == 0 ? 0 : static_cast<Parts>(Wide{tokens.cached} * whole / tokens.input);
  const auto at = [&](Parts share) {
    const std::int64_t output = static_cast<std::int64_t>(Wide{total} * share / whole);
    return at_tokens(question_, with_cached({.input = total - output, .cached = 0, .output = output}, cached), share_to_percent(share / 1000 * 1000) + " %");
  };
  add(Input::output_share, at(std::max<Parts>(now - output_points, 0)), at(std::min<Parts>(now + output_points, whole)));
}

void Swings::own_amounts() {
  if (std::holds_alternative<Stated>(question_.own)) {
    const auto stated = [](Question& question) { return &std::get<Stated>(question.own).monthly; };
    return add(Input::stated_cost, at_amount(question_, stated, rent_range));
  }
  const Scenario& scenario = std::get<Scenario>(question_.own);
  if (scenario.rent) add(Input::rent, at_amount(question_, [](Question& q) { return &scenario_of(q)->rent->per_gpu_hour; }, rent_range));
  if (scenario.purchase) add(Input::purchase, at_amount(question_, [](Question& q) { return &scenario_of(q)->purchase->per_node; }, purchase_range));
  if (scenario.staff) add(Input::staff, at_amount(question_, [](Question& q) { return &scenario_of(q)->staff->per_hour; }, staff_range));
  if (scenario.power) add(Input::electricity, at_amount(question_, [](Question& q) { return &scenario_of(q)->power->per_kwh; }, electricity_range));
}

void Swings::residual() {
  const auto* scenario = std::get_if<Scenario>(&question_.own);
  if (scenario == nullptr || !scenario->purchase) return;
  const auto at = [&](Parts share) {
    Question other = question_;
    scenario_of(other)->purchase->residual = share;
    return End{share_to_percent(share) + " %", std::move(other)};
  };
  add(Input::residual, at(residual_low), at(residual_high));
}

void Swings::node_speed() {
  const auto* scenario = std::get_if<Scenario>(&question_.own);
  if (scenario == nullptr || !scenario->node.tokens_per_second) return;
  const auto at = [&](Parts factor) {
    Question other = question_;
    std::int64_t& speed = *scenario_of(other)->node.tokens_per_second;
    speed = std::max<std::int64_t>(1, static_cast<std::int64_t>(Wide{speed} * factor / whole));
    std::string text = with_separators(speed) + "/s";
    return End{std::move(text), std::move(other)};
  };
  add(Input::node_speed, at(half), at(twice));
}

void Swings::hosted_price() {
  const auto at = [&](Parts factor) {
    Candidate other = candidate_;
    const auto scale = [&](metering::Price& price) {
      price.input = scaled(price.input, factor);
      price.output = scaled(price.output, factor);
      if (price.cached_input) price.cached_input = scaled(*price.cached_input, factor);
    };
    scale(other.tariff.price);
    for (Window& window : other.tariff.windows) scale(window.price);
    return other;
  };
  add(Input::hosted_price, {"× 0.5", question_}, {"× 2", question_}, at(half), at(twice));
}

void Swings::peak_hours() {
  if (candidate_.tariff.windows.empty() || question_.hours) return;
  const auto at = [&](Parts share) {
    // As a tariff without windows, whose price is the mean of those that apply.
    Candidate other = candidate_;
    other.tariff.windows.clear();
    const metering::Price& peak = candidate_.tariff.windows.front().price;
    const auto mix = [&](Money away, Money there) { return to_money(Wide{away.nano_usd} * (whole - share) + Wide{there.nano_usd} * share, whole); };
    metering::Price& price = other.tariff.price;
    price.cached_input = mix(price.cached_input.value_or(price.input), peak.cached_input.value_or(peak.input));
    price.input = mix(price.input, peak.input);
    price.output = mix(price.output, peak.output);
    return other;
  };
  add(Input::peak_hours, {"0 %", question_}, {share_to_percent(peak_high) + " %", question_}, at(0), at(peak_high));
}

void Swings::exchange_rate() {
  if (!question_.rate) return;
  const auto at = [&](Parts factor) {
    Question other = question_;
    other.rate->won_per_usd = scaled(other.rate->won_per_usd, factor);
    return End{to_readable(other.rate->won_per_usd) + " ₩/$", std::move(other)};
  };
  add(Input::exchange_rate, at(whole - rate_range), at(whole + rate_range));
}

std::vector<Swing> Swings::sorted() && {
  std::erase_if(swings_, [](const Swing& swing) { return swing.width() == Money{}; });
  std::ranges::stable_sort(swings_, std::greater{}, [](const Swing& swing) { return swing.width(); });
  return std::move(swings_);
}

}  // namespace

Money Swing::width() const { return saving_low < saving_high ? saving_high - saving_low : saving_low - saving_high; }

std::string_view to_text(Input input) {
  constexpr std::array<std::string_view, 13> names{"volume",         "cached_share",   "output_share", "stated_cost", "rent_per_gpu_hour",
                                                   "purchase_price", "residual_value", "node_speed",   "staff_rate",  "electricity",
                                                   "hosted_price",   "peak_hours",     "exchange_rate"};
  return names[static_cast<std::size_t>(input)];
}

std::vector<Swing> swings(const Question& question, const Candidate& candidate) {
  Swings all{question, candidate};
  if (question.volume.value.total() > 0) {
    all.volume();
    all.cached_share();
    all.output_share();
  }
  all.own_amounts();
  all.residual();
  all.node_speed();
  all.hosted_price();
  all.peak_hours();
  all.exchange_rate();
  return std::move(all).sorted();
}

}  // namespace bellwether::costing
