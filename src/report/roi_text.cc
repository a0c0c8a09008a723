#include "report/roi_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "costing/explanation.h"
#include "report/phrases.h"

namespace bellwether::report {
namespace {

using costing::Comparison;
using costing::Row;

constexpr std::size_t swings_shown = 3;
constexpr std::size_t name_columns_max = 44;

/// Columns on a terminal. Wide are the blocks that Korean and Chinese text comes from; everything else here is one column.
std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xC0) == 0x80) continue;
    const bool is_three = byte >= 0xE1 && byte <= 0xED && i + 1 < text.size();
    const auto next = static_cast<unsigned char>(is_three ? text[i + 1] : 0);
    // U+1100–U+115F, then U+2E80–U+D7A3, without U+303F; the dash, the dots and ∞ are in E2 80–E2 9F.
    const bool is_wide = is_three && ((byte == 0xE1 && (next == 0x84 || next == 0x85)) || (byte == 0xE2 && next >= 0xBA) || byte >= 0xE3);
    columns += is_wide ? 2 : 1;
  }
  return columns;
}

enum class Align : std::uint8_t { left, right };

class TextTable {
 public:
  explicit TextTable(std::vector<Align> aligns) : aligns_{std::move(aligns)} {}
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  [[nodiscard]] std::string text(std::string_view indent) const {
    std::vector<std::size_t> widths(aligns_.size());
    for (const auto& row : rows_)
      for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], columns_of(row[i]));
    std::string out;
    for (const auto& row : rows_) {
      std::string line{indent};
      for (std::size_t i = 0; i < row.size(); ++i) {
        const std::string space(widths[i] - columns_of(row[i]), ' ');
        if (i > 0) line += "   ";
        line += aligns_[i] == Align::right ? space + row[i] : row[i] + space;
      }
      while (line.ends_with(' ')) line.pop_back();
      out += line + "\n";
    }
    return out;
  }

 private:
  std::vector<Align> aligns_;
  std::vector<std::vector<std::string>> rows_;
};

std::string shown(const std::string& name) {
  if (columns_of(name) <= name_columns_max) return name;
  std::string out;
  for (std::size_t i = 0; i < name.size();) {
    std::size_t next = i + 1;
    while (next < name.size() && (static_cast<unsigned char>(name[next]) & 0xC0) == 0x80) ++next;
    if (columns_of(out) + columns_of(std::string_view(name).substr(i, next - i)) >= name_columns_max) break;
    out.append(name, i, next - i);
    i = next;
  }
  return out + "…";
}

/// Names come from files and logs: what a terminal would obey (control characters, C1 ones in UTF-8 too) is not sent to it.
std::string harmless(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool is_c1 = byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (is_c1) ++i;
    out += is_c1 || (byte < ' ' && byte != '\n') || byte == 0x7F ? '?' : text[i];
  }
  return out;
}

std::string main_table(const Comparison& comparison, const Words& words) {
  TextTable table{{Align::left, Align::right, Align::right, Align::right, Align::right, Align::left}};
  table.add(
      {"", std::string(words.a_month), std::string(words.per_million), std::string(words.saved), std::string(words.saved_range), std::string(words.verdict)});
  const auto unit = [](const std::optional<costing::Span>& span) {
    if (!span) return std::string("–");
    return unit_price_range(*span);
  };
  table.add({std::string(words.own_side), range_of(comparison.own.monthly), unit(comparison.own_per_million), "", "", ""});
  for (const Row& row : comparison.rows)
    table.add({shown(row.candidate.name), range_of(row.monthly), unit(row.per_million), range_of(row.saved), percent_range_of(row),
               std::string(verdict_word(row.verdict, words))});
  return table.text("");
}

std::string own_table(const Comparison& comparison, const Words& words) {
  if (comparison.own.lines.size() < 2) return "";
  TextTable table{{Align::left, Align::right, Align::left}};
  for (const costing::CostLine& line : comparison.own.lines)
    table.add({std::string(words.cost_lines[static_cast<std::size_t>(line.kind)]), range_of(line.monthly), line.formula});
  std::string out = fmt::format("\n{} ({})\n", words.own_lines, words.a_month) + table.text("  ");
  if (comparison.own_per_million_full) out += fmt::format("  {}: {}\n", words.full_capacity, unit_price_range(*comparison.own_per_million_full));
  return out;
}

std::string swing_table(const Comparison& comparison, const Words& words) {
  TextTable table{{Align::left, Align::right, Align::left, Align::right}};
  for (std::size_t i = 0; i < std::min(swings_shown, comparison.swings.size()); ++i) {
    const costing::Swing& swing = comparison.swings[i];
    table.add({std::string(words.inputs[static_cast<std::size_t>(swing.input)]), fmt::format("{} … {}", swing.low, swing.high), "→",
               fmt::format("{} … {}", costing::to_readable(swing.saving_low), costing::to_readable(swing.saving_high))});
  }
  return fmt::format("\n{} ({}: {})\n", words.sensitivity, words.saved, shown(comparison.rows[comparison.best].candidate.name)) + table.text("  ");
}

std::string won_table(const Comparison& comparison, const Words& words) {
  if (!comparison.question.rate) return "";
  const costing::ExchangeRate& rate = *comparison.question.rate;
  TextTable table{{Align::left, Align::right}};
  const auto won = [&](const costing::Span& span) {
    const std::string low = costing::with_separators(costing::to_won(span.low, rate)), high = costing::with_separators(costing::to_won(span.high, rate));
    return low == high ? "₩" + low : "₩" + low + "–" + high;
  };
  table.add({std::string(words.own_side), won(comparison.own.monthly)});
  for (const Row& row : comparison.rows) table.add({shown(row.candidate.name), won(row.monthly)});
  return "\n" + fill(words.krw_line, {rate_text(rate), costing::to_text(rate.on)}) + "\n" + table.text("  ");
}

}  // namespace

std::string roi_text(const Comparison& comparison, const Words& words, Detail detail) {
  std::string out = verdict_sentence(comparison, words) + "\n" + volume_sentence(comparison, words) + "\n\n" + main_table(comparison, words) +
                    own_table(comparison, words) + won_table(comparison, words);
  out += fmt::format("\n{}\n", words.break_even);
  for (const Row& row : comparison.rows) out += "  " + break_even_sentence(row, words) + "\n";
  if (comparison.one_off)
    out += fmt::format(
        "\n{}: ${}{}\n", words.one_off, costing::to_readable(*comparison.one_off),
        comparison.payback_tenths ? fmt::format(", {} {}", words.payback, fill(words.months, {costing::to_percent(*comparison.payback_tenths)})) : "");
  if (!comparison.swings.empty()) out += swing_table(comparison, words);
  out += fmt::format("\n{}\n", words.findings_title);
  for (const costing::Finding& finding : comparison.findings)
    out += fmt::format("  [{}] {}\n", words.severities[static_cast<std::size_t>(finding.severity)], finding_text(finding, words));
  if (detail == Detail::with_explanation) {
    out += fmt::format("\n{}\n", words.explain_title);
    for (const costing::Explanation& one : costing::explain(comparison))
      out += fmt::format("  {} = {}\n      {}\n      {}\n", one.figure, one.value, one.formula, one.source);
  }
  return harmless(out);
}

}  // namespace bellwether::report
