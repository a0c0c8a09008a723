#include <algorithm>

#include "report/markup.h"
#include "report/plots.h"
#include "report/scale.h"

namespace bellwether::report {
namespace {

constexpr double width = 720, label_width = 190, end_width = 84, row_height = 27, bar_height = 15, axis_height = 28;

}  // namespace

std::string plot_tornado(const std::vector<TornadoBar>& bars, double middle, std::string_view title, std::string_view description) {
  const double height = static_cast<double>(bars.size()) * row_height + axis_height;
  Drawing drawing{"tornado", width, height, title, description};
  double low = middle, high = middle;
  for (const TornadoBar& bar : bars) {
    low = std::min({low, bar.at_low, bar.at_high});
    high = std::max({high, bar.at_low, bar.at_high});
  }
  const Scale x{Spacing::linear, low, high, label_width + end_width, width - end_width};
  for (const double tick : x.ticks(5)) {
    drawing.line(x.at(tick), 0, x.at(tick), height - axis_height + 4, tick == 0 ? "zero" : "grid");
    drawing.text(x.at(tick), height - 8, short_usd(tick), Anchor::middle, "tick");
  }
  double y = 0;
  for (const TornadoBar& bar : bars) {
    const double center = y + row_height / 2;
    drawing.text(label_width - 12, center + 4, bar.label, Anchor::end, "label");
    const auto part = [&](double to, std::string_view classes, const std::string& tried) {
      const double from = std::min(x.at(middle), x.at(to));
      drawing.rectangle(from, center - bar_height / 2, std::abs(x.at(to) - x.at(middle)), bar_height, classes, tried + ": " + short_usd(to));
    };
    part(bar.at_low, "swing-low", bar.tried_low);
    part(bar.at_high, "swing-high", bar.tried_high);
    const bool low_is_left = bar.at_low <= bar.at_high;
    drawing.text(std::min({x.at(bar.at_low), x.at(bar.at_high), x.at(middle)}) - 6, center + 4, low_is_left ? bar.tried_low : bar.tried_high, Anchor::end,
                 "end");
    drawing.text(std::max({x.at(bar.at_low), x.at(bar.at_high), x.at(middle)}) + 6, center + 4, low_is_left ? bar.tried_high : bar.tried_low, Anchor::start,
                 "end");
    y += row_height;
  }
  drawing.line(x.at(middle), 0, x.at(middle), height - axis_height + 4, "axis");
  return std::move(drawing).end();
}

}  // namespace bellwether::report
