#include <algorithm>
#include <cmath>

#include "report/markup.h"
#include "report/plots.h"
#include "report/scale.h"

namespace bellwether::report {
namespace {

constexpr double width = 720, height = 250, left = 62, right = 14, top = 26, bottom = 48;

std::string path_of(const std::vector<CurvePoint>& points, const Scale& x, const Scale& y, double CurvePoint::* value) {
  std::string path;
  for (const CurvePoint& point : points) path += (path.empty() ? "M" : "L") + coordinate(x.at(point.tokens)) + " " + coordinate(y.at(point.*value));
  return path;
}

std::string band_of(std::vector<CurvePoint> points, const Scale& x, const Scale& y) {
  const std::string path = path_of(points, x, y, &CurvePoint::high);
  std::ranges::reverse(points);
  std::string back = path_of(points, x, y, &CurvePoint::low);
  back.front() = 'L';
  return path + back + "Z";
}

/// A label beside the top of a vertical line.
void vertical_label(Drawing& drawing, double x, std::string_view text, Anchor anchor) {
  drawing.text(anchor == Anchor::start ? x + 4 : x - 4, top - 8, text, anchor, "label");
}

/// With two lines the left one's label stands left of it and the right one's right, so that they never meet; else where there is room.
void vertical_labels(Drawing& drawing, const Scale& x, const CurveMarks& marks) {
  const double today = x.at(marks.today);
  if (!marks.even) return vertical_label(drawing, today, marks.today_label, today < width / 2 ? Anchor::start : Anchor::end);
  const double even = x.at(*marks.even);
  vertical_label(drawing, today, marks.today_label, today < even ? Anchor::end : Anchor::start);
  vertical_label(drawing, even, marks.even_label, today < even ? Anchor::start : Anchor::end);
}

}  // namespace

std::string plot_curves(const std::vector<Curve>& curves, const CurveMarks& marks, std::string_view title, std::string_view description) {
  Drawing drawing{"curves", width, height, title, description};
  double x_low = INFINITY, x_high = 0, y_low = INFINITY, y_high = 0;
  for (const Curve& curve : curves)
    for (const CurvePoint& point : curve.points) {
      x_low = std::min(x_low, point.tokens);
      x_high = std::max(x_high, point.tokens);
      y_low = std::min(y_low, point.low);
      y_high = std::max(y_high, point.high);
    }
  if (!(x_high > 0) || !(y_low > 0)) return std::move(drawing).end();
  const Scale x{Spacing::logarithmic, x_low, x_high, left, width - right};
  const Scale y{Spacing::logarithmic, std::pow(10, std::floor(std::log10(y_low))), std::pow(10, std::ceil(std::log10(y_high))), height - bottom, top};
  for (const double tick : y.ticks(6)) {
    drawing.line(left, y.at(tick), width - right, y.at(tick), "grid");
    drawing.text(left - 8, y.at(tick) + 4, short_usd(tick), Anchor::end, "tick");
  }
  for (const double tick : x.ticks(8)) {
    drawing.line(x.at(tick), top, x.at(tick), height - bottom, "grid");
    drawing.text(x.at(tick), height - bottom + 17, short_count(tick), Anchor::middle, "tick");
  }
  drawing.text((left + width - right) / 2, height - 8, marks.x_label, Anchor::middle, "tick");
  if (marks.even_low && marks.even_high && *marks.even_high > *marks.even_low)
    drawing.rectangle(x.at(*marks.even_low), top, x.at(*marks.even_high) - x.at(*marks.even_low), height - bottom - top, "even-band", marks.even_label);
  for (const Curve& curve : curves) {
    drawing.path(band_of(curve.points, x, y), std::string(curve.classes) + " band");
    drawing.path(path_of(curve.points, x, y, &CurvePoint::value), std::string(curve.classes) + " stroke");
  }
  drawing.line(x.at(marks.today), top, x.at(marks.today), height - bottom, "today");
  if (marks.even) drawing.line(x.at(*marks.even), top, x.at(*marks.even), height - bottom, "even");
  vertical_labels(drawing, x, marks);
  drawing.line(left, height - bottom, width - right, height - bottom, "axis");
  return std::move(drawing).end();
}

}  // namespace bellwether::report
