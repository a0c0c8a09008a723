#include <algorithm>

#include "report/markup.h"
#include "report/plots.h"
#include "report/scale.h"

namespace bellwether::report {
namespace {

constexpr double width = 720, label_width = 190, figure_width = 170, row_height = 34, bar_height = 16, axis_height = 26;
constexpr std::size_t label_characters_max = 27;  // What `label_width` holds of the widest usual letters.

std::string cut(const std::string& label) {
  std::size_t characters = 0;
  for (std::size_t i = 0; i < label.size(); ++i)
    if ((static_cast<unsigned char>(label[i]) & 0xC0) != 0x80 && ++characters > label_characters_max) return label.substr(0, i) + "…";
  return label;
}

}  // namespace

std::string plot_bars(const std::vector<Bar>& bars, std::string_view title, std::string_view description) {
  const double height = static_cast<double>(bars.size()) * row_height + axis_height;
  Drawing drawing{"bars", width, height, title, description};
  double most = 0;
  for (const Bar& bar : bars) most = std::max(most, bar.high);
  const Scale scale{Spacing::linear, 0, most > 0 ? most : 1, label_width, width - figure_width};
  for (const double tick : scale.ticks(4)) {
    drawing.line(scale.at(tick), 0, scale.at(tick), height - axis_height + 4, "grid");
    drawing.text(scale.at(tick), height - 8, short_usd(tick), Anchor::middle, "tick");
  }
  double y = 0;
  for (const Bar& bar : bars) {
    const double middle = y + row_height / 2;
    drawing.text(label_width - 12, middle + 4, cut(bar.label), Anchor::end, "label");
    constexpr double visible_min = 2;  // A cost that is next to nothing beside the other one is still there.
    drawing.rectangle(label_width, middle - bar_height / 2, std::max(scale.at(bar.value) - label_width, visible_min), bar_height, bar.classes,
                      bar.label + ": " + bar.figure);
    if (bar.low < bar.high) {
      drawing.line(scale.at(bar.low), middle, scale.at(bar.high), middle, "whisker");
      for (const double end : {bar.low, bar.high}) drawing.line(scale.at(end), middle - 5, scale.at(end), middle + 5, "whisker");
    }
    drawing.text(std::max(scale.at(std::max(bar.value, bar.high)), label_width + visible_min) + 10, middle + 4, bar.figure, Anchor::start, "figure");
    y += row_height;
  }
  drawing.line(label_width, 0, label_width, height - axis_height + 4, "axis");
  return std::move(drawing).end();
}

}  // namespace bellwether::report
