#include "cli/bench_report.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "json/reader.h"

namespace bellwether::cli {
namespace {

using measuring::Distribution;
using measuring::Estimate;
using measuring::Metric;
using measuring::Summary;

struct Column {
  std::string_view name;
  double quantile;
};
constexpr std::array columns{Column{"p50", 0.5}, Column{"p90", 0.9}, Column{"p95", 0.95}, Column{"p99", 0.99}};
constexpr std::array shown{Metric::ttft, Metric::itl, Metric::tpot, Metric::total, Metric::send_delay};
constexpr std::array compared{Metric::ttft, Metric::tpot, Metric::total};

std::string_view name_of(Metric metric) { return measuring::metric_names[static_cast<std::size_t>(metric)]; }

/// Three significant digits or whole numbers; nobody measures more.
std::string number_text(double number) {
  const double size = std::abs(number);
  return size >= 100 ? fmt::format("{:.0f}", number) : size >= 10 ? fmt::format("{:.1f}", number) : fmt::format("{:.2f}", number);
}
std::string signed_text(double number) { return (number >= 0 ? "+" : "") + number_text(number); }

std::string interval_text(const Estimate& estimate) {
  return fmt::format("{}..{}", estimate.low ? number_text(*estimate.low) : "", estimate.high ? number_text(*estimate.high) : "");
}

std::string errors_text(const Summary& summary) {
  std::string text;
  for (const auto& [kind, count] : summary.errors) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, kind);
  return text;
}

std::string endpoint_table(const BenchReport& report, std::size_t which) {
  const Summary& summary = report.outcome.endpoints[which];
  const BenchTarget& target = report.targets[which];
  const std::string side = report.targets.size() > 1 ? (which == 0 ? "A  " : "B  ") : "";
  std::string out = fmt::format("{}{}  {}\n", side, shown_url(target.url), target.model);
  out += fmt::format("  {} requests in {:.2f} s: {} answered ({}/s)", summary.requests, summary.seconds, summary.ok,
                     number_text(summary.per_second(static_cast<double>(summary.ok))));
  if (summary.requests > summary.ok) out += fmt::format(", {} failed: {}", summary.requests - summary.ok, errors_text(summary));
  if (report.seen[which].under_way > 0) out += fmt::format(", {} were under way", report.seen[which].under_way);
  out += "\n";
  if (summary.ok == 0) return out;
  out += fmt::format("  tokens: {} in ({} cached), {} out ({}/s){}\n", summary.input_tokens, summary.cached_input_tokens, summary.output_tokens,
                     number_text(summary.per_second(static_cast<double>(summary.output_tokens))),
                     summary.counted == summary.ok ? "" : fmt::format("; {} answers had no counts: there a chunk is a token", summary.ok - summary.counted));
  if (summary.good)
    out += fmt::format("  goodput: {} of {} ({:.2f} %), {}/s\n", *summary.good, summary.requests,
                       100 * static_cast<double>(*summary.good) / static_cast<double>(summary.requests),
                       number_text(summary.per_second(static_cast<double>(*summary.good))));
  out += fmt::format("  {:<14}{:>10}{:>10}{:>20}{:>10}{:>10}{:>10}{:>22}{:>10}\n", "ms", "mean", "p50", "(95 %)", "p90", "p95", "p99", "(95 %)", "max");
  for (const Metric metric : shown) {
    const std::optional<Distribution>& times = summary.of(metric);
    if (!times) continue;
    const Estimate p50 = times->quantile(0.5), p99 = times->quantile(0.99);
    // The gaps of one answer are not independent of each other, so nothing is said about how sure their percentiles are.
    const bool has_interval = metric != Metric::itl;
    out += fmt::format("  {:<14}{:>10}{:>10}{:>20}{:>10}{:>10}{:>10}{:>22}{:>10}\n", name_of(metric), number_text(times->mean()), number_text(p50.value),
                       has_interval ? interval_text(p50) : "", number_text(times->value_at(0.9)), number_text(times->value_at(0.95)), number_text(p99.value),
                       has_interval ? interval_text(p99) : "", number_text(times->max()));
  }
  return out;
}

std::string difference_table(const BenchReport& report) {
  std::string out;
  for (const Metric metric : compared) {
    const auto& difference = report.outcome.differences[static_cast<std::size_t>(metric)];
    if (!difference) continue;
    if (out.empty())
      out = fmt::format("B - A, {} pairs\n  {:<14}{:>10}{:>22}{:>10}{:>22}{:>10}{:>22}\n", difference->pairs, "ms", "typical", "(95 %)", "p50", "(95 %)", "p99",
                        "(95 %)");
    const auto& [p50, p90, p95, p99] = difference->quantiles;
    const auto interval = [](const Estimate& estimate) {
      return fmt::format("{}..{}", estimate.low ? signed_text(*estimate.low) : "", estimate.high ? signed_text(*estimate.high) : "");
    };
    out += fmt::format("  {:<14}{:>10}{:>22}{:>10}{:>22}{:>10}{:>22}  {}\n", name_of(metric), signed_text(difference->typical.value),
                       interval(difference->typical), signed_text(p50.value), interval(p50), signed_text(p99.value), interval(p99),
                       !difference->is_certain()       ? "no difference is certain"
                       : difference->typical.value > 0 ? "B is slower"
                                                       : "B is faster");
  }
  return out;
}

// ---- JSON ----

std::string json_number(const std::optional<double>& number) { return number ? fmt::format("{:.6g}", *number) : "null"; }

std::string json_estimate(const Estimate& estimate) {
  return fmt::format(R"({{"value":{:.6g},"low":{},"high":{}}})", estimate.value, json_number(estimate.low), json_number(estimate.high));
}

std::string json_times(const std::optional<Distribution>& times, Metric metric) {
  if (!times) return "null";
  std::string out = fmt::format(R"({{"count":{},"mean":{:.6g},"min":{:.6g},"max":{:.6g})", times->count(), times->mean(), times->min(), times->max());
  for (const Column& column : columns) {
    Estimate estimate = times->quantile(column.quantile);
    if (metric == Metric::itl) estimate.low = estimate.high = std::nullopt;
    out += fmt::format(R"(,"{}":{})", column.name, json_estimate(estimate));
  }
  return out + "}";
}

std::string json_endpoint(const BenchReport& report, std::size_t which) {
  const Summary& summary = report.outcome.endpoints[which];
  std::string errors, times;
  for (const auto& [kind, count] : summary.errors) errors += fmt::format("{}{}:{}", errors.empty() ? "" : ",", json::quote(kind), count);
  for (const Metric metric : shown) times += fmt::format(R"(,"{}_ms":{})", name_of(metric), json_times(summary.of(metric), metric));
  const std::string good = !summary.good
                               ? "null"
                               : fmt::format(R"({{"count":{},"rate_percent":{:.6g},"per_second":{:.6g}}})", *summary.good,
                                             summary.requests > 0 ? 100 * static_cast<double>(*summary.good) / static_cast<double>(summary.requests) : 0.0,
                                             summary.per_second(static_cast<double>(*summary.good)));
  const std::string_view basis = summary.ok == 0 ? "none" : summary.counted == summary.ok ? "counted" : summary.counted == 0 ? "chunks" : "mixed";
  return fmt::format(
      R"({{"url":{},"model":{},"requests":{},"ok":{},"under_way":{},"errors":{{{}}},"seconds":{:.6g},"requests_per_second":{:.6g},"input_tokens":{},"cached_input_tokens":{},"output_tokens":{},"tokens_basis":"{}","output_tokens_per_second":{:.6g},"goodput":{}{}}})",
      json::quote(shown_url(report.targets[which].url)), json::quote(report.targets[which].model), summary.requests, summary.ok, report.seen[which].under_way,
      errors, summary.seconds, summary.per_second(static_cast<double>(summary.ok)), summary.input_tokens, summary.cached_input_tokens, summary.output_tokens,
      basis, summary.per_second(static_cast<double>(summary.output_tokens)), good, times);
}

std::string json_difference(const BenchReport& report) {
  std::string out;
  for (const Metric metric : compared) {
    const auto& difference = report.outcome.differences[static_cast<std::size_t>(metric)];
    if (!difference) continue;
    out += fmt::format(R"({}"{}_ms":{{"pairs":{},"typical":{},"certain":{})", out.empty() ? "" : ",", name_of(metric), difference->pairs,
                       json_estimate(difference->typical), difference->is_certain());
    for (std::size_t i = 0; i < columns.size(); ++i) out += fmt::format(R"(,"{}":{})", columns[i].name, json_estimate(difference->quantiles[i]));
    out += "}";
  }
  return report.targets.size() < 2 ? "null" : "{" + out + "}";
}

std::string json_load(const BenchReport& report) {
  const BenchPlan& plan = report.plan;
  if (plan.load == Load::closed) return fmt::format(R"({{"kind":"closed","concurrency":{}}})", plan.concurrency);
  return fmt::format(R"({{"kind":"open","requests_per_second":{:.6g},"arrivals":"{}","seed":{}}})", plan.rate,
                     plan.arrivals == measuring::Arrivals::poisson ? "poisson" : "constant", plan.seed);
}

std::string csv_time(const std::optional<double>& time) { return time ? fmt::format("{:.3f}", *time) : ""; }
std::string csv_count(const std::optional<std::int64_t>& count) { return count ? std::to_string(*count) : ""; }

}  // namespace

std::string bench_table(const BenchReport& report) {
  std::string out;
  for (std::size_t i = 0; i < report.targets.size(); ++i) out += endpoint_table(report, i);
  return out + difference_table(report);
}

std::string missed_text(const BenchReport& report) {
  std::string out;
  for (std::size_t i = 0; i < report.thresholds.size(); ++i)
    if (report.judgements[i].is_missed)
      out += fmt::format("bellwether: threshold missed: {} ({})\n", report.thresholds[i].text,
                         report.judgements[i].value ? "it is " + number_text(*report.judgements[i].value) : "there is no such figure in this run");
  return out;
}

std::string bench_json(const BenchReport& report) {
  std::string endpoints, thresholds;
  for (std::size_t i = 0; i < report.targets.size(); ++i) endpoints += (i > 0 ? "," : "") + json_endpoint(report, i);
  for (std::size_t i = 0; i < report.thresholds.size(); ++i)
    thresholds += fmt::format(R"({}{{"fail_if":{},"value":{},"missed":{}}})", i > 0 ? "," : "", json::quote(report.thresholds[i].text),
                              json_number(report.judgements[i].value), report.judgements[i].is_missed);
  return fmt::format(
      R"({{"schema":"bellwether.bench/1","started_at":"{}","interrupted":{},"load":{},"stream":{},"warmup":{},"intervals":"95 %; percentiles: order statistics; differences of percentiles: bootstrap over pairs","endpoints":[{}],"difference":{},"thresholds":[{}]}})",
      report.started_at, report.interrupted, json_load(report), report.body.stream, report.plan.warmup, endpoints, json_difference(report), thresholds);
}

std::string bench_csv(const BenchReport& report) {
  std::string out =
      "endpoint,number,intended_ms,send_delay_ms,first_byte_ms,ttft_ms,tpot_ms,total_ms,input_tokens,cached_input_tokens,output_tokens,chunks,error\n";
  for (std::size_t i = 0; i < report.targets.size(); ++i)
    for (const measuring::Sample& sample : report.seen[i].samples)
      out += fmt::format("{},{},{:.3f},{:.3f},{},{},{},{:.3f},{},{},{},{},{}\n", i == 0 ? "A" : "B", sample.number, milliseconds_of(sample.intended),
                         milliseconds_of(sample.sent), sample.first_byte ? csv_time(milliseconds_of(*sample.first_byte)) : "",
                         csv_time(milliseconds_in(sample, Metric::ttft)), csv_time(milliseconds_in(sample, Metric::tpot)), milliseconds_of(sample.total),
                         csv_count(sample.input_tokens), csv_count(sample.cached_input_tokens), csv_count(sample.output_tokens), sample.chunks, sample.error);
  return out;
}

}  // namespace bellwether::cli
