#include "report/scale.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace bellwether::report {
namespace {

std::string shortened(double size) {
  constexpr std::array units{std::pair{1e12, "T"}, std::pair{1e9, "B"}, std::pair{1e6, "M"}, std::pair{1e3, "k"}};
  double scale = 1;
  std::string_view letter;
  for (const auto& [unit, name] : units)
    if (size >= unit * 0.9995) {
      scale = unit;
      letter = name;
      break;
    }
  const double figure = size / scale;
  std::string text = fmt::format("{:.{}f}", figure, figure >= 100 ? 0 : figure >= 10 ? 1 : 2);
  if (text.find('.') != std::string::npos) {
    while (text.ends_with('0')) text.pop_back();
    if (text.ends_with('.')) text.pop_back();
  }
  return text + std::string(letter);
}

}  // namespace

Scale::Scale(Spacing spacing, double low, double high, double from, double to) : spacing_{spacing}, low_{low}, high_{high}, from_{from}, to_{to} {
  if (!(high_ > low_)) high_ = spacing == Spacing::logarithmic ? low_ * 10 : low_ + 1;
}

double Scale::at(double value) const {
  const double clamped = std::clamp(value, low_, high_);
  const double share = spacing_ == Spacing::linear ? (clamped - low_) / (high_ - low_) : std::log(clamped / low_) / std::log(high_ / low_);
  return from_ + share * (to_ - from_);
}

std::vector<double> Scale::ticks(int count) const {
  std::vector<double> found;
  if (spacing_ == Spacing::logarithmic) {
    const int first = static_cast<int>(std::ceil(std::log10(low_) - 1e-9)), last = static_cast<int>(std::floor(std::log10(high_) + 1e-9));
    const int step = std::max(1, (last - first + count) / count);
    for (int power = first; power <= last; power += step) found.push_back(std::pow(10, power));
    return found;
  }
  const double step = round_up((high_ - low_) / count);
  constexpr int ticks_max = 50;  // More than any `count` asks for: only a guard.
  for (double tick = std::ceil(low_ / step - 1e-9) * step; tick <= high_ + step * 1e-9 && found.size() < ticks_max; tick += step)
    found.push_back(std::abs(tick) < step * 1e-9 ? 0 : tick);
  return found;
}

double round_up(double value) {
  if (!(value > 0)) return 1;
  const double power = std::pow(10, std::floor(std::log10(value)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (value <= factor * power * (1 + 1e-9)) return factor * power;
  return 10 * power;
}

std::string short_count(double count) { return shortened(std::max(count, 0.0)); }
std::string short_usd(double usd) { return (usd < 0 ? "−$" : "$") + shortened(std::abs(usd)); }

}  // namespace bellwether::report
