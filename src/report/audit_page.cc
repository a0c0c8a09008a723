#include "report/audit_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "report/audit_sections.h"
#include "report/markup.h"
#include "report/page.h"
#include "report/scale.h"

namespace bellwether::report {
namespace {

constexpr std::size_t models_max = 12, sources_max = 15, features_max = 15;  // A page of rows; the JSON has all.

std::string text(std::string_view view) { return std::string(view); }

class AuditPage {
 public:
  AuditPage(const costing::AuditFacts& facts, const Words& words) : facts_{facts}, words_{words}, page_{words, words.audit_title} {}

  [[nodiscard]] std::string made(const Imprint& imprint) &&;

 private:
  void tiles();
  void forecast();
  void models();
  void spreads();
  void features();
  void sources();
  void notes();
  /// The last line of a table that was cut.
  void others(std::size_t rows, std::size_t shown);

  const costing::AuditFacts& facts_;
  const Words& words_;
  Page page_;
};

void AuditPage::others(std::size_t rows, std::size_t shown) {
  if (rows > shown) page_.paragraph(fill(words_.other_models, {std::to_string(rows - shown)}), "caption");
}

void AuditPage::tiles() {
  const auto tile = [&](std::string_view name, const costing::Figure& figure) {
    const std::string basis = text(words_.bases[static_cast<std::size_t>(figure.basis)]);
    const std::string range =
        figure.is_known() && figure.low < figure.high ? fmt::format("{}–{}, {}", short_count(figure.low), short_count(figure.high), basis) : basis;
    return Page::Tile{text(name), figure.is_known() ? short_count(figure.value) : "–", range, ""};
  };
  page_.tiles({tile(words_.requests, facts_.totals.requests), tile(words_.input, facts_.totals.input), tile(words_.cached, facts_.totals.cached),
               tile(words_.output, facts_.totals.output)});
}

void AuditPage::forecast() {
  page_.section(words_.forecast);
  if (!facts_.forecast) {
    page_.paragraph(words_.forecast_none);
    if (!facts_.forecast_refused.empty()) page_.paragraph(facts_.forecast_refused, "caption");
    return page_.end_section();
  }
  const costing::MonthForecast& month = *facts_.forecast;
  const auto row = [&](std::string_view name, const costing::Figure& figure) {
    const auto cell = [&](double value) { return Cell{figure.is_known() ? short_count(value) : text(words_.unknown), "number"}; };
    return std::vector<Cell>{{text(name), ""}, cell(figure.low), cell(figure.value), cell(figure.high)};
  };
  page_.html(table_html({{{"", ""}, {text(words_.low), "number"}, {text(words_.middle), "number"}, {text(words_.high), "number"}},
                         row(words_.requests, month.used.requests),
                         row(words_.input, month.used.input),
                         row(words_.cached, month.used.cached),
                         row(words_.output, month.used.output)},
                        words_.forecast));
  page_.paragraph((month.is_weak ? text(words_.weak) + ". " : "") + text(words_.forecast_caption), "caption");
  page_.html(fmt::format("<details><summary>{}</summary><p class=\"caption\">{}</p></details>", escape(words_.method),
                         escape(month.is_weak ? words_.method_weak : words_.method_trend)));
  page_.end_section();
}

void AuditPage::models() {
  if (facts_.models.empty()) return;
  std::vector<std::vector<Cell>> rows{{{text(words_.model), ""},
                                       {text(words_.requests), "number"},
                                       {text(words_.input), "number"},
                                       {text(words_.cached), "number"},
                                       {text(words_.output), "number"},
                                       {text(words_.basis), ""}}};
  for (std::size_t i = 0; i < std::min(facts_.models.size(), models_max); ++i) {
    const costing::NamedUse& model = facts_.models[i];
    rows.push_back({{model.name.empty() ? text(words_.unknown) : model.name, ""},
                    {figure_text(model.used.requests, words_), "number"},
                    {figure_text(model.used.input, words_), "number"},
                    {figure_text(model.used.cached, words_), "number"},
                    {figure_text(model.used.output, words_), "number"},
                    {text(words_.bases[static_cast<std::size_t>(std::max(model.used.input.basis, model.used.output.basis))]), "word"}});
  }
  page_.section(words_.by_model);
  page_.html(table_html(rows, words_.by_model));
  others(facts_.models.size(), models_max);
  page_.paragraph(words_.bases_hint, "caption");
  page_.end_section();
}

void AuditPage::spreads() {
  if (facts_.levels.empty() && facts_.latency.empty()) return;
  std::vector<std::vector<Cell>> rows{{{"", ""}, {"p50", "number"}, {"p95", "number"}, {"p99", "number"}, {text(words_.peaks), "number"}}};
  const auto add = [&](const costing::Spread& spread, std::string_view unit) {
    constexpr double exact_min = 100;  // From here on digits behind the point say nothing.
    const auto cell = [&](double value) {
      return Cell{(value < exact_min ? short_count(value) : costing::with_separators(std::llround(value))) + text(unit), "number"};
    };
    const auto known = std::ranges::find(spread_names, spread.name);
    rows.push_back({{known == spread_names.end() ? spread.name : text(words_.spreads[static_cast<std::size_t>(known - spread_names.begin())]), ""},
                    cell(spread.p50),
                    cell(spread.p95),
                    cell(spread.p99),
                    spread.peak ? cell(*spread.peak) : Cell{"–", "number"}});
  };
  for (const costing::Spread& level : facts_.levels) add(level, "");
  for (const costing::Spread& latency : facts_.latency) add(latency, " ms");
  page_.section(words_.percentiles);
  page_.html(table_html(rows, words_.percentiles));
  page_.end_section();
}

void AuditPage::features() {
  if (facts_.features.empty()) return;
  constexpr std::array<std::string_view, 5> kinds{"same", "renamed", "emulated", "ignored", "refused"};
  std::vector<std::vector<Cell>> rows{{{"", ""}, {text(words_.requests_with), "number"}, {text(words_.hosted_api), ""}, {text(words_.note), ""}}};
  for (std::size_t i = 0; i < std::min(facts_.features.size(), features_max); ++i) {
    const costing::AuditFeature& feature = facts_.features[i];
    const auto kind = std::ranges::find(kinds, feature.hosted);
    rows.push_back({{feature.name, ""},
                    {costing::with_separators(feature.requests), "number"},
                    {kind == kinds.end() ? feature.hosted : text(words_.hosted_kinds[static_cast<std::size_t>(kind - kinds.begin())]), "word"},
                    {feature.note, "formula"}});
  }
  page_.section(words_.features);
  page_.html(table_html(rows, words_.features));
  others(facts_.features.size(), features_max);
  page_.end_section();
}

void AuditPage::sources() {
  if (facts_.sources.empty()) return;
  std::vector<std::vector<Cell>> rows{{{text(words_.source), ""}, {text(words_.kind), ""}, {text(words_.recognised), "number"}, {text(words_.note), ""}}};
  for (std::size_t i = 0; i < std::min(facts_.sources.size(), sources_max); ++i) {
    const costing::AuditSource& source = facts_.sources[i];
    rows.push_back({{source.name, ""}, {source.format, ""}, {costing::with_separators(source.recognised), "number"}, {source.note, "formula"}});
  }
  page_.section(words_.sources_read);
  page_.html(table_html(rows, words_.sources_read));
  others(facts_.sources.size(), sources_max);
  page_.end_section();
}

void AuditPage::notes() {
  if (facts_.notes.empty()) return;
  page_.section(words_.findings_title);
  std::string list = R"(<ul class="findings">)";
  for (const std::string& note : facts_.notes)
    list += fmt::format(R"(<li class="note"><b>{}</b><span>{}</span></li>)", escape(words_.severities[2]), escape(note));
  page_.html(list + "</ul>");
  page_.end_section();
}

std::string AuditPage::made(const Imprint& imprint) && {
  const costing::Used& totals = facts_.totals;
  const auto count = [&](const costing::Figure& figure) { return figure.is_known() ? short_count(figure.value) : text(words_.unknown); };
  const auto minute = [](const std::string& time) { return time.substr(0, 10) + " " + (time.size() > 16 ? time.substr(11, 5) : ""); };
  page_.heading(
      fmt::format("{} · {} · {}", words_.brand, words_.audit_title, imprint.day),
      fill(words_.audit_lead, {count(totals.requests), count(totals.input), count(totals.output), facts_.begin.substr(0, 10), facts_.end.substr(0, 10)}),
      fmt::format("{}: {} – {} ({}) · {} {:.1f} %", words_.window, minute(facts_.begin), minute(facts_.end), facts_.zone, words_.window_covered,
                  facts_.covered * 100));
  tiles();
  add_usage_sections(page_, facts_, words_);
  forecast();
  models();
  spreads();
  features();
  notes();
  sources();
  return std::move(page_).end(fill(words_.made_on, {imprint.day, imprint.version}) + " " + text(words_.no_network));
}

}  // namespace

std::string audit_page(const costing::AuditFacts& facts, const Words& words, const Imprint& imprint) { return AuditPage{facts, words}.made(imprint); }

}  // namespace bellwether::report
