// Tally::report: from sums to what is printed.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "audit/hosted.h"
#include "audit/reconcile.h"
#include "audit/tally.h"

namespace bellwether::audit {
namespace {

using namespace std::chrono;

constexpr int days_max = 800;
constexpr std::int64_t window_hours_max = 24 * days_max;

double seconds_of(Instant::duration length) { return static_cast<double>(length.count()) / 1000; }

Instant max_of(Instant a, Instant b) { return a > b ? a : b; }
Instant min_of(Instant a, Instant b) { return a < b ? a : b; }

/// Nothing, of each quantity that is known at all.
Quantities nothing_of(const Quantities& totals) {
  Quantities out;
  for (std::size_t i = 0; i < quantity_count; ++i)
    if (totals.of[i].basis != Basis::unknown) out.of[i].basis = Basis::counted;
  return out;
}

void add_day(Report& report, const Reconciled& sums, const Zone& zone, sys_days day) {
  PeriodRow row;
  const year_month_day date{day};
  row.name = fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  row.begin = zone.begin_of(date);
  row.end = zone.begin_of(year_month_day{day + days{1}});
  const auto sum = sums.days.find(day);
  row.used = sum != sums.days.end() ? sum->second.quantities() : nothing_of(report.totals);
  row.is_weekend = weekday{day}.iso_encoding() >= 6;
  const double length = seconds_of(row.end - row.begin);
  const double watched = std::max(0.0, seconds_of(min_of(*report.end, row.end) - max_of(*report.begin, row.begin)));
  const auto missing = sums.day_missing_seconds.find(day);
  const auto streams = sums.day_streams.find(day);
  const double of_all =
      missing == sums.day_missing_seconds.end() ? 0 : missing->second / std::max(1U, streams == sums.day_streams.end() ? 1U : streams->second);
  row.covered = std::clamp((watched - of_all) / length, 0.0, 1.0);
  report.days.push_back(std::move(row));
}

/// Days on which nothing happened have rows, too.
void add_days(Report& report, const Reconciled& sums, const Zone& zone) {
  if (!report.begin) return;
  const sys_days first{zone.civil(*report.begin).day}, last{zone.civil(*report.end - milliseconds{1}).day};
  for (sys_days day = first; day <= last && day - first < days{days_max}; day += days{1}) add_day(report, sums, zone, day);
}

void add_months(Report& report, const Reconciled& sums, const Zone& zone) {
  for (const auto& [name, sum] : sums.months) {
    PeriodRow row;
    row.name = name;
    const year_month month{year{std::stoi(name.substr(0, 4))}, std::chrono::month{static_cast<unsigned>(std::stoi(name.substr(5)))}};
    row.begin = zone.begin_of(month / 1);
    row.end = zone.begin_of((month + months{1}) / 1);
    row.used = sum.quantities();
    double covered = 0;
    for (const PeriodRow& day : report.days)
      if (day.name.starts_with(name)) covered += day.covered * seconds_of(day.end - day.begin);
    row.covered = std::clamp(covered / seconds_of(row.end - row.begin), 0.0, 1.0);
    report.months.push_back(std::move(row));
  }
}

void add_heat(Report& report, const Zone& zone) {
  if (!report.begin) return;
  for (const HourRow& row : report.hours) {
    const Civil civil = zone.civil(row.begin);
    HeatCell& cell = report.heat[civil.weekday][civil.hour];
    cell.input += row.used[Quantity::input].value;
    cell.output += row.used[Quantity::output].value;
    cell.requests += row.used[Quantity::requests].value;
  }
  std::int64_t count = 0;
  for (Instant at = *report.begin; at < *report.end && count < window_hours_max; ++count) {
    const Instant next = min_of(floor<hours>(at) + hours{1}, *report.end);
    const Civil civil = zone.civil(at);
    report.heat[civil.weekday][civil.hour].hours += seconds_of(next - at) / 3600;
    at = next;
  }
}

Distribution of_buckets(const Buckets& buckets, std::string_view name, double unit) { return buckets.distribution(name, unit); }

}  // namespace

Report Tally::report(const std::vector<std::string>& models) {
  for (std::uint32_t i = 0; i < sources_.size(); ++i) end_source(i);
  for (Rates& rates : rates_) flush(rates);
  end_snapshots();
  // Lines without a time that stand before a log's first stamp are of its hour.
  for (Stream& stream : streams_) {
    const bool is_of_log = stream.kind == Kind::access_lines || stream.kind == Kind::engine_lines || stream.kind == Kind::guide_lines;
    if (!is_of_log || stream.hours.empty() || is_full_) continue;
    add(stream.hours.begin()->second, stream.untimed);
    stream.untimed = {};
  }
  const Reconciled sums = reconcile(streams_, zone_, milliseconds{phase_ms_}, models);

  Report report;
  report.zone = zone_.name();
  std::uint64_t excluded = 0;
  for (Source& source : sources_) {
    for (std::size_t why = 0; why < source.skipped.size(); ++why)
      if (source.skipped[why].count > 0) {
        source.skipped[why].why = static_cast<Skip>(why);
        source.row.skipped.push_back(source.skipped[why]);
        if (static_cast<Skip>(why) == Skip::excluded) excluded += source.skipped[why].count;
      }
    if (source.row.begin && (!report.begin || *source.row.begin < *report.begin)) report.begin = source.row.begin;
    if (source.row.end && (!report.end || *source.row.end > *report.end)) report.end = source.row.end;
    report.sources.push_back(source.row);
  }
  if (period_.since && report.begin) report.begin = max_of(*report.begin, *period_.since);
  if (period_.until && report.end) report.end = min_of(*report.end, *period_.until);
  if (report.begin && *report.end < *report.begin) report.end = report.begin;

  report.totals = sums.totals.quantities();
  report.untimed = sums.untimed.quantities();
  for (const auto& [model, sum] : sums.models) report.models.push_back({model, sum.quantities()});
  for (const auto& [begin, used] : sums.hours) report.hours.push_back({begin, used});
  add_days(report, sums, zone_);
  add_months(report, sums, zone_);
  add_heat(report, zone_);
  report.evidence = sums.evidence;
  report.disagreements = sums.disagreements;
  report.notes = sums.notes;
  report.missing_seconds = missing_seconds_;
  report.idle_seconds = idle_seconds_;
  double watched = 0, covered = 0;
  for (const PeriodRow& day : report.days) {
    watched += std::max(0.0, seconds_of(min_of(*report.end, day.end) - max_of(*report.begin, day.begin)));
    covered += day.covered * seconds_of(day.end - day.begin);
  }
  report.covered = watched > 0 ? std::clamp(covered / watched, 0.0, 1.0) : 1;

  // Levels come from the best kind that has them.
  if (report.begin) {
    for (std::size_t kind = 0; kind < kind_count; ++kind) {
      const Timeline* const timeline = timelines_[kind].get();
      if (timeline == nullptr) continue;
      if (timeline->has_busy() && !report.concurrency.known) {
        report.concurrency = timeline->concurrency(*report.begin, *report.end);
        const bool is_sampled = static_cast<Kind>(kind) == Kind::rates || static_cast<Kind>(kind) == Kind::counters;
        report.concurrency.peak.basis = is_sampled || sweep_is_inexact_ ? Basis::estimated : Basis::counted;
        report.concurrency.how = is_sampled
                                     ? "sampled, running and waiting: between two samples it may have been higher; engines' highest of a minute are added"
                                     : "from begins and ends of requests";
      }
      const auto rate = [&](bellwether::audit::Level& level, float Timeline::Minute::* tokens) {
        if (level.known) return;
        level = timeline->rate(*report.begin, *report.end, tokens);
        level.peak.basis = static_cast<Kind>(kind) == Kind::rates ? Basis::integrated : Basis::counted;
        level.how = "over minutes, idle ones included; tokens of a request are counted when it ends, those of an engine as they come";
      };
      rate(report.input_rate, &Timeline::Minute::input);
      rate(report.output_rate, &Timeline::Minute::output);
      if (timeline->is_full()) is_full_ = true;
    }
  }

  const auto pick = [](std::vector<Distribution>& into, const Spread& records, const Buckets& buckets, std::string_view name, double unit) {
    if (records.samples() > 0) into.push_back(records.distribution(name));
    else if (!buckets.empty()) into.push_back(of_buckets(buckets, name, unit));
  };
  const auto histogram = [&](Histogram which) -> const Buckets& { return histograms_[static_cast<std::size_t>(which)]; };
  pick(report.latency, first_token_, histogram(Histogram::first_token), "first_token_ms", 1000);
  pick(report.latency, inter_token_, histogram(Histogram::inter_token), "inter_token_ms", 1000);
  pick(report.latency, latency_, histogram(Histogram::e2e_latency), "total_ms", 1000);
  pick(report.latency, {}, histogram(Histogram::queue_time), "queue_ms", 1000);
  pick(report.lengths, input_length_, histogram(Histogram::prompt_length), "input_tokens", 1);
  pick(report.lengths, output_length_, histogram(Histogram::generation_length), "output_tokens", 1);
  pick(report.lengths, asked_length_, histogram(Histogram::max_tokens_asked), "max_tokens_asked", 1);
  std::erase_if(report.latency, [](const Distribution& one) { return one.percentiles.empty(); });
  std::erase_if(report.lengths, [](const Distribution& one) { return one.percentiles.empty(); });

  std::ranges::sort(gaps_, std::greater<>{}, [](const Gap& one) { return one.end - one.begin; });
  if (gaps_.size() > gaps_kept) gaps_.resize(gaps_kept);
  report.gaps = gaps_;
  report.gaps_count = gaps_count_;

  // Failures and the like, of the kind that the count of requests rests on.
  for (const Evidence& evidence : report.evidence) {
    if (evidence.quantity != Quantity::requests || !evidence.used) continue;
    const auto kind = static_cast<std::size_t>(std::ranges::find(kind_names, evidence.kind) - kind_names.begin());
    if (static_cast<Kind>(kind) == Kind::counters) {
      report.aborted_requests = aborted_counted_;
      // The engine never saw them: the server's lines did, if they are here too.
      if (const std::uint64_t failed = failed_[static_cast<std::size_t>(Kind::access_lines)]; failed > 0) report.failed_requests = failed;
    } else {
      report.failed_requests = failed_[kind];
    }
    if (aborted_[kind] > 0) report.aborted_requests = aborted_[kind];
    break;
  }
  if (excluded > 0) report.excluded_requests = excluded;
  if (response_cache_hits_ > 0) report.response_cache_hits = response_cache_hits_;
  report.feature_requests = feature_requests_;
  for (const HostedRow& row : hosted_rows()) {
    std::uint64_t requests = features_[static_cast<std::size_t>(std::countr_zero(static_cast<std::uint32_t>(row.feature)))];
    if (has(row.feature, Feature::embeddings)) requests = std::max(requests, requests_with_embeddings_);
    if (requests > 0) report.features.push_back({row.name, requests, row.hosted, row.note});
  }

  if (is_full_) report.notes.push_back("more engines, models or hours than are kept apart: what was beyond is in the totals, not in its own row");
  if (series_full_) report.notes.push_back("more metrics series than are kept: those beyond were not counted");
  if (sweep_is_inexact_) report.notes.push_back("some requests took longer than the sweep looks back: the concurrency may be a little low");
  for (const Evidence& evidence : report.evidence)
    if (evidence.used && evidence.quantity == Quantity::input && evidence.kind == kind_names[static_cast<std::size_t>(Kind::rates)])
      for (const Stream& stream : streams_)
        if (stream.kind == Kind::rates && stream.prompt_rate == PromptRate::unknown) {
          report.notes.push_back(
              "no line tells the version of the vLLM: up to 0.15 the prompt rate holds all input tokens (the value), from 0.16 on the cached ones are missing "
              "in it (the upper bound)");
          return report;
        }
  return report;
}

}  // namespace bellwether::audit
