#include "costing/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/check.h"

namespace bellwether::costing {
namespace {

constexpr std::int64_t nodes_tried_max = 10'000;  // As many as a scenario can state.
/// Of the tokens at peak hours, at most, where their hours are not known: what Korean business traffic has in DeepSeek's windows.
constexpr Parts peak_share_high = 800'000;

struct WindowShares {
  Shares value;
  std::vector<Shares> ends;  ///< What else may be, where the hours are not known.
};

const Scenario* scenario_of(const Question& question) { return std::get_if<Scenario>(&question.own); }

WindowShares shares_for(const Question& question, const Tariff& tariff) {
  if (question.hours) return {shares_of_windows(tariff, *question.hours), {}};
  const Scenario* scenario = scenario_of(question);
  if (scenario != nullptr && scenario->peak_share) return {shares_of_windows(tariff, *scenario->peak_share), {}};
  return {shares_of_windows(tariff, evenly_spread()), {shares_of_windows(tariff, Parts{0}), shares_of_windows(tariff, peak_share_high)}};
}

/// The bill with what comes on top of it.
Money with_extras(const Question& question, Money bill, Money Span::* point) {
  const Scenario* scenario = scenario_of(question);
  if (scenario == nullptr) return bill;
  Money all = to_money(Wide{bill.nano_usd} * (whole + scenario->fee), whole);
  if (scenario->gateway) all = all + to_usd(*scenario->gateway, question.rate).*point;
  return all;
}

Parts batch_share_of(const Question& question) {
  const Scenario* scenario = scenario_of(question);
  return scenario == nullptr ? 0 : scenario->batch_share;
}

Tokens scaled(const Tokens& tokens, std::int64_t total, std::int64_t before) {
  const auto scale = [&](std::int64_t part) { return static_cast<std::int64_t>(Wide{part} * total / before); };
  const std::int64_t input = scale(tokens.input);
  return {.input = input, .cached = std::min(scale(tokens.cached), input), .output = total - input};
}

std::optional<Span> per_million(const Span& monthly, std::int64_t tokens) {
  if (tokens == 0) return std::nullopt;
  const auto one = [&](Money money) { return to_money(Wide{money.nano_usd} * 1'000'000, tokens); };
  return Span{one(monthly.low), one(monthly.value), one(monthly.high)};
}

/// Tokens at which a candidate costs as much as `own`. The mix is the middle one's.
std::optional<std::int64_t> tokens_worth(const Question& question, const Candidate& candidate, Money own, Money Span::* point) {
  const Scenario* scenario = scenario_of(question);
  const Tokens& mix = question.volume.value;
  const Money bill = cost_of(mix, candidate.tariff, shares_for(question, candidate.tariff).value, batch_share_of(question));
  const Wide fee = scenario == nullptr ? Wide{whole} : Wide{whole + scenario->fee};
  const Money gateway = scenario == nullptr || !scenario->gateway ? Money{} : to_usd(*scenario->gateway, question.rate).*point;
  if (bill.nano_usd <= 0 || mix.total() == 0) return std::nullopt;
  const Wide rest = std::max<Wide>(Wide{own.nano_usd} - gateway.nano_usd, 0);
  const Wide tokens = rest * mix.total() / bill.nano_usd * whole / fee;
  return tokens > tokens_max ? std::nullopt : std::optional(static_cast<std::int64_t>(tokens));
}

/// The first volume at which the own side is no dearer. Own cost is a staircase: a node more whenever the ones there are full.
std::optional<std::int64_t> break_even_at(const Question& question, const Candidate& candidate, Money Span::* point) {
  const Scenario* scenario = scenario_of(question);
  if (scenario == nullptr) return tokens_worth(question, candidate, to_usd(std::get<Stated>(question.own).monthly, question.rate).*point, point);
  std::int64_t full_before = 0;
  for (std::int64_t count = scenario->node.count; count <= nodes_tried_max;) {
    Scenario larger = *scenario;
    larger.node.count = count;
    const Nodes nodes = nodes_for(larger, 0, std::nullopt);
    const auto tokens = tokens_worth(question, candidate, own_side(larger, nodes, question.rate).monthly.*point, point);
    if (!tokens) return std::nullopt;
    if (!nodes.capacity) return tokens;  // How much a node serves is not known: as if it were enough.
    if (*tokens <= *nodes.capacity) return std::max(*tokens, full_before);
    full_before = *nodes.capacity;
    // In steps that grow, so that a plant of thousands of nodes is not walked one by one: the answer is found within one part in 64.
    count = nodes.paid - nodes.spares + std::max<std::int64_t>(1, count / 64);
  }
  return std::nullopt;
}

std::string formula_of(const Question& question, const Candidate& candidate, const Shares& shares) {
  const Tokens& tokens = question.volume.value;
  const auto priced = [&](const metering::Price& price) {
    const auto usd = [](Money money) { return "$" + to_short_decimal(money); };
    std::string text = fmt::format("{} × {}", to_exact_tokens(tokens.input - tokens.cached), usd(price.input));
    if (tokens.cached > 0) text += fmt::format(" + {} × {}", to_exact_tokens(tokens.cached), usd(price.cached_input.value_or(price.input)));
    return text + fmt::format(" + {} × {}", to_exact_tokens(tokens.output), usd(price.output));
  };
  // Windows of one price are one part of the sum.
  std::vector<std::pair<metering::Price, std::int64_t>> parts;
  std::int64_t rest = shares.all;
  for (std::size_t i = 0; i < shares.of_window.size(); ++i) {
    if (shares.of_window[i] == 0) continue;
    rest -= shares.of_window[i];
    const metering::Price& price = candidate.tariff.windows[i].price;
    const auto same = std::ranges::find(parts, price, &std::pair<metering::Price, std::int64_t>::first);
    if (same != parts.end()) same->second += shares.of_window[i];
    else parts.emplace_back(price, shares.of_window[i]);
  }
  std::string text;
  for (const auto& [price, part] : parts)
    text += fmt::format("{} % × ({}) + ", share_to_percent(static_cast<Parts>((Wide{part} * whole + shares.all / 2) / shares.all)), priced(price));
  text += parts.empty() ? priced(candidate.tariff.price)
                        : fmt::format("{} % × ({})", share_to_percent(static_cast<Parts>((Wide{rest} * whole + shares.all / 2) / shares.all)),
                                      priced(candidate.tariff.price));
  text += " per 1M";
  const Scenario* scenario = scenario_of(question);
  if (scenario == nullptr) return text;
  if (scenario->batch_share > 0 && candidate.tariff.batch_discount > 0)
    text = fmt::format("({}) × (1 − {} % × {} %)", text, share_to_percent(scenario->batch_share), share_to_percent(candidate.tariff.batch_discount));
  if (scenario->fee > 0) text = fmt::format("({}) × (1 + {} %)", text, share_to_percent(scenario->fee));
  if (scenario->gateway) text += fmt::format(" + ${}", to_short_decimal(to_usd(*scenario->gateway, question.rate).value));
  return text;
}

Verdict verdict_of(const Span& saved) {
  if (saved.low > Money{}) return Verdict::move;
  if (saved.high < Money{}) return Verdict::stay;
  return Verdict::undecided;
}

Row row_of(const Question& question, const OwnSide& own, const Candidate& candidate) {
  Row row{.candidate = candidate, .monthly = hosted_cost(question, candidate)};
  row.per_million = per_million(row.monthly, question.volume.value.total());
  row.saved = {own.monthly.low - row.monthly.high, own.monthly.value - row.monthly.value, own.monthly.high - row.monthly.low};
  row.saved_tenths_low = tenths_of_percent(row.saved.low, own.monthly.low);
  row.saved_tenths_value = tenths_of_percent(row.saved.value, own.monthly.value);
  row.saved_tenths_high = tenths_of_percent(row.saved.high, own.monthly.high);
  row.shares = shares_for(question, candidate.tariff).value;
  row.formula = formula_of(question, candidate, row.shares);
  // A price at which nobody can buy today decides nothing.
  const bool is_over = candidate.valid_to && *candidate.valid_to <= Instant{question.today};
  row.verdict = is_over ? Verdict::undecided : verdict_of(row.saved);
  if (question.volume.value.total() > 0)
    row.break_even = BreakEven{break_even_at(question, candidate, &Span::low), break_even_at(question, candidate, &Span::value),
                               break_even_at(question, candidate, &Span::high)};
  return row;
}

/// One candidate that is worth moving to is enough; to stay, each must be worse.
Verdict verdict_of(const std::vector<Row>& rows) {
  if (std::ranges::any_of(rows, [](const Row& row) { return row.verdict == Verdict::move; })) return Verdict::move;
  if (std::ranges::all_of(rows, [](const Row& row) { return row.verdict == Verdict::stay; })) return Verdict::stay;
  return Verdict::undecided;
}

void count_migration(Comparison& comparison) {
  const Scenario* scenario = scenario_of(comparison.question);
  if (scenario == nullptr || !scenario->migration) return;
  const Migration& migration = *scenario->migration;
  const Money work = to_money(Wide{to_usd(migration.per_hour, comparison.question.rate).value.nano_usd} * migration.hours, whole);
  // A week is 7 × 12 / 365 of a month.
  const Money both = to_money(Wide{comparison.own.monthly.value.nano_usd} * migration.double_running_weeks * 84, 365);
  comparison.one_off = work + both;
  const Money saved = comparison.rows[comparison.best].saved.value;
  if (saved > Money{}) comparison.payback_tenths = static_cast<std::int64_t>((Wide{comparison.one_off->nano_usd} * 10 + saved.nano_usd / 2) / saved.nano_usd);
}

}  // namespace

std::string_view to_text(Verdict verdict) {
  constexpr std::array<std::string_view, 3> words{"move", "stay", "undecided"};
  return words[static_cast<std::size_t>(verdict)];
}

Span hosted_cost(const Question& question, const Candidate& candidate) {
  const WindowShares shares = shares_for(question, candidate.tariff);
  const Parts batch = batch_share_of(question);
  const auto bill = [&](const Tokens& tokens, const Shares& at) { return cost_of(tokens, candidate.tariff, at, batch); };
  Span span{bill(question.volume.low, shares.value), bill(question.volume.value, shares.value), bill(question.volume.high, shares.value)};
  for (const Shares& end : shares.ends) {
    span.low = std::min(span.low, bill(question.volume.low, end));
    span.high = std::max(span.high, bill(question.volume.high, end));
  }
  return {with_extras(question, span.low, &Span::low), with_extras(question, span.value, &Span::value), with_extras(question, span.high, &Span::high)};
}

Question with_total(const Question& question, std::int64_t tokens) {
  Question other = question;
  const std::int64_t before = question.volume.value.total();
  BW_CHECK(before > 0 && tokens >= 0);
  other.volume.value = scaled(question.volume.value, tokens, before);
  other.volume.low = other.volume.high = other.volume.value;
  if (question.volume.peak_tokens_per_second)
    other.volume.peak_tokens_per_second =
        static_cast<std::int64_t>(std::min<Wide>(Wide{*question.volume.peak_tokens_per_second} * tokens / before, tokens_max));
  return other;
}

Money saving(const Question& question, const Candidate& candidate) { return own_side(question).monthly.value - hosted_cost(question, candidate).value; }

std::expected<Comparison, std::string> compare(Question question) {
  BW_CHECK(!question.candidates.empty());
  try {
    Comparison comparison{.question = std::move(question)};
    const Question& asked = comparison.question;
    comparison.own = own_side(asked);
    comparison.own_per_million = per_million(comparison.own.monthly, asked.volume.value.total());
    if (comparison.own.nodes.capacity) comparison.own_per_million_full = per_million(comparison.own.monthly, *comparison.own.nodes.capacity);
    for (const Candidate& candidate : asked.candidates) comparison.rows.push_back(row_of(asked, comparison.own, candidate));
    for (std::size_t i = 1; i < comparison.rows.size(); ++i)
      if (comparison.rows[i].monthly.value < comparison.rows[comparison.best].monthly.value) comparison.best = i;
    comparison.verdict = verdict_of(comparison.rows);
    comparison.swings = swings(asked, comparison.rows[comparison.best].candidate);
    count_migration(comparison);
    comparison.findings = find_findings(comparison);
    return comparison;
  } catch (const Overflow&) {
    return std::unexpected("an amount passes 9.2 billion USD, which is more than this program counts; is some price or number of tokens off by a factor?");
  }
}

}  // namespace bellwether::costing
