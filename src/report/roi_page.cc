#include "report/roi_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/audit_sections.h"
#include "report/markup.h"
#include "report/page.h"
#include "report/phrases.h"
#include "report/plots.h"

namespace bellwether::report {
namespace {

using costing::Comparison;
using costing::Row;
using costing::Span;

constexpr std::size_t bars_max = 9, swings_max = 6, curves_max = 3;
constexpr int curve_points = 160;

// For places on a drawing alone.
double usd(Money money) { return static_cast<double>(money.nano_usd) / 1e9; }
std::string_view verdict_classes(costing::Verdict verdict) {
  switch (verdict) {
    case costing::Verdict::move: return "word good";
    case costing::Verdict::stay: return "word bad";
    case costing::Verdict::undecided: break;
  }
  return "word";
}

std::string text(std::string_view view) { return std::string(view); }

class RoiPage {
 public:
  RoiPage(const Comparison& comparison, const costing::AuditFacts* audit, const Words& words)
      : comparison_{comparison},
        question_{comparison.question},
        audit_{audit},
        words_{words},
        best_{comparison.rows[comparison.best]},
        page_{words, words.roi_title} {}

  [[nodiscard]] std::string made(const Imprint& imprint) &&;

 private:
  void tiles();
  void side_by_side();
  void curve();
  void tornado();
  void own_lines();
  void findings();
  void sources();
  [[nodiscard]] std::string side_table() const;
  [[nodiscard]] std::string side_source() const;
  [[nodiscard]] std::string won(const Span& span) const;

  const Comparison& comparison_;
  const costing::Question& question_;
  const costing::AuditFacts* audit_;
  const Words& words_;
  const Row& best_;
  Page page_;
};

/// The range where there is one, and won where there is a rate.
std::string RoiPage::won(const Span& span) const {
  if (!question_.rate) return "";
  const std::string low = costing::with_separators(costing::to_won(span.low, *question_.rate)),
                    high = costing::with_separators(costing::to_won(span.high, *question_.rate));
  return low == high ? "₩" + low : "₩" + low + "–" + high;
}

void RoiPage::tiles() {
  const auto below = [&](const Span& span, std::string_view unit) {
    std::string said = span.low == span.high ? text(unit) : usd_range_of(span);
    if (question_.rate) said += "\n" + won(span);
    return said;
  };
  const auto& even = best_.break_even;
  const bool has_even = even && even->value;
  page_.tiles({
      {text(words_.own_side), "$" + costing::to_readable(comparison_.own.monthly.value), below(comparison_.own.monthly, words_.a_month), ""},
      {best_.candidate.name, "$" + costing::to_readable(best_.monthly.value), below(best_.monthly, words_.a_month), ""},
      {text(words_.saved), usd_range_of({best_.saved.value, best_.saved.value, best_.saved.value}),
       percent_range_of(best_) + (best_.saved.low == best_.saved.high ? "" : "\n" + usd_range_of(best_.saved)),
       best_.saved.low > Money{}    ? "good"
       : best_.saved.high < Money{} ? "bad"
                                    : ""},
      {text(words_.break_even), has_even ? costing::to_short_tokens(*even->value) : "–",
       has_even ? fill(words_.break_even_tile, {costing::with_separators(costing::tokens_per_second(*even->value)),
                                                costing::with_separators(costing::tokens_per_second(question_.volume.value.total()))})
                : text(words_.never),
       ""},
  });
}

std::string RoiPage::side_table() const {
  const auto number = [](std::string value) { return Cell{std::move(value), "number"}; };
  const auto unit = [](const std::optional<Span>& span) {
    if (!span) return std::string("–");
    return unit_price_range(*span);
  };
  std::vector<std::vector<Cell>> rows{{{"", ""},
                                       {text(words_.a_month), "number"},
                                       {text(words_.per_million), "number"},
                                       {text(words_.saved), "number"},
                                       {text(words_.saved_range), "number"},
                                       {text(words_.verdict), ""}}};
  rows.push_back({{text(words_.own_side), ""},
                  {range_of(comparison_.own.monthly), "number", won(comparison_.own.monthly)},
                  number(unit(comparison_.own_per_million)),
                  number(""),
                  number(""),
                  {"", ""}});
  for (const Row& row : comparison_.rows) {
    rows.push_back({{row.candidate.name, ""},
                    {range_of(row.monthly), "number", won(row.monthly)},
                    number(unit(row.per_million)),
                    number(range_of(row.saved)),
                    number(percent_range_of(row)),
                    {text(verdict_word(row.verdict, words_)), verdict_classes(row.verdict)}});
  }
  return table_html(rows, words_.side_by_side);
}

std::string RoiPage::side_source() const {
  std::string said = question_.volume.source;
  if (best_.candidate.origin == costing::Origin::price_list) said += "; " + best_.candidate.source;
  return said + "; " + fill(words_.priced_on, {costing::to_text(question_.today)});
}

void RoiPage::side_by_side() {
  std::vector<Bar> bars;
  const auto bar = [](std::string label, const Span& span, std::string_view classes) {
    return Bar{std::move(label), usd_range_of(span), usd(span.low), usd(span.value), usd(span.high), classes};
  };
  bars.push_back(bar(text(words_.own_side), comparison_.own.monthly, "own"));
  for (std::size_t i = 0; i < std::min(comparison_.rows.size(), bars_max); ++i)
    bars.push_back(bar(comparison_.rows[i].candidate.name, comparison_.rows[i].monthly, i == comparison_.best ? "best" : "hosted"));
  page_.section(words_.side_by_side);
  page_.figure(plot_bars(bars, words_.side_by_side, verdict_sentence(comparison_, words_)), words_.side_caption, side_source(), "");
  page_.html(side_table());
  page_.end_section();
}

void RoiPage::curve() {
  const std::int64_t now = question_.volume.value.total();
  if (now == 0) return;
  const auto& even = best_.break_even;
  const double far = even && even->high ? static_cast<double>(*even->high) * 10 : static_cast<double>(now) * 1000,
               near = even && even->low ? static_cast<double>(std::min(*even->low, now)) : static_cast<double>(now);
  const double from = std::max(near / 20, 1e4), to = std::min(std::max(far, static_cast<double>(now) * 20), static_cast<double>(costing::tokens_max) / 10);
  std::vector<const Row*> rows{&best_};
  for (const Row& row : comparison_.rows)
    if (&row != &best_ && rows.size() < curves_max) rows.push_back(&row);
  std::vector<Curve> curves{{text(words_.own_side), {}, "own"}};
  for (const Row* row : rows) curves.push_back({row->candidate.name, {}, row == &best_ ? "best" : "hosted"});
  const auto point = [](double tokens, const Span& span) { return CurvePoint{tokens, usd(span.low), usd(span.value), usd(span.high)}; };
  std::vector<std::vector<Cell>> table{{{text(words_.curve_x), "number"}, {text(words_.own_side), "number"}}};
  for (const Row* row : rows) table[0].push_back({row->candidate.name, "number"});
  for (int i = 0; i <= curve_points; ++i) {
    const auto tokens = static_cast<std::int64_t>(from * std::pow(to / from, static_cast<double>(i) / curve_points));
    const costing::Question at = costing::with_total(question_, tokens);
    const Span own = costing::own_side(at).monthly;
    curves[0].points.push_back(point(static_cast<double>(tokens), own));
    const bool told = i % (curve_points / 8) == 0;
    if (told) table.push_back({{costing::to_short_tokens(tokens), "number"}, {range_of(own), "number"}});
    for (std::size_t j = 0; j < rows.size(); ++j) {
      const Span hosted = costing::hosted_cost(at, rows[j]->candidate);
      curves[j + 1].points.push_back(point(static_cast<double>(tokens), hosted));
      if (told) table.back().push_back({range_of(hosted), "number"});
    }
  }
  // What costs nothing has no place on a logarithmic axis.
  constexpr double least = 0.001;
  for (Curve& one : curves)
    for (CurvePoint& place : one.points) {
      place.low = std::max(place.low, least);
      place.value = std::max(place.value, least);
      place.high = std::max(place.high, least);
    }
  CurveMarks marks{
      .today = static_cast<double>(now), .today_label = fmt::format("{}: {}", words_.today, costing::to_short_tokens(now)), .x_label = text(words_.curve_x)};
  if (even && even->low && even->value && even->high) {
    marks.even_low = static_cast<double>(*even->low);
    marks.even = static_cast<double>(*even->value);
    marks.even_high = static_cast<double>(*even->high);
    marks.even_label = fmt::format("{}: {}", words_.break_even, costing::to_short_tokens(*even->value));
  }
  page_.section(words_.curve);
  std::vector<std::pair<std::string_view, std::string>> legend;
  for (const Curve& one : curves) legend.emplace_back(one.classes, one.label);
  page_.legend(legend);
  const std::string said = break_even_sentence(best_, words_) + " " + fill(words_.break_even_hint, {costing::with_separators(costing::tokens_per_second(now))});
  page_.figure(plot_curves(curves, marks, words_.curve, said), said + " " + text(words_.curve_caption), question_.volume.source,
               table_html(table, words_.curve));
  page_.end_section();
}

void RoiPage::tornado() {
  if (comparison_.swings.empty()) return;
  std::vector<TornadoBar> bars;
  std::vector<std::vector<Cell>> table{{{text(words_.item), ""}, {text(words_.tornado_tried), "number"}, {text(words_.tornado_saving), "number"}}};
  for (std::size_t i = 0; i < std::min(comparison_.swings.size(), swings_max); ++i) {
    const costing::Swing& swing = comparison_.swings[i];
    const std::string name = text(words_.inputs[static_cast<std::size_t>(swing.input)]);
    bars.push_back({name, swing.low, swing.high, usd(swing.saving_low), usd(swing.saving_high)});
    table.push_back({{name, ""},
                     {swing.low + " … " + swing.high, "number"},
                     {costing::to_readable(swing.saving_low) + " … " + costing::to_readable(swing.saving_high), "number"}});
  }
  page_.section(words_.sensitivity);
  page_.legend({{"swing-low", text(words_.swing_low)}, {"swing-high", text(words_.swing_high)}});
  const std::string caption = fill(words_.sensitivity_caption, {best_.candidate.name});
  page_.figure(plot_tornado(bars, usd(best_.saved.value), words_.sensitivity, caption), caption, words_.swing_source, table_html(table, words_.sensitivity));
  page_.end_section();
}

void RoiPage::own_lines() {
  if (comparison_.own.lines.size() < 2) return;
  std::vector<std::vector<Cell>> rows{{{text(words_.item), ""}, {text(words_.amount), "number"}, {text(words_.formula), ""}}};
  for (const costing::CostLine& line : comparison_.own.lines)
    rows.push_back({{text(words_.cost_lines[static_cast<std::size_t>(line.kind)]), ""}, {range_of(line.monthly), "number"}, {line.formula, "formula"}});
  rows.push_back({{text(words_.total), "total"}, {range_of(comparison_.own.monthly), "number total"}, {"", "total"}});
  page_.section(words_.own_lines);
  page_.html(table_html(rows, words_.own_lines));
  if (comparison_.own_per_million_full) {
    const Span& full = *comparison_.own_per_million_full;
    page_.paragraph(fmt::format("{}: ${}", words_.full_capacity, unit_price_range(full)), "caption");
  }
  if (comparison_.one_off)
    page_.paragraph(
        fmt::format(
            "{}: ${}{}", words_.one_off, costing::to_readable(*comparison_.one_off),
            comparison_.payback_tenths ? fmt::format(" · {} {}", words_.payback, fill(words_.months, {costing::to_percent(*comparison_.payback_tenths)})) : ""),
        "caption");
  page_.end_section();
}

void RoiPage::findings() {
  if (comparison_.findings.empty()) return;
  page_.section(words_.findings_title);
  std::string list = R"(<ul class="findings">)";
  for (const costing::Finding& finding : comparison_.findings)
    list += fmt::format(R"(<li class="{}"><b>{}</b><span>{}</span></li>)", costing::to_text(finding.severity),
                        escape(words_.severities[static_cast<std::size_t>(finding.severity)]), escape(finding_text(finding, words_)));
  page_.html(list + "</ul>");
  page_.end_section();
}

void RoiPage::sources() {
  std::vector<std::vector<Cell>> rows{{{text(words_.hosted), ""},
                                       {text(words_.input), "number"},
                                       {text(words_.cached), "number"},
                                       {text(words_.output), "number"},
                                       {text(words_.source), ""},
                                       {text(words_.checked), ""}}};
  const auto price_row = [&](const std::string& name, const metering::Price& price, const std::string& source, const std::string& checked) {
    rows.push_back({{name, ""},
                    {unit_price(price.input), "number"},
                    {price.cached_input ? unit_price(*price.cached_input) : "–", "number"},
                    {unit_price(price.output), "number"},
                    {source, "formula"},
                    {checked, "formula"}});
  };
  for (const Row& row : comparison_.rows) {
    const costing::Candidate& candidate = row.candidate;
    const std::string source = candidate.origin == costing::Origin::price_list ? candidate.source
                               : candidate.origin == costing::Origin::flag     ? text(words_.flag_price)
                                                                               : text(words_.scenario_price);
    price_row(candidate.name, candidate.tariff.price, source, candidate.checked ? costing::to_text(*candidate.checked) : "–");
    const metering::Price* before = nullptr;
    for (const costing::Window& window : candidate.tariff.windows) {
      if (before == nullptr || !(*before == window.price)) price_row("· " + window.name, window.price, "", "");
      before = &window.price;
    }
  }
  page_.section(words_.sources_title);
  page_.html(table_html(rows, words_.sources_title));
  std::string said = text(words_.per_million) + ". " + text(words_.assumptions);
  if (question_.rate) said += " " + fill(words_.krw_line, {rate_text(*question_.rate), costing::to_text(question_.rate->on)});
  page_.paragraph(said, "caption");
  page_.end_section();
}

std::string RoiPage::made(const Imprint& imprint) && {
  const auto* scenario = std::get_if<costing::Scenario>(&question_.own);
  const std::string kicker = fmt::format("{} · {} · {}", words_.brand, scenario != nullptr && !scenario->name.empty() ? scenario->name : text(words_.roi_title),
                                         costing::to_text(question_.today));
  page_.heading(kicker, verdict_sentence(comparison_, words_), volume_sentence(comparison_, words_));
  tiles();
  side_by_side();
  curve();
  own_lines();
  tornado();
  if (audit_ != nullptr) add_usage_sections(page_, *audit_, words_);
  findings();
  sources();
  return std::move(page_).end(fill(words_.made_on, {imprint.day, imprint.version}) + " " + text(words_.no_network));
}

}  // namespace

std::string roi_page(const Comparison& comparison, const costing::AuditFacts* audit, const Words& words, const Imprint& imprint) {
  return RoiPage{comparison, audit, words}.made(imprint);
}

}  // namespace bellwether::report
