#include "audit/tally.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>
#include <utility>

namespace bellwether::audit {
namespace {

using namespace std::chrono;

constexpr std::size_t streams_max = 4096;    // Engines, models, restarts; what is beyond goes to the last one.
constexpr std::size_t cells_max = 145'000;   // 16 engines for a year; some 32 MB.
constexpr std::size_t series_max = 100'000;  // 16 engines have some 2,000 series, buckets included.
constexpr std::size_t ids_max = 200'000;     // Of one generation: a repeated id is found within as many requests.
constexpr std::size_t names_kept = 16;       // Versions and models in a source's row.
constexpr auto hour_ms = duration_cast<milliseconds>(hours{1}).count();
constexpr std::int64_t spread_hours_max = 24 * 800;
constexpr seconds scrape_gap{300};  // Prometheus calls a series stale after as long.
// Samples further apart than so many times the last two were are a gap; the first two, than an hour, in which rows of hours know all they tell.
constexpr int spacing_factor = 3;
constexpr seconds first_spacing_max{3600};

std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
  hash ^= value + 0x9e3779b97f4a7c15ULL + (hash << 6) + (hash >> 2);
  hash *= 0xff51afd7ed558ccdULL;
  return hash ^ (hash >> 32);
}
std::uint64_t bits_of(double value) { return static_cast<std::uint64_t>(std::llround(value * 1000)); }
std::uint64_t hash_of(std::string_view text) { return std::hash<std::string_view>{}(text); }
std::uint64_t ms_of(Instant at) { return static_cast<std::uint64_t>(at.time_since_epoch().count()); }

Kind kind_of(RequestLog log) {
  switch (log) {
    case RequestLog::gateway: return Kind::gateway;
    case RequestLog::spend_log: return Kind::spend_log;
    case RequestLog::usage_records: return Kind::usage_records;
    case RequestLog::guide_lines: return Kind::guide_lines;
    case RequestLog::engine_lines: return Kind::engine_lines;
    case RequestLog::access_lines: return Kind::access_lines;
  }
  return Kind::access_lines;
}

void keep_name(std::vector<std::string>& names, std::string_view name) {
  if (!name.empty() && names.size() < names_kept && std::ranges::find(names, name) == names.end()) names.emplace_back(name);
}

/// Major and minor of `0.11.2`.
std::pair<int, int> version_of(std::string_view text) {
  int major = 0, minor = 0;
  const char* const end = text.data() + text.size();
  const auto [dot, bad] = std::from_chars(text.data(), end, major);
  if (bad == std::errc{} && dot != end) std::from_chars(dot + 1, end, minor);
  return {major, minor};
}

}  // namespace

Tally::Tally(Zone zone, Period period) : zone_{std::move(zone)}, period_{period} {
  const auto offset = zone_.offset_at(period.since.value_or(Instant{sys_days{2026y / January / 1}})).count() * 1000;
  phase_ms_ = ((-offset % hour_ms) + hour_ms) % hour_ms;
}
Tally::~Tally() = default;

std::uint32_t Tally::add_source(std::string name, std::string format, std::uint32_t group) {
  Source& source = sources_.emplace_back();
  source.row.name = std::move(name);
  source.row.format = std::move(format);
  source.group = group;
  return static_cast<std::uint32_t>(sources_.size() - 1);
}

bool Tally::is_in_period(Instant at) {
  if ((!period_.since || at >= *period_.since) && (!period_.until || at < *period_.until)) return true;
  outside_ = outside_ ? std::pair{std::min(outside_->first, at), std::max(outside_->second, at)} : std::pair{at, at};
  return false;
}

std::vector<std::string> Tally::models() const {
  std::set<std::string> names;
  for (const Stream& stream : streams_)
    if (!stream.model.empty()) names.insert(stream.model);
  return {names.begin(), names.end()};
}

std::int64_t Tally::hour_of(Instant at) const {
  const std::int64_t ms = at.time_since_epoch().count() - phase_ms_;
  return ms >= 0 ? ms / hour_ms : -((hour_ms - 1 - ms) / hour_ms);
}

std::size_t Tally::stream_of(Kind kind, std::uint32_t group, std::string_view engine, std::string_view model, PromptRate prompt_rate, bool aggregate) {
  std::string key{static_cast<char>('a' + static_cast<int>(kind)), static_cast<char>('a' + static_cast<int>(prompt_rate)), aggregate ? 'y' : 'n'};
  key.append(std::to_string(group)).append("/").append(engine).append("\n").append(model.substr(0, 256));
  if (const auto found = stream_index_.find(key); found != stream_index_.end()) return found->second;
  if (streams_.size() >= streams_max) {
    // The kind must be right, whatever else is lost of who told it.
    is_full_ = true;
    for (std::size_t i = streams_.size(); i-- > 0;)
      if (streams_[i].kind == kind && streams_[i].prompt_rate == prompt_rate) return i;
  }
  streams_.push_back({.kind = kind,
                      .group = group,
                      .engine = std::string(engine),
                      .model = std::string(model.substr(0, 256)),
                      .prompt_rate = prompt_rate,
                      .is_aggregate = aggregate,
                      .hours = {},
                      .untimed = {}});
  stream_index_.emplace(std::move(key), streams_.size() - 1);
  return streams_.size() - 1;
}

Cell& Tally::cell(Stream& stream, std::int64_t hour) {
  if (const auto found = stream.hours.find(hour); found != stream.hours.end()) return found->second;
  if (cells_ >= cells_max) {
    is_full_ = true;
    return stream.untimed;
  }
  ++cells_;
  return stream.hours[hour];
}

void Tally::note_window(Source& source, Instant begin, Instant end) {
  if (!source.row.begin || begin < *source.row.begin) source.row.begin = begin;
  if (!source.row.end || end > *source.row.end) source.row.end = end;
}

// Rates.

Tally::Rates& Tally::rates_of(const RatesSeen& seen) {
  Source& source = sources_[seen.place.source];
  const Group& group = groups_[source.group];
  const auto is_it = [&](const Rates& rates) {
    return rates.group == source.group && rates.era == group.era && rates.is_aggregate == seen.is_aggregate && rates.engine == seen.engine;
  };
  if (source.rates_last < rates_.size()) {
    if (Rates& last = rates_[source.rates_last]; is_it(last)) return last;
    // Engines of one process print in turn.
    if (const std::size_t next = source.rates_last + 1; next < rates_.size() && is_it(rates_[next])) return rates_[source.rates_last = next];
  }
  for (std::size_t i = 0; i < rates_.size(); ++i)
    if (is_it(rates_[i])) return rates_[source.rates_last = i];
  if (rates_.size() < streams_max) {
    Rates& rates = rates_.emplace_back();
    const PromptRate prompt_rate = seen.is_v0 ? PromptRate::all : group.prompt_rate;
    rates.stream = stream_of(Kind::rates, source.group, seen.engine, group.model, prompt_rate, seen.is_aggregate);
    rates.engine = seen.engine;
    rates.group = source.group;
    rates.era = group.era;
    rates.source = seen.place.source;
    rates.is_aggregate = seen.is_aggregate;
  } else {
    is_full_ = true;
  }
  source.rates_last = rates_.size() - 1;
  return rates_.back();
}

void Tally::seen(const RatesSeen& seen) {
  Source& source = sources_[seen.place.source];
  if (!seen.at || !is_in_period(*seen.at)) return;
  Rates& rates = rates_of(seen);
  rates.is_v0 = seen.is_v0;
  if (rates.source != seen.place.source) {
    rates.source = seen.place.source;
    rates.gate = rates.last;
  }
  if (rates.gate) {
    if (*seen.at <= *rates.gate) {
      ++source.row.repeated;
      return;
    }
    rates.gate.reset();
  }
  ++source.row.rate_lines;
  if (!rates.last || *seen.at > *rates.last) rates.last = *seen.at;
  rates.busy.emplace_back(seen.running.value_or(UINT32_MAX), seen.waiting.value_or(0));
  rates.integral.add(
      {*seen.at, seen.prompt_tokens_per_second, seen.generation_tokens_per_second, seen.prefix_hit_percent ? *seen.prefix_hit_percent / 100 : -1},
      [&](const RatePiece& piece) { take(rates, piece); });
}

void Tally::take(Rates& rates, const RatePiece& piece) {
  const RateSample& sample = piece.sample;
  const auto [running, waiting] = rates.busy.front();
  rates.busy.pop_front();
  Stream& stream = streams_[rates.stream];
  const auto length = milliseconds{static_cast<std::int64_t>(piece.seconds * 1000)};
  const Instant middle = sample.at - length / 2;
  const std::int64_t hour = hour_of(middle);
  if (hour != rates.cell_hour || rates.cell == nullptr) {
    rates.cell = &cell(stream, hour);
    rates.cell_hour = hour;
  }
  Cell& cell = *rates.cell;
  const double input = sample.prompt * piece.seconds, output = sample.generation * piece.seconds;
  // A hit rate of nearly all would make of nothing anything.
  const double hit = std::clamp(sample.hit, 0.0, 0.99);
  cell.input += input;
  cell.input_scaled += input / (1 - hit);
  cell.cached_guess += input * hit;
  cell.output += output;
  // Printed with one decimal: uniform within 0.1. Stamps of whole seconds: uniform within 1.
  const double rounding = piece.seconds * piece.seconds * (0.1 * 0.1 / 12);
  const double stamps = sample.at.time_since_epoch().count() % 1000 == 0 ? 1.0 / 12 : 0;
  cell.input_variance += rounding + stamps * piece.prompt_step * piece.prompt_step;
  cell.output_variance += rounding + stamps * piece.generation_step * piece.generation_step;
  cell.has_input = cell.has_output = true;
  cell.minutes |= std::uint64_t{1} << ((middle.time_since_epoch().count() - phase_ms_ - hour * hour_ms) / 60'000);
  if (sample.prompt != 0 || sample.generation != 0) {
    cell.hash += mix(mix(ms_of(sample.at), bits_of(sample.prompt)), bits_of(sample.generation));
    ++cell.told;
  }
  stream.told_seconds += piece.seconds;
  stream.prints_when_idle = rates.is_v0;
  if (piece.after_gap) gap(rates, piece);
  note_window(sources_[rates.source], sample.at - length, sample.at);

  if (rates.is_aggregate) return;  // The engines' own lines or this one: two of them would be too many.
  Timeline& timeline = this->timeline(Kind::rates);
  Timeline::Minute* const minute = timeline.at(middle);
  if (minute == nullptr) return;
  minute->input += static_cast<float>(input);
  minute->output += static_cast<float>(output);
  if (running == UINT32_MAX) return;
  timeline.set_has_busy();
  const auto busy = static_cast<float>(running + waiting);
  minute->busy_seconds += busy * static_cast<float>(piece.seconds);
  const std::int64_t number = floor<minutes>(middle).time_since_epoch().count();
  if (number != rates.minute) end_minute(rates);
  rates.minute = number;
  rates.minute_peak = std::max(rates.minute_peak, busy);
}

void Tally::end_minute(Rates& rates) {
  if (rates.minute == INT64_MIN || rates.minute_peak <= 0) return;
  if (Timeline::Minute* const minute = timelines_[static_cast<std::size_t>(Kind::rates)]->at(Instant{minutes{rates.minute}}))
    minute->busy_peak += rates.minute_peak;
  rates.minute_peak = 0;
}

void Tally::gap(Rates& rates, const RatePiece& piece) {
  const Group& group = groups_[rates.group];
  if (piece.gap_after_zero && (!rates.is_v0 || group.idle_is_silent)) {
    idle_seconds_ += piece.gap_seconds;
    return;
  }
  const Instant end = piece.sample.at - milliseconds{static_cast<std::int64_t>(piece.seconds * 1000)};
  const Instant begin = end - milliseconds{static_cast<std::int64_t>(piece.gap_seconds * 1000)};
  put_gap(
      {begin, end, rates.source, rates.engine,
       rates.is_v0 ? "lines are missing: this version prints them when idle too" : "lines are missing, or the engine was down: no line of zeros came before"});
  Stream& stream = streams_[rates.stream];
  const double interval = rates.integral.interval();
  spread(begin, end, [&](std::int64_t hour, double, double seconds) {
    missing_seconds_ += seconds;
    cell(stream, hour).missing_seconds += seconds;
  });
  // An engine that stops loses what it did since its last line; one whose lines are missing may have gone on at its mean rate (at the end).
  Cell& at_end = cell(stream, hour_of(begin));
  at_end.input_slack += interval * piece.edge_prompt;
  at_end.output_slack += interval * piece.edge_generation;
}

void Tally::flush(Rates& rates) {
  rates.integral.flush([&](const RatePiece& piece) { take(rates, piece); });
  end_minute(rates);
}

void Tally::put_gap(Gap gap) {
  ++gaps_count_;
  gaps_.push_back(std::move(gap));
  if (gaps_.size() < 2 * gaps_kept) return;
  std::ranges::sort(gaps_, std::greater<>{}, [](const Gap& one) { return one.end - one.begin; });
  gaps_.resize(gaps_kept);
}

/// Calls give(hour, share, seconds) for each hour that a stretch of time touches.
template <class Give>
void Tally::spread(Instant from, Instant to, Give&& give) {
  if (to <= from) return give(hour_of(to), 1.0, 0.0);
  const std::int64_t first = hour_of(from), last = hour_of(to);
  const auto all = static_cast<double>((to - from).count());
  for (std::int64_t hour = first; hour <= last && hour - first < spread_hours_max; ++hour) {
    const Instant begin{milliseconds{hour * hour_ms + phase_ms_}}, end = begin + hours{1};
    const auto part = static_cast<double>((std::min(end, to) - std::max(begin, from)).count());
    if (part > 0) give(hour, part / all, part / 1000);
  }
}

// Counters and their kin.

void Tally::increase(Series& series, double amount, Instant from, Instant to, double slack) {
  if (series.counter == Counter::requests_succeeded && series.is_abort) {
    aborted_counted_ += static_cast<std::uint64_t>(amount);
    return;
  }
  Stream& stream = streams_[series.stream];
  Timeline& timeline = this->timeline(Kind::counters);
  spread(from, to, [&](std::int64_t hour, double share, double) {
    if (!is_in_period(Instant{milliseconds{hour * hour_ms + phase_ms_}} + minutes{59}) && !is_in_period(to)) return;
    Cell& cell = this->cell(stream, hour);
    const double part = amount * share;
    const Instant begin{milliseconds{hour * hour_ms + phase_ms_}};
    const auto minute_in = [&](Instant at) { return static_cast<int>(std::clamp<std::int64_t>((at - begin).count() / 60'000, 0, 59)); };
    for (int minute = minute_in(from); minute <= minute_in(to - milliseconds{1}); ++minute) cell.minutes |= std::uint64_t{1} << minute;
    switch (series.counter) {
      case Counter::prompt_tokens:
        cell.input += part;
        cell.input_slack += slack * share;
        cell.has_input = true;
        break;
      case Counter::generation_tokens:
        cell.output += part;
        cell.output_slack += slack * share;
        cell.has_output = true;
        break;
      case Counter::requests_succeeded:
        cell.requests += part;
        cell.has_requests = true;
        break;
      case Counter::prefix_queries: cell.queries += part; break;
      case Counter::prefix_hits: cell.hits += part; break;
      case Counter::prompt_tokens_cached:
        cell.cached += part;
        cell.has_cached = true;
        break;
      default: break;
    }
    if (amount > 0) {
      // Of two instances that count alike each is believed; a page that was kept twice names the same one.
      cell.hash += mix(mix(mix(ms_of(to), bits_of(amount)), static_cast<std::uint64_t>(series.counter)), hash_of(stream.engine));
      ++cell.told;
    }
  });
  if (series.counter != Counter::prompt_tokens && series.counter != Counter::generation_tokens) return;
  const auto length = std::max<double>(60'000, static_cast<double>((to - from).count()));
  if (length > 3'600'000 || amount <= 0) return;  // An average over hours says nothing of minutes.
  for (double at = 0; at < length; at += 60'000)
    if (Timeline::Minute* const minute = timeline.at(to - milliseconds{static_cast<std::int64_t>(at) + 1}))
      (series.counter == Counter::prompt_tokens ? minute->input : minute->output) += static_cast<float>(amount * std::min(60'000.0, length - at) / length);
}

void Tally::seen(const CounterSeen& sample) {
  Source& source = sources_[sample.place.source];
  if (!std::isfinite(sample.value) || sample.value < 0) return skipped(sample.place, Skip::impossible_value);
  if (sample.counter == Counter::http_requests || sample.counter == Counter::preemptions) return;
  if (!is_in_period(sample.at)) return;
  // Snapshots have no instance: which engine they are of is told by the group.
  std::uint64_t key = mix(sample.series.hash, static_cast<std::uint64_t>(sample.counter));
  if (sample.series.instance.empty()) key = mix(key, source.group);
  if (series_.size() >= series_max && !series_.contains(key)) {
    series_full_ = true;
    return;
  }
  ++source.row.samples;
  note_window(source, sample.at, sample.at);
  keep_name(source.row.models, sample.series.model);
  if (source.first_sample && sample.at != *source.first_sample) source.is_one_snapshot = false;
  if (!source.first_sample || sample.at < *source.first_sample) source.first_sample = sample.at;
  Series& series = series_[key];
  if (series.samples++ == 0) {
    std::string engine{sample.series.instance};
    if (!sample.series.engine.empty()) engine.append(engine.empty() ? "" : " ").append(sample.series.engine);
    series.stream = stream_of(Kind::counters, sample.series.instance.empty() ? source.group : 0, engine, sample.series.model, PromptRate::all, false);
    series.counter = sample.counter;
    series.is_abort = sample.series.reason == "abort";
    series.first = series.last = sample.at;
    series.first_value = series.value = sample.value;
    series.source = sample.place.source;
    // Born while we watched: it began at 0.
    if (sample.at - *source.first_sample > 2 * seconds{60}) increase(series, sample.value, sample.at - seconds{60}, sample.at, 0);
    return;
  }
  if (sample.at <= series.last) {
    if (sample.place.source != series.source) ++source.row.repeated;
    return;
  }
  const double length = static_cast<double>((sample.at - series.last).count()) / 1000;
  const bool is_reset = sample.value < series.value;
  const double amount = is_reset ? sample.value : sample.value - series.value;
  increase(series, amount, series.last, sample.at, is_reset ? series.rate * std::min(length, 300.0) : 0);
  const auto spacing = sample.at - series.last;
  const milliseconds usual = series.spacing.count() > 0 ? spacing_factor * series.spacing : milliseconds{first_spacing_max};
  if (sample.counter == Counter::generation_tokens && spacing > std::max<milliseconds>(scrape_gap, usual))
    put_gap({series.last, sample.at, sample.place.source, streams_[series.stream].engine,
             is_reset ? "not scraped, and restarted meanwhile: what came before the restart is not counted"
                      : "not scraped: the counter went on, its course is not known"});
  if (!is_reset) series.rate = amount / length;
  series.spacing = spacing;
  series.last = sample.at;
  series.value = sample.value;
  series.source = sample.place.source;
}

void Tally::seen(const GaugeSeen& sample) {
  Source& source = sources_[sample.place.source];
  if (!std::isfinite(sample.value) || sample.value < 0) return skipped(sample.place, Skip::impossible_value);
  if (sample.gauge == Gauge::process_start_seconds) {
    process_start_[sample.place.source] = sample.value;
    return;
  }
  if (sample.gauge == Gauge::cache_usage || !is_in_period(sample.at)) return;
  ++source.row.samples;
  note_window(source, sample.at, sample.at);
  std::uint64_t key = mix(sample.series.hash, static_cast<std::uint64_t>(sample.gauge));
  if (sample.series.instance.empty()) key = mix(key, source.group);
  if (gauges_.size() >= series_max && !gauges_.contains(key)) return;
  Timeline& timeline = this->timeline(Kind::counters);
  timeline.set_has_busy();
  const auto [entry, is_new] = gauges_.try_emplace(key);
  LastLevel& level = entry->second;
  if (!is_new && sample.at <= level.at) return;
  const auto length = is_new ? milliseconds{15'000} : std::min<milliseconds>(sample.at - level.at, scrape_gap);
  const double minutes_told = std::max(1.0, static_cast<double>(length.count()) / 60'000);
  for (double i = 0; i < minutes_told; ++i)
    if (Timeline::Minute* const minute = timeline.at(sample.at - milliseconds{static_cast<std::int64_t>(i * 60'000)})) {
      const float share = std::min(60.0F, static_cast<float>(length.count()) / 1000);
      minute->busy_seconds += static_cast<float>(sample.value) * share;
      if (i == 0) minute->busy_peak = std::max(minute->busy_peak, minute->busy_seconds / 60);
    }
  level.at = sample.at;
  level.value = sample.value;
}

void Tally::seen(const BucketSeen& sample) {
  Source& source = sources_[sample.place.source];
  if (!std::isfinite(sample.value) || sample.value < 0) return skipped(sample.place, Skip::impossible_value);
  if (!is_in_period(sample.at)) return;
  ++source.row.samples;
  std::uint64_t key = mix(mix(sample.series.hash, static_cast<std::uint64_t>(sample.histogram) * 4 + static_cast<std::uint64_t>(sample.part)),
                          bits_of(std::min(sample.upper_bound, 1e15)));
  if (sample.series.instance.empty()) key = mix(key, source.group);
  if (buckets_.size() >= series_max && !buckets_.contains(key)) {
    series_full_ = true;
    return;
  }
  Buckets& histogram = histograms_[static_cast<std::size_t>(sample.histogram)];
  const auto put = [&](double amount) {
    if (sample.part == BucketSeen::Part::bucket) histogram.add(sample.upper_bound, amount);
    if (sample.part == BucketSeen::Part::sum) histogram.add_sum(amount);
  };
  Series& series = buckets_[key];
  if (series.samples++ == 0) {
    series.first = sample.at;
    series.first_value = sample.value;
    // Where the source is one snapshot, this is all that there is; end_snapshots adds it. `rate` keeps the bound for it.
    series.rate = sample.upper_bound;
    series.counter = static_cast<Counter>(sample.histogram);
    series.is_abort = sample.part == BucketSeen::Part::sum;
    series.stream = static_cast<std::size_t>(sample.part);
  } else if (sample.at > series.last) {
    put(sample.value >= series.value ? sample.value - series.value : sample.value);
  } else {
    return;
  }
  series.source = sample.place.source;
  series.last = sample.at;
  series.value = sample.value;
}

void Tally::end_snapshots() {
  // A series that was seen once tells of everything since its process began.
  for (auto& [key, series] : series_) {
    if (series.samples != 1 || !sources_[series.source].is_one_snapshot) continue;
    const auto start = process_start_.find(series.source);
    if (start != process_start_.end() && start->second > 0) {
      const Instant begin{milliseconds{static_cast<std::int64_t>(start->second * 1000)}};
      if (begin < series.first) {
        note_window(sources_[series.source], begin, series.first);
        increase(series, series.first_value, begin, series.first, 0);
        continue;
      }
    }
    Cell& cell = streams_[series.stream].untimed;
    if (series.counter == Counter::prompt_tokens) cell.input += series.first_value, cell.has_input = true;
    if (series.counter == Counter::generation_tokens) cell.output += series.first_value, cell.has_output = true;
    if (series.counter == Counter::requests_succeeded && !series.is_abort) cell.requests += series.first_value, cell.has_requests = true;
    if (series.counter == Counter::requests_succeeded && series.is_abort) aborted_counted_ += static_cast<std::uint64_t>(series.first_value);
    if (series.counter == Counter::prompt_tokens_cached) cell.cached += series.first_value, cell.has_cached = true;
    if (series.counter == Counter::prefix_queries) cell.queries += series.first_value;
    if (series.counter == Counter::prefix_hits) cell.hits += series.first_value;
  }
  for (auto& [key, series] : buckets_) {
    if (series.samples != 1 || !sources_[series.source].is_one_snapshot) continue;
    Buckets& histogram = histograms_[static_cast<std::size_t>(series.counter)];
    if (series.stream == static_cast<std::size_t>(BucketSeen::Part::bucket)) histogram.add(series.rate, series.first_value);
    if (series.stream == static_cast<std::size_t>(BucketSeen::Part::sum)) histogram.add_sum(series.first_value);
  }
}

// Records.

bool Tally::is_repeated(std::string_view id, RequestLog log) {
  const std::uint64_t hash = mix(hash_of(id), static_cast<std::uint64_t>(log));
  if (ids_before_.contains(hash) || !ids_.insert(hash).second) return true;
  if (ids_.size() >= ids_max) {
    ids_before_ = std::move(ids_);
    ids_ = {};
  }
  return false;
}

void Tally::seen(const RequestSeen& request) {
  Source& source = sources_[request.place.source];
  if (request.end && !is_in_period(*request.end)) return;
  if (!request.end && (period_.since || period_.until)) return skipped(request.place, Skip::no_time);
  const Kind kind = kind_of(request.log);
  const std::string_view model = request.model.empty() ? std::string_view(groups_[source.group].model) : request.model;
  std::string key = std::to_string(source.group);
  key.append(1, static_cast<char>('a' + static_cast<int>(kind))).append(model);
  if (records_.size() >= streams_max && !records_.contains(key)) {
    is_full_ = true;
    key = records_.begin()->first;
  }
  const auto [entry, is_new] = records_.try_emplace(key);
  Records& records = entry->second;
  if (is_new) {
    records.stream = stream_of(kind, source.group, {}, model, PromptRate::all, false);
    records.source = request.place.source;
  }
  if (records.source != request.place.source) {
    records.source = request.place.source;
    records.gate = records.last;
  }
  const bool before_gate = records.gate && request.end && *request.end <= *records.gate;
  if (records.gate && request.end && !before_gate) records.gate.reset();
  if ((before_gate && request.id.empty()) || (!request.id.empty() && is_repeated(request.id, request.log))) {
    ++source.row.repeated;
    return;
  }
  ++source.row.requests;
  keep_name(source.row.models, request.model);
  if (request.end && (!records.last || *request.end > *records.last)) records.last = *request.end;
  if (request.from_response_cache) {
    ++response_cache_hits_;
    return;
  }
  const auto input = request.input_tokens.value_or(0), output = request.output_tokens.value_or(0);
  if (kind != Kind::access_lines) {
    ++feature_requests_;
    for (std::size_t i = 0; i < features_.size(); ++i)
      if ((static_cast<std::uint32_t>(request.features) >> i & 1U) != 0) ++features_[i];
  } else if (has(request.features, Feature::embeddings | Feature::pooling)) {
    ++requests_with_embeddings_;
  }
  Stream& stream = streams_[records.stream];
  const Instant at = request.end.value_or(Instant{});
  Cell& cell = request.end ? this->cell(stream, hour_of(at)) : stream.untimed;
  if (request.outcome == Outcome::failed) ++failed_[static_cast<std::size_t>(kind)];
  if (request.outcome == Outcome::aborted) ++aborted_[static_cast<std::size_t>(kind)];
  cell.has_requests = true;
  if (request.outcome == Outcome::served || request.outcome == Outcome::unknown) ++cell.requests;
  if (request.input_tokens) cell.has_input = true;
  if (request.output_tokens) cell.has_output = true;
  if (request.cached_input_tokens) cell.has_cached = true;
  cell.input += static_cast<double>(input);
  cell.output += static_cast<double>(output);
  cell.cached += static_cast<double>(request.cached_input_tokens.value_or(0));
  if (request.input_tokens) input_length_.add(static_cast<double>(input));
  if (request.output_tokens) output_length_.add(static_cast<double>(output));
  if (request.output_tokens_max) asked_length_.add(static_cast<double>(*request.output_tokens_max));
  if (request.latency) latency_.add(static_cast<double>(request.latency->count()));
  if (request.first_token) first_token_.add(static_cast<double>(request.first_token->count()));
  if (request.latency && request.first_token && output > 1 && *request.latency > *request.first_token)
    inter_token_.add(static_cast<double>((*request.latency - *request.first_token).count()) / static_cast<double>(output - 1));
  if (!request.end) return;

  cell.minutes |= std::uint64_t{1} << std::clamp<std::int64_t>((at.time_since_epoch().count() - phase_ms_ - hour_of(at) * hour_ms) / 60'000, 0, 59);
  cell.hash += mix(mix(mix(ms_of(at), input), output), hash_of(request.id));
  ++cell.told;
  note_window(source, request.latency ? at - *request.latency : at, at);
  if (Timeline::Minute* const minute = timeline(kind).at(at)) {
    minute->input += static_cast<float>(input);
    minute->output += static_cast<float>(output);
  }
  if (request.latency) sweep(source, kind, request);
}

Timeline& Tally::timeline(Kind kind) {
  auto& timeline = timelines_[static_cast<std::size_t>(kind)];
  if (!timeline) timeline = std::make_unique<Timeline>();
  return *timeline;
}

void Tally::at_work(Kind kind, Instant from, Instant to, std::int32_t requests) {
  for (Instant at = from; at < to;) {
    const Instant next = std::min(to, Instant{floor<minutes>(at) + minutes{1}});
    Timeline::Minute* const minute = timeline(kind).at(at);
    if (minute == nullptr) return;
    minute->busy_seconds += static_cast<float>(requests) * static_cast<float>((next - at).count()) / 1000;
    minute->busy_peak = std::max(minute->busy_peak, static_cast<float>(requests));
    at = next;
  }
}

void Tally::sweep(Source& source, Kind kind, const RequestSeen& request) {
  if (!source.sweep) source.sweep = std::make_unique<Sweep>();
  source.sweep_kind = kind;
  timeline(kind).set_has_busy();
  source.sweep->add(*request.end - *request.latency, *request.end, [&](Instant from, Instant to, std::int32_t requests) { at_work(kind, from, to, requests); });
}

void Tally::seen(const TotalSeen& total) {
  Source& source = sources_[total.place.source];
  if (total.end <= total.begin) return skipped(total.place, Skip::malformed);
  if (!is_in_period(total.begin)) return;
  ++source.row.totals;
  keep_name(source.row.models, total.model);
  note_window(source, total.begin, total.end);
  failed_[static_cast<std::size_t>(Kind::totals)] += total.failed_requests;
  Stream& stream = streams_[stream_of(Kind::totals, source.group, {}, total.model, PromptRate::all, false)];
  spread(total.begin, total.end, [&](std::int64_t hour, double share, double) {
    Cell& cell = this->cell(stream, hour);
    cell.requests += static_cast<double>(total.requests) * share;
    cell.input += static_cast<double>(total.input_tokens) * share;
    cell.cached += static_cast<double>(total.cached_input_tokens) * share;
    cell.output += static_cast<double>(total.output_tokens) * share;
    cell.has_requests = cell.has_input = cell.has_output = cell.has_cached = true;
    cell.minutes = ~std::uint64_t{0} >> 4;
    cell.hash += mix(mix(ms_of(total.begin), total.input_tokens), total.output_tokens);
    ++cell.told;
  });
}

void Tally::seen(const BannerSeen& banner) {
  Source& source = sources_[banner.place.source];
  Group& group = groups_[source.group];
  ++source.row.banners;
  if (banner.what == BannerSeen::What::version) {
    keep_name(source.row.versions, banner.text);
    const auto version = version_of(banner.text);
    // From 0.16 on only computed tokens are printed; from 0.6.5 on V0 is silent when idle, too.
    const PromptRate meaning = version >= std::pair{0, 16} ? PromptRate::computed : PromptRate::all;
    group.idle_is_silent = version >= std::pair{0, 7};
    if (meaning != group.prompt_rate) ++group.era;
    group.prompt_rate = meaning;
  }
  if (banner.what == BannerSeen::What::model && group.model != banner.text) {
    keep_name(source.row.models, banner.text);
    group.model = banner.text;
    ++group.era;
  }
}

void Tally::skipped(const Place& place, Skip why) {
  SkippedRow& row = sources_[place.source].skipped[static_cast<std::size_t>(why)];
  if (row.count++ == 0) row.first_line = place.line;
}

void Tally::end_source(std::uint32_t number) {
  Source& source = sources_[number];
  for (Rates& rates : rates_)
    if (rates.source == number) flush(rates);
  if (source.sweep) {
    source.sweep->finish([&](Instant from, Instant to, std::int32_t requests) { at_work(source.sweep_kind, from, to, requests); });
    sweep_is_inexact_ = sweep_is_inexact_ || !source.sweep->is_exact();
    source.sweep.reset();
  }
}

}  // namespace bellwether::audit
