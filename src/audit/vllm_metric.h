// What the names and labels of vLLM's metrics mean, through all versions from 0.4 on (reference: wire.md §A.2). Shared by all that read
// samples, however they are written. Pure.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <unordered_map>

#include "audit/reading.h"

namespace bellwether::audit {

/// A metric's name, understood.
struct Metric {
  enum class What : std::uint8_t { other, counter, gauge, histogram } what = What::other;
  Counter counter{};
  Gauge gauge{};
  Histogram histogram{};
  BucketSeen::Part part = BucketSeen::Part::bucket;
};

/// `vllm:` or `vllm_` (where a collector replaced the colon), also behind `ray_`; old names and new; with `_total` or without.
/// A name of which labels decide the meaning (prompt_tokens_by_source) is a counter here, and `SeriesName::metric` has the last word.
[[nodiscard]] Metric read_metric_name(std::string_view name);

/// One series: its metric and its labels, put together piece by piece. Reused from series to series, so that it allocates rarely.
class SeriesName {
 public:
  void begin(std::string_view metric_name);
  /// Unescaped. Labels that only tell copies apart are left out (replica, prometheus_replica, __replica__).
  void label(std::string_view name, std::string_view value);

  /// With all labels known. `other`: of no interest.
  [[nodiscard]] Metric metric() const;
  /// Views into this. The hash is of what the metric means, not of how its version spells it: a series goes on when its name changes.
  [[nodiscard]] Series series() const;
  [[nodiscard]] double upper_bound() const { return upper_bound_; }
  /// Tells apart what `series().hash` does not: buckets of one histogram.
  [[nodiscard]] std::uint64_t sample_key() const;
  /// Tells apart two spellings of one series.
  [[nodiscard]] std::uint64_t spelling() const { return spelling_; }

 private:
  Metric metric_;
  std::uint64_t spelling_ = 0;
  std::uint64_t labels_ = 0;  ///< A sum, so that the order of labels does not matter.
  double upper_bound_ = std::numeric_limits<double>::infinity();
  bool by_source_ = false;
  bool http_ = false;
  std::string model_, engine_, instance_, pod_, reason_, source_, handler_;
};

/// Tells samples to a Sink: what is impossible, what was told before under an older name or by the other Prometheus of a pair, and
/// nothing else, is left out and counted. Times of one series never go back behind it.
class SampleTeller {
 public:
  SampleTeller(Sink& sink, std::uint32_t source) : sink_{sink}, source_{source} {}

  /// Turns to this series, whose samples come next; `name` stays as it is until the next call. False: of no interest.
  [[nodiscard]] bool turn_to(const SeriesName& name);
  /// Whether this spelling of the series was sampled at `at` before.
  [[nodiscard]] bool is_repeated(Instant at) const;
  void tell(Instant at, double value, std::uint64_t line);

 private:
  struct Told {
    Instant last = Instant::min();
    std::uint64_t spelling = 0;
  };

  Sink& sink_;
  std::uint32_t source_;
  std::unordered_map<std::uint64_t, Told> told_;
  const SeriesName* name_ = nullptr;
  Told* current_ = nullptr;
  Metric metric_;
  Series series_;
};

}  // namespace bellwether::audit
