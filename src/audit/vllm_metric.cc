#include "audit/vllm_metric.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <utility>

#include "audit/request_line.h"

namespace bellwether::audit {
namespace {

// 16 engines of the newest version have some 4,000 series of interest; a cluster of a thousand engines still fits.
constexpr std::size_t series_max = std::size_t{1} << 18;
// A counter of tokens beyond this would take the fastest engine a thousand years.
constexpr double counter_max = 1e16;

struct CounterName {
  std::string_view name;
  Counter counter;
};
constexpr std::array counters{
    CounterName{"prompt_tokens", Counter::prompt_tokens},
    CounterName{"generation_tokens", Counter::generation_tokens},
    CounterName{"request_success", Counter::requests_succeeded},
    CounterName{"prefix_cache_queries", Counter::prefix_queries},
    CounterName{"gpu_prefix_cache_queries", Counter::prefix_queries},
    CounterName{"prefix_cache_hits", Counter::prefix_hits},
    CounterName{"gpu_prefix_cache_hits", Counter::prefix_hits},
    CounterName{"prompt_tokens_cached", Counter::prompt_tokens_cached},
    CounterName{"num_preemptions", Counter::preemptions},
};

struct GaugeName {
  std::string_view name;
  Gauge gauge;
};
constexpr std::array gauges{
    GaugeName{"num_requests_running", Gauge::running},
    GaugeName{"num_requests_waiting", Gauge::waiting},
    GaugeName{"kv_cache_usage_perc", Gauge::cache_usage},
    GaugeName{"gpu_cache_usage_perc", Gauge::cache_usage},
};

struct HistogramName {
  std::string_view name;
  Histogram histogram;
};
constexpr std::array histograms{
    HistogramName{"time_to_first_token_seconds", Histogram::first_token},    HistogramName{"inter_token_latency_seconds", Histogram::inter_token},
    HistogramName{"time_per_output_token_seconds", Histogram::inter_token},  HistogramName{"e2e_request_latency_seconds", Histogram::e2e_latency},
    HistogramName{"request_queue_time_seconds", Histogram::queue_time},      HistogramName{"time_in_queue_requests", Histogram::queue_time},
    HistogramName{"request_prompt_tokens", Histogram::prompt_length},        HistogramName{"request_generation_tokens", Histogram::generation_length},
    HistogramName{"request_params_max_tokens", Histogram::max_tokens_asked},
};

struct PartName {
  std::string_view suffix;
  BucketSeen::Part part;
};
constexpr std::array parts{PartName{"_bucket", BucketSeen::Part::bucket}, PartName{"_sum", BucketSeen::Part::sum}, PartName{"_count", BucketSeen::Part::count}};

constexpr std::uint64_t mix(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

std::uint64_t hash_of(std::string_view text, std::uint64_t seed) {
  std::uint64_t hash = seed ^ (text.size() * 0x9e3779b97f4a7c15ULL);
  for (; text.size() >= 8; text.remove_prefix(8)) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data(), 8);
    hash = mix(hash ^ word);
  }
  std::uint64_t word = 0;
  if (!text.empty()) std::memcpy(&word, text.data(), text.size());
  return mix(hash ^ word);
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

}  // namespace

Metric read_metric_name(std::string_view name) {
  if (name == "process_start_time_seconds") return {.what = Metric::What::gauge, .gauge = Gauge::process_start_seconds};
  if (name == "http_requests_total") return {.what = Metric::What::counter, .counter = Counter::http_requests};
  take_prefix(name, "ray_");
  if (!take_prefix(name, "vllm:") && !take_prefix(name, "vllm_")) return {};
  std::string_view counter_name = name;
  if (counter_name.ends_with("_total")) counter_name.remove_suffix(6);
  for (const CounterName& known : counters)
    if (counter_name == known.name) return {.what = Metric::What::counter, .counter = known.counter};
  if (counter_name == "prompt_tokens_by_source") return {.what = Metric::What::counter, .counter = Counter::prompt_tokens_local_compute};
  for (const GaugeName& known : gauges)
    if (name == known.name) return {.what = Metric::What::gauge, .gauge = known.gauge};
  for (const PartName& known : parts) {
    if (!name.ends_with(known.suffix)) continue;
    const std::string_view base = name.substr(0, name.size() - known.suffix.size());
    for (const HistogramName& histogram : histograms)
      if (base == histogram.name) return {.what = Metric::What::histogram, .histogram = histogram.histogram, .part = known.part};
  }
  return {};
}

void SeriesName::begin(std::string_view metric_name) {
  metric_ = read_metric_name(metric_name);
  spelling_ = hash_of(metric_name, 1);
  labels_ = 0;
  upper_bound_ = std::numeric_limits<double>::infinity();
  by_source_ = metric_name.find("_by_source") != std::string_view::npos;
  http_ = metric_.what == Metric::What::counter && metric_.counter == Counter::http_requests;
  for (std::string* text : {&model_, &engine_, &instance_, &pod_, &reason_, &source_, &handler_}) text->clear();
}

void SeriesName::label(std::string_view name, std::string_view value) {
  if (name == "le") {
    if (std::from_chars(value.data(), value.data() + value.size(), upper_bound_).ec != std::errc{}) upper_bound_ = std::numeric_limits<double>::infinity();
    return;
  }
  if (name == "replica" || name == "prometheus_replica" || name == "__replica__" || name == "__name__") return;
  labels_ += hash_of(value, hash_of(name, 2));
  static constexpr std::array<std::pair<std::string_view, std::string SeriesName::*>, 8> kept{{{"model_name", &SeriesName::model_},
                                                                                               {"engine", &SeriesName::engine_},
                                                                                               {"instance", &SeriesName::instance_},
                                                                                               {"pod", &SeriesName::pod_},
                                                                                               {"finished_reason", &SeriesName::reason_},
                                                                                               {"source", &SeriesName::source_},
                                                                                               {"handler", &SeriesName::handler_},
                                                                                               {"status", &SeriesName::reason_}}};
  for (const auto& [known, text] : kept)
    if (name == known) (this->*text).assign(value);
  // An adapter is what the caller asked for, wherever a version or a relabelling tells it.
  if ((name == "lora_name" || name == "lora_adapter" || name == "adapter_name") && !value.empty()) model_.assign(value);
}

Metric SeriesName::metric() const {
  if (by_source_) {
    // local_cache_hit is a part of prompt_tokens_cached, which every version with this metric has too.
    if (source_ == "external_kv_transfer") return {.what = Metric::What::counter, .counter = Counter::prompt_tokens_external};
    if (source_ != "local_compute") return {};
  }
  if (http_ && !served_by_model("POST", handler_)) return {};
  return metric_;
}

Series SeriesName::series() const {
  const Metric metric = this->metric();
  const auto meaning = static_cast<std::uint64_t>(metric.what) << 32 | static_cast<std::uint64_t>(metric.counter) << 24 |
                       static_cast<std::uint64_t>(metric.gauge) << 16 | static_cast<std::uint64_t>(metric.histogram) << 8;
  return {.hash = mix(labels_ + mix(meaning)), .model = model_, .engine = engine_, .instance = instance_.empty() ? pod_ : instance_, .reason = reason_};
}

std::uint64_t SeriesName::sample_key() const {
  if (metric_.what != Metric::What::histogram) return series().hash;
  std::uint64_t bound = 0;
  std::memcpy(&bound, &upper_bound_, sizeof bound);
  return mix(series().hash + mix(bound + static_cast<std::uint64_t>(metric_.part)));
}

bool SampleTeller::turn_to(const SeriesName& name) {
  name_ = &name;
  current_ = nullptr;
  metric_ = name.metric();
  if (metric_.what == Metric::What::other) return false;
  series_ = name.series();
  const std::uint64_t key = name.sample_key();
  const auto found = told_.find(key);
  if (found != told_.end()) {
    current_ = &found->second;
  } else if (told_.size() < series_max) {
    current_ = &told_[key];
  }
  return true;
}

bool SampleTeller::is_repeated(Instant at) const { return current_ != nullptr && current_->spelling == name_->spelling() && current_->last == at; }

void SampleTeller::tell(Instant at, double value, std::uint64_t line) {
  const Place place{source_, line};
  if (!(value >= 0) || (metric_.what != Metric::What::gauge && value > counter_max)) return sink_.skipped(place, Skip::impossible_value);
  if (current_ != nullptr) {
    if (at <= current_->last) return sink_.skipped(place, Skip::excluded);
    *current_ = {at, name_->spelling()};
  }
  switch (metric_.what) {
    case Metric::What::counter: return sink_.seen(CounterSeen{place, at, series_, metric_.counter, value});
    case Metric::What::gauge: return sink_.seen(GaugeSeen{place, at, series_, metric_.gauge, value});
    case Metric::What::histogram: return sink_.seen(BucketSeen{place, at, series_, metric_.histogram, metric_.part, name_->upper_bound(), value});
    case Metric::What::other: return;
  }
}

}  // namespace bellwether::audit
