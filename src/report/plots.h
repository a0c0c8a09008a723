// The drawings of the reports. Each takes figures and labels, and knows nothing of where they come from; doubles are for places alone.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "report/words.h"

namespace bellwether::report {

struct Bar {
  std::string label, figure;  ///< `figure` stands at the bar's end.
  double low = 0, value = 0, high = 0;
  std::string_view classes;  ///< Colour: "own", "hosted", "best".
};
/// Bars side by side on one linear scale from zero, a thin line from the low to the high end.
[[nodiscard]] std::string plot_bars(const std::vector<Bar>& bars, std::string_view title, std::string_view description);

struct CurvePoint {
  double tokens = 0;
  double low = 0, value = 0, high = 0;
};
struct Curve {
  std::string label;
  std::vector<CurvePoint> points;
  std::string_view classes;
};
struct CurveMarks {
  double today = 0;  ///< Tokens a month.
  std::string today_label;
  std::optional<double> even_low, even, even_high;
  std::string even_label;
  std::string x_label, y_label;
};
/// Costs over tokens, both axes logarithmic. All points are above zero.
[[nodiscard]] std::string plot_curves(const std::vector<Curve>& curves, const CurveMarks& marks, std::string_view title, std::string_view description);

struct TornadoBar {
  std::string label, tried_low, tried_high;
  double at_low = 0, at_high = 0;
};
/// Around what is saved in the middle case, widest first.
[[nodiscard]] std::string plot_tornado(const std::vector<TornadoBar>& bars, double middle, std::string_view title, std::string_view description);

struct DayColumn {
  std::string name;  ///< 2026-11-24.
  double input = 0, output = 0;
  double covered = 1;
};
[[nodiscard]] std::string plot_days(const std::vector<DayColumn>& days, const Words& words, std::string_view title, std::string_view description);

/// Tokens of each hour of the week, Monday first.
using Heat = std::array<std::array<double, 24>, 7>;
[[nodiscard]] std::string plot_heat(const Heat& heat, const Words& words, std::string_view title, std::string_view description);

}  // namespace bellwether::report
