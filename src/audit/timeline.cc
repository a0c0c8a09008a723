#include "audit/timeline.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace bellwether::audit {
namespace {

std::int64_t minute_of(Instant when) { return std::chrono::floor<std::chrono::minutes>(when).time_since_epoch().count(); }

}  // namespace

Timeline::Minute* Timeline::at(Instant when) {
  const std::int64_t minute = minute_of(when);
  const std::int64_t hour = minute >= 0 ? minute / 60 : -((59 - minute) / 60);
  if (hour != last_hour_) {
    auto found = hours_.find(hour);
    if (found == hours_.end()) {
      if (hours_.size() >= hours_max) {
        full_ = true;
        return nullptr;
      }
      found = hours_.try_emplace(hour).first;
    }
    last_hour_ = hour;
    last_ = &found->second;
  }
  return &(*last_)[static_cast<std::size_t>(minute - hour * 60)];
}

template <class Value>
Level Timeline::level(Instant begin, Instant end, Value&& value) const {
  Level level;
  const std::int64_t first = minute_of(begin), last = minute_of(end);
  std::vector<std::pair<float, std::int64_t>> values;
  double sum = 0;
  for (const auto& [hour, minutes] : hours_)
    for (std::int64_t i = 0; i < 60; ++i) {
      const std::int64_t minute = hour * 60 + i;
      if (minute < first || minute > last) continue;
      const float one = value(minutes[static_cast<std::size_t>(i)]);
      if (one <= 0) continue;
      values.emplace_back(one, minute);
      sum += one;
    }
  if (values.empty()) return level;
  const auto all = static_cast<std::size_t>(std::max<std::int64_t>(last - first + 1, static_cast<std::int64_t>(values.size())));
  const std::size_t idle = all - values.size();
  // From the lowest up, each within what the one before left above it: sorting a year of minutes would cost more than reading its log.
  auto sorted = values.begin();
  const auto percentile = [&](double of) {
    const auto at = static_cast<std::size_t>(std::lround(of / 100 * static_cast<double>(all - 1)));
    if (at < idle) return 0.0;
    const auto which = values.begin() + static_cast<std::ptrdiff_t>(at - idle);
    std::nth_element(sorted, which, values.end());
    sorted = which;
    return static_cast<double>(which->first);
  };
  level.known = true;
  level.mean = sum / static_cast<double>(all);
  level.p50 = percentile(50);
  level.p90 = percentile(90);
  level.p95 = percentile(95);
  level.p99 = percentile(99);
  const auto highest = std::max_element(sorted, values.end());
  level.peak.value = level.peak.low = level.peak.high = static_cast<double>(highest->first);
  level.peak_at = Instant{std::chrono::minutes{highest->second}};
  return level;
}

Level Timeline::concurrency(Instant begin, Instant end) const {
  Level level = this->level(begin, end, [](const Minute& minute) { return minute.busy_seconds / 60; });
  const Level peaks = this->level(begin, end, [](const Minute& minute) { return minute.busy_peak; });
  if (!level.known) level = peaks;
  level.peak = peaks.peak;
  level.peak_at = peaks.peak_at;
  return level;
}

Level Timeline::rate(Instant begin, Instant end, float Minute::* tokens) const {
  return level(begin, end, [tokens](const Minute& minute) { return minute.*tokens / 60; });
}

}  // namespace bellwether::audit
