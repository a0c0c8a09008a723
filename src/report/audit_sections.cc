#include "report/audit_sections.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/plots.h"
#include "report/scale.h"

namespace bellwether::report {
namespace {

constexpr std::size_t sources_named_max = 3, days_drawn_max = 120;

std::string text(std::string_view view) { return std::string(view); }

void add_days(Page& page, const costing::AuditFacts& facts, const Words& words) {
  page.section(words.by_day);
  if (facts.days.empty()) {
    page.paragraph(words.no_daily, "caption");
    return page.end_section();
  }
  std::vector<DayColumn> columns;
  std::vector<std::vector<Cell>> table{{{text(words.day), ""},
                                        {text(words.requests), "number"},
                                        {text(words.input), "number"},
                                        {text(words.cached), "number"},
                                        {text(words.output), "number"},
                                        {text(words.window_covered), "number"},
                                        {text(words.basis), ""}}};
  // The last ones, where there are more than a page can draw.
  const std::size_t first = facts.days.size() > days_drawn_max ? facts.days.size() - days_drawn_max : 0;
  for (std::size_t i = first; i < facts.days.size(); ++i) {
    const costing::NamedUse& day = facts.days[i];
    columns.push_back({day.name, day.used.input.value, day.used.output.value, day.covered});
    table.push_back({{day.name, ""},
                     {figure_text(day.used.requests, words), "number"},
                     {figure_text(day.used.input, words), "number"},
                     {figure_text(day.used.cached, words), "number"},
                     {figure_text(day.used.output, words), "number"},
                     {fmt::format("{:.0f} %", day.covered * 100), "number"},
                     {text(words.bases[static_cast<std::size_t>(std::max(day.used.input.basis, day.used.output.basis))]), ""}});
  }
  page.legend({{"input", text(words.input)}, {"output", text(words.output)}});
  const std::string caption = fill(words.by_day_caption, {facts.zone});
  page.figure(plot_days(columns, words, words.by_day, caption), caption, sources_line(facts), table_html(table, words.by_day));
  page.end_section();
}

void add_heat(Page& page, const costing::AuditFacts& facts, const Words& words) {
  page.section(words.heat);
  if (!facts.heat) {
    page.paragraph(words.no_hourly, "caption");
    return page.end_section();
  }
  double all = 0;
  for (const auto& day : *facts.heat)
    for (const double tokens : day) all += tokens;
  std::vector<std::vector<Cell>> table{{{"", ""}}};
  for (int hour = 0; hour < 24; ++hour) table[0].push_back({fmt::format("{:02}", hour), "number"});
  for (std::size_t day = 0; day < 7; ++day) {
    table.push_back({{text(words.weekdays[day]), ""}});
    for (const double tokens : (*facts.heat)[day]) table.back().push_back({fmt::format("{:.1f}", all > 0 ? 100 * tokens / all : 0.0), "number"});
  }
  const std::string caption = fill(words.heat_caption, {facts.zone});
  page.figure(plot_heat(*facts.heat, words, words.heat, caption), caption, sources_line(facts), table_html(table, words.heat, "dense"));
  page.end_section();
}

}  // namespace

std::string figure_text(const costing::Figure& figure, const Words& words) {
  if (!figure.is_known()) return text(words.unknown);
  const auto exact = [](double value) { return costing::with_separators(std::llround(value)); };
  if (figure.low == figure.high) return figure.value < 1e7 ? exact(figure.value) : short_count(figure.value);
  return fmt::format("{} ({}–{})", short_count(figure.value), short_count(figure.low), short_count(figure.high));
}

std::string sources_line(const costing::AuditFacts& facts) {
  std::string line;
  for (std::size_t i = 0; i < std::min(facts.sources.size(), sources_named_max); ++i) line += (line.empty() ? "" : ", ") + facts.sources[i].name;
  if (facts.sources.size() > sources_named_max) line += fmt::format(", … ({})", facts.sources.size());
  return line;
}

void add_usage_sections(Page& page, const costing::AuditFacts& facts, const Words& words) {
  add_days(page, facts, words);
  add_heat(page, facts, words);
}

}  // namespace bellwether::report
