#include "audit/report_json.h"

#include <fmt/format.h>

#include <cmath>

#include "audit/hosted.h"
#include "json/reader.h"

namespace bellwether::audit {
namespace {

/// Amounts are of whole tokens and requests.
std::int64_t whole(double value) { return std::llround(value); }

/// A number with few digits and no exponent.
std::string number(double value) {
  std::string text = fmt::format("{:.3f}", std::isfinite(value) ? value : 0.0);
  while (text.ends_with('0')) text.pop_back();
  if (text.ends_with('.')) text.pop_back();
  return text;
}

std::string quote(std::string_view text) { return json::quote(text); }

std::string figure(const Figure& figure) {
  return fmt::format(R"({{"value":{},"low":{},"high":{},"basis":"{}"}})", whole(figure.value), whole(figure.low), whole(figure.high), name_of(figure.basis));
}

std::string quantities(const Quantities& used) {
  std::string out;
  for (std::size_t i = 0; i < quantity_count; ++i) out += fmt::format(R"({}"{}":{})", i > 0 ? "," : "", quantity_names[i], figure(used.of[i]));
  return out;
}

template <class Rows, class Text>
std::string list(const Rows& rows, Text&& text) {
  std::string out = "[";
  for (const auto& row : rows) out += (out.size() > 1 ? "," : "") + text(row);
  return out + "]";
}

std::string time_or_null(const std::optional<Instant>& at, const Zone& zone) { return at ? quote(zone.text(*at)) : "null"; }
std::string count_or_null(const std::optional<std::uint64_t>& count) { return count ? std::to_string(*count) : "null"; }

std::string level(const Level& level, const Zone& zone) {
  if (!level.known) return "null";
  return fmt::format(R"({{"mean":{},"p50":{},"p90":{},"p95":{},"p99":{},"peak":{{"value":{},"low":{},"high":{},"basis":"{}","at":{}}},"how":{}}})",
                     number(level.mean), number(level.p50), number(level.p90), number(level.p95), number(level.p99), number(level.peak.value),
                     number(level.peak.low), number(level.peak.high), name_of(level.peak.basis), time_or_null(level.peak_at, zone), quote(level.how));
}

std::string distributions(const std::vector<Distribution>& all) {
  std::string out = "{";
  for (const Distribution& one : all) {
    out +=
        fmt::format(R"({}"{}":{{"samples":{},"mean":{},"basis":"{}")", out.size() > 1 ? "," : "", one.name, one.samples, number(one.mean), name_of(one.basis));
    for (const Percentile& percentile : one.percentiles)
      out += fmt::format(R"(,"p{}":{{"value":{},"low":{},"high":{}}})", number(percentile.of), number(percentile.value), number(percentile.low),
                         percentile.open_above ? "null" : number(percentile.high));
    out += "}";
  }
  return out + "}";
}

std::string source(const SourceRow& row, const Zone& zone) {
  return fmt::format(
      R"({{"name":{},"format":{},"bytes":{},"recognised":{{"rate_lines":{},"requests":{},"samples":{},"totals":{},"banners":{}}},"repeated":{},"begin":{},"end":{},)"
      R"("versions":{},"models":{},"skipped":{},"same_as":{},"trouble":{},"looks_like":{}}})",
      quote(row.name), quote(row.format), row.bytes, row.rate_lines, row.requests, row.samples, row.totals, row.banners, row.repeated,
      time_or_null(row.begin, zone), time_or_null(row.end, zone), list(row.versions, quote), list(row.models, quote),
      list(row.skipped,
           [](const SkippedRow& one) { return fmt::format(R"({{"why":"{}","count":{},"first_line":{}}})", name_of(one.why), one.count, one.first_line); }),
      row.same_as.empty() ? "null" : quote(row.same_as), row.trouble.empty() ? "null" : quote(row.trouble),
      row.looks_like.empty() ? "null" : quote(row.looks_like));
}

std::string scenarios(const std::vector<Scenario>& all) {
  return list(all, [](const Scenario& one) {
    return fmt::format(R"({{"scenario":"{}","quantity":"{}","value":{},"low":{},"high":{}}})", one.name, quantity_names[static_cast<std::size_t>(one.quantity)],
                       whole(one.value), whole(one.low), whole(one.high));
  });
}

std::string forecast(const Forecast& forecast) {
  return fmt::format(R"({{"given":{},"refused":{},"weak":{},"days_used":{},"days":30,"interval_percent":90,"method":{},"monthly":{},"rough":{}}})",
                     forecast.given, forecast.refused.empty() ? "null" : quote(forecast.refused), forecast.weak, number(forecast.days_used),
                     quote(forecast.method), scenarios(forecast.scenarios), scenarios(forecast.rough));
}

std::string period(const PeriodRow& row, std::string_view name, const Zone& zone) {
  return fmt::format(R"({{"{}":"{}","begin":{},"end":{},"covered":{},{}}})", name, row.name, quote(zone.text(row.begin)), quote(zone.text(row.end)),
                     number(row.covered), quantities(row.used));
}

std::string heat(const Report& report) {
  return list(report.heat, [](const auto& day) {
    return list(day, [](const HeatCell& cell) {
      return fmt::format(R"({{"input_tokens":{},"output_tokens":{},"requests":{},"hours":{}}})", whole(cell.input), whole(cell.output), whole(cell.requests),
                         number(cell.hours));
    });
  });
}

std::string csv_cell(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

}  // namespace

std::string_view name_of(Skip why) {
  switch (why) {
    case Skip::not_of_this_log: return "other_lines";
    case Skip::malformed: return "malformed";
    case Skip::impossible_value: return "impossible_value";
    case Skip::too_long: return "too_long";
    case Skip::no_time: return "no_time";
    case Skip::excluded: return "excluded";
  }
  return "unknown";
}

std::string to_json(const Report& report, const Zone& zone) {
  std::string out = fmt::format(R"({{"schema":"bellwether.audit/1","totals":{{{}}})", quantities(report.totals));
  out += fmt::format(R"(,"untimed":{{{}}},"failed_requests":{},"aborted_requests":{},"excluded_requests":{},"response_cache_hits":{})",
                     quantities(report.untimed), count_or_null(report.failed_requests), count_or_null(report.aborted_requests),
                     count_or_null(report.excluded_requests), count_or_null(report.response_cache_hits));
  const double seconds = report.begin ? static_cast<double>((*report.end - *report.begin).count()) / 1000 : 0;
  out += fmt::format(R"(,"window":{{"begin":{},"end":{},"seconds":{},"zone":{},"zone_from":{}}})", time_or_null(report.begin, zone),
                     time_or_null(report.end, zone), number(seconds), quote(report.zone), quote(report.zone_from));
  out += fmt::format(R"(,"coverage":{{"share":{},"missing_seconds":{},"idle_seconds":{},"gaps_count":{},"gaps":{}}})", number(report.covered),
                     number(report.missing_seconds), number(report.idle_seconds), report.gaps_count, list(report.gaps, [&](const Gap& gap) {
                       return fmt::format(R"({{"begin":{},"end":{},"source":{},"engine":{},"why":{}}})", quote(zone.text(gap.begin)), quote(zone.text(gap.end)),
                                          quote(report.sources[gap.source].name), quote(gap.engine), quote(gap.why));
                     }));
  out +=
      ",\"by_model\":" + list(report.models, [](const ModelRow& row) { return fmt::format(R"({{"model":{},{}}})", quote(row.model), quantities(row.used)); });
  out += ",\"by_month\":" + list(report.months, [&](const PeriodRow& row) { return period(row, "month", zone); });
  out += ",\"by_day\":" + list(report.days, [&](const PeriodRow& row) { return period(row, "day", zone); });
  out += ",\"by_hour\":" +
         list(report.hours, [&](const HourRow& row) { return fmt::format(R"({{"begin":{},{}}})", quote(zone.text(row.begin)), quantities(row.used)); });
  out += ",\"heat\":" + heat(report);
  out += fmt::format(R"(,"concurrency":{},"input_tokens_per_second":{},"output_tokens_per_second":{})", level(report.concurrency, zone),
                     level(report.input_rate, zone), level(report.output_rate, zone));
  out += fmt::format(R"(,"latency":{},"lengths":{})", distributions(report.latency), distributions(report.lengths));
  out += ",\"sources\":" + list(report.sources, [&](const SourceRow& row) { return source(row, zone); });
  out += ",\"evidence\":" + list(report.evidence, [](const Evidence& one) {
           return fmt::format(R"({{"quantity":"{}","from":"{}","value":{},"used":{},"engines":{}}})", quantity_names[static_cast<std::size_t>(one.quantity)],
                              one.kind, whole(one.value), one.used, one.engines);
         });
  out += ",\"disagreements\":" + list(report.disagreements, [](const Disagreement& one) {
           return fmt::format(R"({{"quantity":"{}","used":"{}","other":"{}","used_value":{},"other_value":{},"percent":{},"likely":{}}})",
                              quantity_names[static_cast<std::size_t>(one.quantity)], one.used_kind, one.other_kind, whole(one.used), whole(one.other),
                              number(one.percent), quote(one.likely));
         });
  out += fmt::format(R"(,"feature_requests":{},"features":{})", report.feature_requests, list(report.features, [](const FeatureRow& row) {
                       return fmt::format(R"({{"name":"{}","requests":{},"hosted":"{}","note":{}}})", row.name, row.requests, name_of(row.hosted),
                                          quote(row.note));
                     }));
  out += ",\"notes\":" + list(report.notes, quote);
  out += ",\"forecast\":" + forecast(report.forecast);
  return out + "}";
}

std::string to_csv(const Report& report, const Zone& zone) {
  std::string out = "period,name,begin,covered";
  for (const std::string_view name : quantity_names) out += fmt::format(",{0},{0}_low,{0}_high,{0}_basis", name);
  out += "\r\n";
  const auto row = [&](std::string_view kind, std::string_view name, const std::string& begin, const std::string& covered, const Quantities& used) {
    out += fmt::format("{},{},{},{}", kind, csv_cell(name), begin, covered);
    for (const Figure& figure : used.of)
      out += figure.basis == Basis::unknown ? ",,,,unknown"
                                            : fmt::format(",{},{},{},{}", whole(figure.value), whole(figure.low), whole(figure.high), name_of(figure.basis));
    out += "\r\n";
  };
  row("total", "", report.begin ? zone.text(*report.begin) : "", number(report.covered), report.totals);
  for (const ModelRow& model : report.models) row("model", model.model, "", "", model.used);
  for (const PeriodRow& month : report.months) row("month", month.name, zone.text(month.begin), number(month.covered), month.used);
  for (const PeriodRow& day : report.days) row("day", day.name, zone.text(day.begin), number(day.covered), day.used);
  for (const HourRow& hour : report.hours) row("hour", zone.text(hour.begin), zone.text(hour.begin), "", hour.used);
  return out;
}

}  // namespace bellwether::audit
