#include <fmt/format.h>

#include <algorithm>

#include "report/markup.h"
#include "report/plots.h"

namespace bellwether::report {
namespace {

constexpr double width = 720, left = 44, cell_width = 27, cell_height = 22, top = 4, bottom = 24;

}  // namespace

std::string plot_heat(const Heat& heat, const Words& words, std::string_view title, std::string_view description) {
  Drawing drawing{"heat", width, top + 7 * cell_height + bottom, title, description};
  double most = 0, all = 0;
  for (const auto& day : heat)
    for (const double tokens : day) {
      most = std::max(most, tokens);
      all += tokens;
    }
  for (std::size_t day = 0; day < heat.size(); ++day) {
    const double y = top + static_cast<double>(day) * cell_height;
    drawing.text(left - 8, y + cell_height / 2 + 4, words.weekdays[day], Anchor::end, "tick");
    for (std::size_t hour = 0; hour < heat[day].size(); ++hour) {
      const double tokens = heat[day][hour];
      drawing.opacity_rectangle(left + static_cast<double>(hour) * cell_width, y, cell_width - 2, cell_height - 2, "cell",
                                most > 0 ? 0.06 + 0.94 * tokens / most : 0.06,
                                fmt::format("{} {:02}:00: {:.2f} %", words.weekdays[day], hour, all > 0 ? 100 * tokens / all : 0.0));
    }
  }
  for (std::size_t hour = 0; hour < 24; hour += 3)
    drawing.text(left + static_cast<double>(hour) * cell_width, top + 7 * cell_height + 16, fmt::format("{:02}", hour), Anchor::start, "tick");
  return std::move(drawing).end();
}

}  // namespace bellwether::report
