#include "audit/report_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "audit/hosted.h"
#include "audit/report_json.h"

namespace bellwether::audit {
namespace {

constexpr std::size_t days_shown = 35;  // A month and its edges; --csv and --json have all.
constexpr std::size_t gaps_shown = 5;

struct Range {
  char32_t first, last;
};
constexpr std::array wide{Range{0x1100, 0x115F}, Range{0x2E80, 0x303E},   Range{0x3041, 0x33FF},   Range{0x3400, 0x4DBF},  Range{0x4E00, 0x9FFF},
                          Range{0xA000, 0xA4CF}, Range{0xAC00, 0xD7A3},   Range{0xF900, 0xFAFF},   Range{0xFE30, 0xFE6F},  Range{0xFF00, 0xFF60},
                          Range{0xFFE0, 0xFFE6}, Range{0x1F300, 0x1F64F}, Range{0x1F900, 0x1F9FF}, Range{0x20000, 0x3FFFD}};
constexpr std::array narrow{Range{0x0300, 0x036F}, Range{0x200B, 0x200F}, Range{0xFE00, 0xFE0F}, Range{0x1160, 0x11FF}};

bool is_in(char32_t letter, const auto& ranges) {
  return std::ranges::any_of(ranges, [letter](const Range& range) { return letter >= range.first && letter <= range.last; });
}

/// 1,234,567
std::string with_commas(double value) {
  const std::string digits = std::to_string(std::llround(std::abs(value)));
  std::string out = value < -0.5 ? "-" : "";
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return out;
}

enum class Side : std::uint8_t { left, right };

class Table {
 public:
  explicit Table(std::vector<Side> sides) : sides_{std::move(sides)} {}
  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  [[nodiscard]] std::string text() const {
    std::vector<std::size_t> widths(sides_.size());
    for (const auto& row : rows_)
      for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], columns_of(row[i]));
    std::string out;
    for (const auto& row : rows_) {
      std::string line = "  ";
      for (std::size_t i = 0; i < row.size(); ++i) {
        const std::string blank(widths[i] - columns_of(row[i]), ' ');
        line += sides_[i] == Side::left ? row[i] + blank : blank + row[i];
        if (i + 1 < row.size()) line += "  ";
      }
      line.erase(line.find_last_not_of(' ') + 1);
      out += line + "\n";
    }
    return out;
  }

 private:
  std::vector<Side> sides_;
  std::vector<std::vector<std::string>> rows_;
};

std::string value_of(const Figure& figure) { return figure.basis == Basis::unknown ? "-" : with_commas(figure.value); }
std::string band_of(const Figure& figure) {
  if (figure.basis == Basis::unknown || (std::llround(figure.low) == std::llround(figure.value) && std::llround(figure.high) == std::llround(figure.value)))
    return "";
  return with_commas(figure.low) + " to " + with_commas(figure.high);
}

std::string minute_text(const Zone& zone, Instant at) {
  std::string text = zone.text(at).substr(0, 16);
  text[10] = ' ';
  return text;
}

constexpr std::array<std::string_view, quantity_count> titles{"requests", "input tokens", "  of them cached", "output tokens"};

std::string totals(const Report& report) {
  Table table{{Side::left, Side::right, Side::right, Side::left}};
  table.row({"", "value", "between", "rests on"});
  for (std::size_t i = 0; i < quantity_count; ++i) {
    const Figure& figure = report.totals.of[i];
    std::string from{name_of(figure.basis)};
    for (const Evidence& evidence : report.evidence)
      if (evidence.used && static_cast<std::size_t>(evidence.quantity) == i)
        from += fmt::format("{}{}{}", from.find(':') == std::string::npos ? ": " : ", ", evidence.kind,
                            evidence.engines > 1 ? fmt::format(" ({})", evidence.engines) : "");
    table.row({std::string(titles[i]), value_of(figure), band_of(figure), from});
  }
  std::string out = table.text();
  const auto also = [&](const std::optional<std::uint64_t>& count, std::string_view what) {
    if (count && *count > 0) out += fmt::format("  beside them {} {}\n", with_commas(static_cast<double>(*count)), what);
  };
  also(report.failed_requests, "failed request(s)");
  also(report.aborted_requests, "aborted request(s); what they used is in the tokens");
  also(report.excluded_requests, "request(s) that no model served (health, metrics, lists)");
  also(report.response_cache_hits, "answer(s) from a proxy's own cache");
  return out;
}

void used_cells(std::vector<std::string>& row, const Quantities& used) {
  for (const Figure& figure : used.of) row.push_back(value_of(figure));
}

std::string models(const Report& report) {
  if (report.models.empty() || (report.models.size() == 1 && report.models[0].model.empty())) return {};
  Table table{{Side::left, Side::right, Side::right, Side::right, Side::right}};
  table.row({"model", "requests", "input", "cached", "output"});
  for (const ModelRow& model : report.models) {
    std::vector<std::string> row{model.model.empty() ? "(not named)" : model.model};
    used_cells(row, model.used);
    table.row(std::move(row));
  }
  return "\n" + table.text();
}

std::string periods(const std::vector<PeriodRow>& rows, std::string_view title, std::size_t shown) {
  if (rows.empty()) return {};
  Table table{{Side::left, Side::right, Side::right, Side::right, Side::right, Side::right}};
  table.row({std::string(title), "requests", "input", "cached", "output", "covered"});
  for (std::size_t i = rows.size() > shown ? rows.size() - shown : 0; i < rows.size(); ++i) {
    std::vector<std::string> row{rows[i].name};
    used_cells(row, rows[i].used);
    row.push_back(fmt::format("{:.0f} %", 100 * rows[i].covered));
    table.row(std::move(row));
  }
  std::string out = "\n" + table.text();
  if (rows.size() > shown) out += fmt::format("  … and {} before (--csv has all)\n", rows.size() - shown);
  return out;
}

std::string levels(const Report& report, const Zone& zone) {
  Table table{{Side::left, Side::right, Side::right, Side::right, Side::right, Side::right, Side::left}};
  bool any = false;
  const auto put = [&](std::string_view name, const Level& level) {
    if (!level.known) return;
    if (!std::exchange(any, true)) table.row({"", "mean", "p50", "p95", "p99", "peak", ""});
    const auto text = [](double value) { return value < 100 ? fmt::format("{:.1f}", value) : with_commas(value); };
    table.row({std::string(name), text(level.mean), text(level.p50), text(level.p95), text(level.p99), text(level.peak.value),
               level.peak_at ? "at " + minute_text(zone, *level.peak_at) : ""});
  };
  put("requests at work", report.concurrency);
  put("input tokens/s", report.input_rate);
  put("output tokens/s", report.output_rate);
  std::string out = any ? "\n" + table.text() : "";
  if (report.concurrency.known) out += fmt::format("  (requests at work: {})\n", report.concurrency.how);
  return out;
}

std::string distributions(const std::vector<Distribution>& all, std::string_view title) {
  if (all.empty()) return {};
  Table table{{Side::left, Side::right, Side::right, Side::right, Side::right, Side::left}};
  table.row({std::string(title), "p50", "p90", "p95", "p99", ""});
  for (const Distribution& one : all) {
    std::vector<std::string> row{std::string(one.name)};
    for (const Percentile& percentile : one.percentiles)
      row.push_back(one.basis == Basis::counted ? with_commas(percentile.value)
                    : percentile.open_above     ? ">= " + with_commas(percentile.high)
                                                : with_commas(percentile.low) + ".." + with_commas(percentile.high));
    row.push_back(fmt::format("of {}", with_commas(static_cast<double>(one.samples))));
    table.row(std::move(row));
  }
  return "\n" + table.text();
}

std::string heat(const Report& report) {
  double most = 0;
  const auto rate = [](const HeatCell& cell) { return cell.hours > 0 ? (cell.input + cell.output) / cell.hours : 0; };
  for (const auto& day : report.heat)
    for (const HeatCell& cell : day) most = std::max(most, rate(cell));
  if (most <= 0 || report.hours.size() < 24) return {};
  constexpr std::string_view shades = " .:-=+*#%@";
  constexpr std::array<std::string_view, 7> names{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
  std::string out = fmt::format("\n  tokens an hour, of {} at most ('@'); hours of {}\n       0     6     12    18\n", with_commas(most), report.zone);
  for (std::size_t day = 0; day < 7; ++day) {
    std::string line = fmt::format("  {}  ", names[day]);
    for (const HeatCell& cell : report.heat[day])
      line += cell.hours <= 0 ? '?' : shades[static_cast<std::size_t>(std::ceil(rate(cell) / most * static_cast<double>(shades.size() - 1)))];
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

std::string coverage(const Report& report, const Zone& zone) {
  std::string out;
  for (std::size_t i = 0; i < std::min(gaps_shown, report.gaps.size()); ++i) {
    const Gap& gap = report.gaps[i];
    out += fmt::format("  gap {} to {}, {}{}: {}\n", minute_text(zone, gap.begin), minute_text(zone, gap.end), report.sources[gap.source].name,
                       gap.engine.empty() ? "" : " engine " + gap.engine, gap.why);
  }
  if (report.gaps_count > gaps_shown) out += fmt::format("  … and {} gap(s) more, shorter ones\n", report.gaps_count - gaps_shown);
  return out.empty() ? out : "\n" + out;
}

std::string sources(const Report& report) {
  Table table{{Side::left, Side::left, Side::right, Side::left}};
  for (const SourceRow& row : report.sources) {
    std::string what;
    const auto put = [&](std::uint64_t count, std::string_view name) {
      if (count > 0) what += fmt::format("{}{} {}", what.empty() ? "" : ", ", with_commas(static_cast<double>(count)), name);
    };
    put(row.rate_lines, "interval lines");
    put(row.requests, "requests");
    put(row.samples, "samples");
    put(row.totals, "totals");
    put(row.repeated, "told before");
    for (const SkippedRow& skipped : row.skipped)
      put(skipped.count, skipped.why == Skip::not_of_this_log || skipped.why == Skip::excluded
                             ? fmt::format("{}", name_of(skipped.why) == "excluded" ? "excluded" : "other lines")
                             : fmt::format("skipped as {} (first: line {})", name_of(skipped.why), skipped.first_line));
    if (!row.same_as.empty()) what = "the same as " + row.same_as + ": not read";
    if (row.recognised() == 0 && row.same_as.empty() && row.trouble.empty())
      what = fmt::format("nothing was recognised: {}{}", row.looks_like, what.empty() ? "" : " (" + what + ")");
    if (!row.trouble.empty()) what += (what.empty() ? "" : "; ") + row.trouble;
    table.row({row.name, row.format, fmt::format("{:.1f} MB", static_cast<double>(row.bytes) / 1e6), what});
  }
  return "\n" + table.text();
}

std::string findings(const Report& report) {
  std::string out;
  for (const Disagreement& one : report.disagreements)
    out += fmt::format("  {}: {} say {}, {} say {} ({:+.1f} %). Likely: {}\n", quantity_names[static_cast<std::size_t>(one.quantity)], one.used_kind,
                       with_commas(one.used), one.other_kind, with_commas(one.other), one.percent, one.likely);
  if (!report.features.empty()) {
    Table table{{Side::left, Side::right, Side::left, Side::left}};
    table.row({fmt::format("asked for in {} request(s)", with_commas(static_cast<double>(report.feature_requests))), "requests", "hosted API", ""});
    for (const FeatureRow& row : report.features)
      table.row({std::string(row.name), with_commas(static_cast<double>(row.requests)), std::string(name_of(row.hosted)), std::string(row.note)});
    out += "\n" + table.text();
  }
  for (const std::string& note : report.notes) out += "  note: " + note + "\n";
  return out.empty() ? out : "\n" + out;
}

std::string forecast(const Report& report) {
  const Forecast& forecast = report.forecast;
  std::string out = "\n";
  if (!forecast.given) {
    out += "  no monthly figure: " + forecast.refused + "\n";
    for (const Scenario& one : forecast.rough)
      out += fmt::format("  observed a day, roughly: {} {} ({} to {})\n", with_commas(one.value), quantity_names[static_cast<std::size_t>(one.quantity)],
                         with_commas(one.low), with_commas(one.high));
    return out;
  }
  Table table{{Side::left, Side::left, Side::right, Side::right}};
  table.row({forecast.weak ? "30 days to come (weak)" : "30 days to come", "", "value", "90 % between"});
  for (const Scenario& one : forecast.scenarios)
    table.row({std::string(one.name), std::string(quantity_names[static_cast<std::size_t>(one.quantity)]), with_commas(one.value),
               with_commas(one.low) + " to " + with_commas(one.high)});
  return out + table.text() + fmt::format("  from {:.0f} days; {}\n", forecast.days_used, forecast.method);
}

}  // namespace

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::size_t size = byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
    char32_t letter = byte < 0x80 ? byte : byte & (0x7FU >> size);
    for (std::size_t k = 1; k < size && i + k < text.size(); ++k) letter = letter << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3FU);
    i += size;
    columns += is_in(letter, wide) ? 2 : is_in(letter, narrow) ? 0 : 1;
  }
  return columns;
}

std::string to_text(const Report& report, const Zone& zone) {
  std::string out;
  if (report.begin)
    out += fmt::format("{} to {} ({}, {}), {:.1f} % covered\n\n", minute_text(zone, *report.begin), minute_text(zone, *report.end), report.zone,
                       report.zone_from, 100 * report.covered);
  else out += "no time was told: there are totals alone\n\n";
  return out + totals(report) + models(report) + periods(report.months, "month", 24) + periods(report.days, "day", days_shown) + levels(report, zone) +
         distributions(report.latency, "milliseconds") + distributions(report.lengths, "tokens a request") + heat(report) + coverage(report, zone) +
         findings(report) + forecast(report) + sources(report);
}

}  // namespace bellwether::audit
