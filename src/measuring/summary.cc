#include "measuring/summary.h"

#include <algorithm>

namespace bellwether::measuring {

std::optional<double> milliseconds_in(const Sample& sample, Metric metric) {
  switch (metric) {
    case Metric::ttft: return sample.first_token ? std::optional(milliseconds_of(*sample.first_token)) : std::nullopt;
    case Metric::total: return milliseconds_of(sample.total);
    case Metric::send_delay: return milliseconds_of(sample.sent);
    case Metric::tpot: {
      const std::int64_t tokens = sample.output_tokens.value_or(static_cast<std::int64_t>(sample.chunks));
      if (tokens < 2 || sample.chunks < 2 || !sample.first_token || !sample.last_token) return std::nullopt;
      return milliseconds_of(*sample.last_token - *sample.first_token) / static_cast<double>(tokens - 1);
    }
    case Metric::itl: break;
  }
  return std::nullopt;
}

bool is_good(const Sample& sample, std::span<const Goal> goals) {
  return sample.error.empty() && std::ranges::all_of(goals, [&](const Goal& goal) {
           const std::optional<double> time = milliseconds_in(sample, goal.metric);
           // An answer of one token has no time between tokens, and nothing to miss.
           return time ? *time < goal.below_ms : goal.metric == Metric::tpot;
         });
}

Summary summarise(std::span<const Sample> samples, const std::vector<double>& gaps, std::span<const Goal> goals) {
  Summary summary;
  std::array<std::vector<double>, metric_names.size()> times;
  if (!goals.empty()) summary.good = 0;
  Duration first = Duration::max(), last = Duration::min();
  for (const Sample& sample : samples) {
    ++summary.requests;
    first = std::min(first, sample.intended);
    last = std::max(last, sample.intended + sample.total);
    times[static_cast<std::size_t>(Metric::send_delay)].push_back(milliseconds_of(sample.sent));
    if (!sample.error.empty()) {
      ++summary.errors[sample.error];
      continue;
    }
    ++summary.ok;
    if (summary.good && is_good(sample, goals)) ++*summary.good;
    if (sample.output_tokens) ++summary.counted;
    summary.input_tokens += sample.input_tokens.value_or(0);
    summary.cached_input_tokens += sample.cached_input_tokens.value_or(0);
    summary.output_tokens += sample.output_tokens.value_or(static_cast<std::int64_t>(sample.chunks));
    for (const Metric metric : {Metric::ttft, Metric::tpot, Metric::total})
      if (const std::optional<double> time = milliseconds_in(sample, metric)) times[static_cast<std::size_t>(metric)].push_back(*time);
  }
  if (summary.requests > 0) summary.seconds = std::chrono::duration<double>(last - first).count();
  times[static_cast<std::size_t>(Metric::itl)] = gaps;
  for (std::size_t i = 0; i < times.size(); ++i)
    if (!times[i].empty()) summary.times[i].emplace(std::move(times[i]));
  return summary;
}

std::vector<Pair> pairs_of(std::span<const Sample> first, std::span<const Sample> second, Metric metric) {
  std::map<std::uint64_t, double> known;
  for (const Sample& sample : first)
    if (const auto time = milliseconds_in(sample, metric); time && sample.error.empty()) known.emplace(sample.number, *time);
  std::vector<Pair> pairs;
  for (const Sample& sample : second) {
    const auto time = milliseconds_in(sample, metric);
    if (!time || !sample.error.empty()) continue;
    if (const auto at = known.find(sample.number); at != known.end()) pairs.push_back({at->second, *time});
  }
  return pairs;
}

}  // namespace bellwether::measuring
