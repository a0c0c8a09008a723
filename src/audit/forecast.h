// A month from a window of days, only as far as that can be known (reference: domain of usage audits, §1.8). Pure; no randomness.
//
// The method: least squares on the logarithm of each day's total, with a step for weekends and, in the trend scenario, a slope that is damped to
// 0.7 beyond the window. Neighbouring days are alike: the variance grows by the residuals' correlation. The interval is Student's, 90 %.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "audit/report.h"

namespace bellwether::audit {

struct DayValue {
  std::chrono::sys_days day;
  double value = 0;  ///< Of the whole day.
};

enum class Trend : std::uint8_t { flat, followed };

struct Band {
  double value = 0, low = 0, high = 0;
};

/// The total of the 30 days behind the last one. Nothing if the days are too few for the number of things to be learned (7 at least).
[[nodiscard]] std::optional<Band> forecast_month(const std::vector<DayValue>& days, Trend trend);

/// From the report's days: those covered by less than 80 % are left out, the others are scaled to whole days.
[[nodiscard]] Forecast make_forecast(const Report& report);

/// Of Student's distribution, one-sided 95 %. `freedom` at least 1.
[[nodiscard]] double student_95(double freedom);

}  // namespace bellwether::audit
