// Turns a stream of rates into amounts: the rate of each line times the time since the line before, where that is no gap (reference: domain of
// usage audits, §1.2). One for an engine of a log; constant memory; pure.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "audit/reading.h"

namespace bellwether::audit {

/// A line's numbers.
struct RateSample {
  Instant at;
  double prompt = 0, generation = 0;
  double hit = -1;  ///< Prefix cache, 0 to 1; below 0: not told.
};

/// A line with the time that it speaks for.
struct RatePiece {
  RateSample sample;
  double seconds = 0;
  double prompt_step = 0, generation_step = 0;  ///< Against the line before; against 0 at the begin and behind a gap.
  bool after_gap = false;
  double gap_seconds = 0;                       ///< Beyond the interval, where `after_gap`.
  bool gap_after_zero = false;                  ///< The line before the gap was one of zeros: an idle engine falls silent after it.
  double edge_prompt = 0, edge_generation = 0;  ///< The rates before the gap.
};

class RateIntegral {
 public:
  /// Calls `take(piece)` for every sample, in order, once the interval is known: `warm_up` samples later at first.
  template <class Take>
  void add(const RateSample& sample, Take&& take) {
    if (!interval_) {
      held_.push_back(sample);
      if (held_.size() >= warm_up) flush(take);
      return;
    }
    take(piece_of(sample));
  }

  /// The samples that are held of a short stream.
  template <class Take>
  void flush(Take&& take) {
    if (interval_) return;
    interval_ = guess_interval();
    for (const RateSample& sample : held_) take(piece_of(sample));
    held_ = {};
  }

  /// The modal time between two lines, in seconds: 10 unless the lines say otherwise.
  [[nodiscard]] double interval() const { return interval_.value_or(interval_nominal); }

  static constexpr std::size_t warm_up = 24;
  static constexpr double interval_nominal = 10;  ///< VLLM_LOG_STATS_INTERVAL's default.
  static constexpr double gap_factor = 1.5;       ///< Longer than so many intervals is a gap.

 private:
  [[nodiscard]] double guess_interval() const;
  RatePiece piece_of(const RateSample& sample);

  std::optional<double> interval_;
  std::vector<RateSample> held_;  ///< Until the interval is known.
  std::optional<RateSample> last_;
  // The spacings of late, in whole seconds: an engine that was restarted with another interval is followed.
  std::array<std::uint16_t, 64> spacings_{};
  std::uint32_t spacings_count_ = 0;
};

}  // namespace bellwether::audit
