#include <algorithm>
#include <cmath>

#include "report/markup.h"
#include "report/plots.h"
#include "report/scale.h"

namespace bellwether::report {
namespace {

constexpr double width = 720, height = 200, left = 56, right = 8, top = 10, bottom = 30;
constexpr double covered_min = 0.995;  // Below, a day is drawn as partly covered.
constexpr std::size_t labels_max = 10;

}  // namespace

std::string plot_days(const std::vector<DayColumn>& days, const Words& words, std::string_view title, std::string_view description) {
  Drawing drawing{"days", width, height, title, description};
  double most = 0;
  for (const DayColumn& day : days) most = std::max(most, day.input + day.output);
  const Scale y{Spacing::linear, 0, most > 0 ? most : 1, height - bottom, top};
  for (const double tick : y.ticks(4)) {
    drawing.line(left, y.at(tick), width - right, y.at(tick), "grid");
    drawing.text(left - 8, y.at(tick) + 4, short_count(tick), Anchor::end, "tick");
  }
  const double step = (width - left - right) / static_cast<double>(std::max<std::size_t>(days.size(), 1));
  const double column = std::min(step * 0.8, 40.0);
  const std::size_t label_every = (days.size() + labels_max - 1) / labels_max;
  for (std::size_t i = 0; i < days.size(); ++i) {
    const DayColumn& day = days[i];
    const double x = left + step * static_cast<double>(i) + (step - column) / 2;
    const double input_top = y.at(day.input), output_top = y.at(day.input + day.output);
    const std::string hint =
        day.name + ": " + short_count(day.input) + " " + std::string(words.input) + ", " + short_count(day.output) + " " + std::string(words.output);
    const bool partly = day.covered < covered_min;
    drawing.rectangle(x, input_top, column, height - bottom - input_top, partly ? "input partly" : "input", hint);
    drawing.rectangle(x, output_top, column, input_top - output_top, partly ? "output partly" : "output", hint);
    // Month and day; the year stands in the caption's window.
    if (i % label_every == 0) drawing.text(x + column / 2, height - 10, day.name.size() == 10 ? day.name.substr(5) : day.name, Anchor::middle, "tick");
  }
  drawing.line(left, height - bottom, width - right, height - bottom, "axis");
  return std::move(drawing).end();
}

}  // namespace bellwether::report
