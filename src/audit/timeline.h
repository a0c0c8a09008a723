// What happened minute by minute, summed over all streams of one kind in whatever order they are read: from it come peaks and percentiles of
// concurrency and of tokens a second. Bounded; pure.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>

#include "audit/reading.h"
#include "audit/report.h"

namespace bellwether::audit {

class Timeline {
 public:
  struct Minute {
    float busy_seconds = 0;  ///< Requests at work, times seconds.
    float busy_peak = 0;     ///< The sum of each stream's highest.
    float input = 0, output = 0;
  };

  /// The minute that an instant lies in; null where the bound is reached, which is told by `is_full`.
  [[nodiscard]] Minute* at(Instant when);

  [[nodiscard]] bool has_busy() const { return has_busy_; }
  void set_has_busy() { has_busy_ = true; }
  [[nodiscard]] bool is_full() const { return full_; }

  /// Over all minutes from begin to end; those without evidence were idle.
  [[nodiscard]] Level concurrency(Instant begin, Instant end) const;
  [[nodiscard]] Level rate(Instant begin, Instant end, float Minute::* tokens) const;

 private:
  static constexpr std::size_t hours_max = 3 * 366 * 24 / 2;  ///< A year and a half; 13 MB.

  template <class Value>
  [[nodiscard]] Level level(Instant begin, Instant end, Value&& value) const;

  std::unordered_map<std::int64_t, std::array<Minute, 60>> hours_;
  std::int64_t last_hour_ = INT64_MIN;
  std::array<Minute, 60>* last_ = nullptr;
  bool has_busy_ = false, full_ = false;
};

}  // namespace bellwether::audit
