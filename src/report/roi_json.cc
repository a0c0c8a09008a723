#include "report/roi_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "costing/explanation.h"
#include "json/reader.h"
#include "report/words.h"

namespace bellwether::report {
namespace {

using costing::Comparison;
using costing::Row;
using costing::Span;
using costing::to_short_decimal;
using json::quote;

constexpr std::array<std::string_view, 7> line_names{"stated", "rent", "purchase", "power", "colocation", "other", "staff"};

std::string usd(Money money) { return quote(to_short_decimal(money)); }
std::string ends(const Span& span) { return fmt::format(R"({{"low":{},"high":{}}})", usd(span.low), usd(span.high)); }
std::string points(const Span& span) { return fmt::format(R"({{"low":{},"value":{},"high":{}}})", usd(span.low), usd(span.value), usd(span.high)); }
std::string points(std::int64_t low, std::int64_t value, std::int64_t high) { return fmt::format(R"({{"low":{},"value":{},"high":{}}})", low, value, high); }
template <class Value>
std::string or_null(const std::optional<Value>& value) {
  return value ? fmt::format("{}", *value) : "null";
}
std::string percent(const std::optional<std::int64_t>& tenths) { return tenths ? costing::to_percent(*tenths) : "null"; }
std::string won(const Comparison& comparison, const Span& span) {
  if (!comparison.question.rate) return "";
  const auto one = [&](Money money) { return std::to_string(costing::to_won(money, *comparison.question.rate)); };
  return fmt::format(R"(,"monthly_krw":{{"low":"{}","value":"{}","high":"{}"}})", one(span.low), one(span.value), one(span.high));
}

template <class Values, class Write>
std::string array_of(const Values& values, Write write) {
  std::string out = "[";
  for (const auto& value : values) {
    if (out.size() > 1) out += ',';
    out += write(value);
  }
  return out + "]";
}

std::string volume_json(const costing::Volume& volume) {
  return fmt::format(
      R"({{"input_tokens":{},"cached_input_tokens":{},"output_tokens":{},"basis":"{}","cached_is_known":{},"tokens_per_second":{},"source":{}}})",
      points(volume.low.input, volume.value.input, volume.high.input),
      points(std::min(volume.low.cached, volume.high.cached), volume.value.cached, std::max(volume.low.cached, volume.high.cached)),
      points(volume.low.output, volume.value.output, volume.high.output), volume.basis == costing::VolumeBasis::stated ? "stated" : "audited",
      volume.cached_is_known, costing::tokens_per_second(volume.value.total()), quote(volume.source));
}

std::string own_json(const Comparison& comparison) {
  const costing::OwnSide& own = comparison.own;
  std::string out = fmt::format(R"({{"monthly_usd":{},"middle_usd":{}{})", ends(own.monthly), usd(own.monthly.value), won(comparison, own.monthly));
  if (comparison.own_per_million) out += R"(,"per_million_usd":)" + points(*comparison.own_per_million);
  if (comparison.own_per_million_full) out += R"(,"per_million_usd_when_full":)" + points(*comparison.own_per_million_full);
  out += R"(,"lines":)" + array_of(own.lines, [](const costing::CostLine& line) {
           return fmt::format(R"({{"name":"{}","monthly_usd":{},"formula":{}}})", line_names[static_cast<std::size_t>(line.kind)], points(line.monthly),
                              quote(line.formula));
         });
  const costing::Nodes& nodes = own.nodes;
  if (nodes.paid > 0)
    out += fmt::format(R"(,"nodes":{{"stated":{},"for_load":{},"for_weights":{},"spares":{},"counted":{},"capacity_tokens":{}}})", nodes.stated, nodes.for_load,
                       nodes.for_weights, nodes.spares, nodes.paid, or_null(nodes.capacity));
  return out + "}";
}

std::string break_even_json(const Row& row) {
  if (!row.break_even) return "null";
  const auto rate = [](const std::optional<std::int64_t>& tokens) { return tokens ? std::to_string(costing::tokens_per_second(*tokens)) : "null"; };
  const costing::BreakEven& at = *row.break_even;
  return fmt::format(R"({{"tokens_per_month":{{"low":{},"value":{},"high":{}}},"tokens_per_second":{{"low":{},"value":{},"high":{}}}}})", or_null(at.low),
                     or_null(at.value), or_null(at.high), rate(at.low), rate(at.value), rate(at.high));
}

std::string price_json(const metering::Price& price) {
  return fmt::format(R"("input":{},"cached_input":{},"output":{})", usd(price.input), price.cached_input ? usd(*price.cached_input) : "null",
                     usd(price.output));
}

std::string row_json(const Comparison& comparison, const Row& row) {
  const costing::Candidate& candidate = row.candidate;
  std::size_t index = 0;
  const std::string windows = array_of(candidate.tariff.windows, [&](const costing::Window& window) {
    return fmt::format(R"({{"name":{},"share_percent":{},{}}})", quote(window.name), costing::share_to_percent(row.shares.parts(index++)),
                       price_json(window.price));
  });
  constexpr std::array<std::string_view, 3> origins{"flag", "scenario", "price_list"};
  std::string out = fmt::format(R"({{"name":{},"monthly_usd":{},"monthly_usd_range":{}{})", quote(candidate.name), usd(row.monthly.value), ends(row.monthly),
                                won(comparison, row.monthly));
  if (row.per_million) out += R"(,"per_million_usd":)" + points(*row.per_million);
  out += fmt::format(R"(,"saved_usd":{},"saved_percent":{{"low":{},"high":{}}},"saved_percent_middle":{},"verdict":"{}","break_even":{})", points(row.saved),
                     percent(row.saved_tenths_low), percent(row.saved_tenths_high), percent(row.saved_tenths_value), costing::to_text(row.verdict),
                     break_even_json(row));
  out += fmt::format(R"(,"price":{{{},"windows":{},"origin":"{}","source":{},"checked":{}}},"formula":{}}})", price_json(candidate.tariff.price), windows,
                     origins[static_cast<std::size_t>(candidate.origin)], quote(candidate.source),
                     candidate.checked ? quote(costing::to_text(*candidate.checked)) : "null", quote(row.formula));
  return out;
}

std::string swing_json(const costing::Swing& swing) {
  return fmt::format(R"({{"input":"{}","low":{},"high":{},"saved_usd":{{"low":{},"high":{}}}}})", costing::to_text(swing.input), quote(swing.low),
                     quote(swing.high), usd(swing.saving_low), usd(swing.saving_high));
}

std::string finding_json(const costing::Finding& finding) {
  return fmt::format(R"({{"kind":"{}","severity":"{}","text":{}}})", costing::to_text(finding.kind), costing::to_text(finding.severity),
                     quote(fill(english().findings[static_cast<std::size_t>(finding.kind)], finding.figures)));
}

std::string cell(std::string_view text) {
  std::string out = "\"";
  // A field that begins like this is run as a formula by the usual spreadsheets.
  if (!text.empty() && std::string_view("=+-@\t\r").contains(text.front())) out += '\'';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

std::string csv_row(std::string_view name, const Span& monthly, const std::optional<Span>& per_million) {
  std::string out = cell(name);
  for (const Money money : {monthly.low, monthly.value, monthly.high}) out += "," + to_short_decimal(money);
  out += "," + (per_million ? to_short_decimal(per_million->value) : std::string{});
  return out;
}

}  // namespace

std::string roi_json(const Comparison& comparison, Detail detail) {
  const costing::Question& question = comparison.question;
  std::string out =
      fmt::format(R"({{"schema":"bellwether.roi/1","on":"{}","verdict":"{}","best":{},"volume":{},"self_hosted":{},"candidates":{})",
                  costing::to_text(question.today), costing::to_text(comparison.verdict), quote(comparison.rows[comparison.best].candidate.name),
                  volume_json(question.volume), own_json(comparison), array_of(comparison.rows, [&](const Row& row) { return row_json(comparison, row); }));
  out += R"(,"sensitivity":)" + array_of(comparison.swings, swing_json) + R"(,"findings":)" + array_of(comparison.findings, finding_json);
  if (comparison.one_off)
    out += fmt::format(R"(,"migration":{{"once_usd":{},"payback_months":{}}})", usd(*comparison.one_off),
                       comparison.payback_tenths ? costing::to_percent(*comparison.payback_tenths) : "null");
  if (question.rate)
    out += fmt::format(R"(,"exchange_rate":{{"krw_per_usd":{},"on":"{}"}})", quote(to_short_decimal(question.rate->won_per_usd)),
                       costing::to_text(question.rate->on));
  if (detail == Detail::with_explanation)
    out += R"(,"explain":)" + array_of(costing::explain(comparison), [](const costing::Explanation& one) {
             return fmt::format(R"({{"figure":{},"value":{},"formula":{},"source":{}}})", quote(one.figure), quote(one.value), quote(one.formula),
                                quote(one.source));
           });
  return out + "}";
}

std::string roi_csv(const Comparison& comparison) {
  std::string out =
      "name,monthly_usd_low,monthly_usd,monthly_usd_high,per_million_usd,saved_usd_low,saved_usd,saved_usd_high,saved_percent_low,saved_percent_high,verdict,"
      "break_even_tokens\n";
  out += csv_row("self-hosted", comparison.own.monthly, comparison.own_per_million) + ",,,,,,,\n";
  for (const Row& row : comparison.rows) {
    out += csv_row(row.candidate.name, row.monthly, row.per_million);
    for (const Money money : {row.saved.low, row.saved.value, row.saved.high}) out += "," + to_short_decimal(money);
    const auto or_empty = [](const std::optional<std::int64_t>& tenths) { return tenths ? costing::to_percent(*tenths) : std::string{}; };
    out += fmt::format(",{},{},{},{}\n", or_empty(row.saved_tenths_low), or_empty(row.saved_tenths_high), costing::to_text(row.verdict),
                       row.break_even && row.break_even->value ? std::to_string(*row.break_even->value) : "");
  }
  return out;
}

}  // namespace bellwether::report
