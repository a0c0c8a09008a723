#include "audit/forecast.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

namespace bellwether::audit {
namespace {

using namespace std::chrono;

constexpr int month_days = 30;
constexpr double damping = 0.7;
constexpr double correlation_min = 0.3, correlation_max = 0.8;
constexpr double covered_enough = 0.8;
constexpr std::size_t days_weak = 7, days_good = 14;
constexpr std::size_t terms_max = 3;

using Vector = std::array<double, terms_max>;
using Matrix = std::array<Vector, terms_max>;

bool is_weekend(sys_days day) { return weekday{day}.iso_encoding() >= 6; }

/// The inverse of the leading n by n part, by Gauss and Jordan; nothing if it has none.
std::optional<Matrix> inverse(Matrix matrix, std::size_t n) {
  Matrix out{};
  for (std::size_t i = 0; i < n; ++i) out[i][i] = 1;
  for (std::size_t i = 0; i < n; ++i) {
    std::size_t pivot = i;
    for (std::size_t row = i + 1; row < n; ++row)
      if (std::abs(matrix[row][i]) > std::abs(matrix[pivot][i])) pivot = row;
    if (std::abs(matrix[pivot][i]) < 1e-9) return std::nullopt;
    std::swap(matrix[i], matrix[pivot]);
    std::swap(out[i], out[pivot]);
    const double by = matrix[i][i];
    for (std::size_t k = 0; k < n; ++k) matrix[i][k] /= by, out[i][k] /= by;
    for (std::size_t row = 0; row < n; ++row) {
      if (row == i) continue;
      const double times = matrix[row][i];
      for (std::size_t k = 0; k < n; ++k) matrix[row][k] -= times * matrix[i][k], out[row][k] -= times * out[i][k];
    }
  }
  return out;
}

/// What is learned from the days: a level, a step for weekends if both kinds of days were seen, a slope if asked for.
struct Terms {
  bool weekends = false, slope = false;
  double middle = 0;
  [[nodiscard]] std::size_t count() const { return 1 + (weekends ? 1 : 0) + (slope ? 1 : 0); }
  [[nodiscard]] Vector at(sys_days day, double index) const {
    Vector x{1};
    std::size_t i = 1;
    if (weekends) x[i++] = is_weekend(day) ? 1 : 0;
    if (slope) x[i] = index - middle;
    return x;
  }
};

double dot(const Vector& a, const Vector& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

}  // namespace

double student_95(double freedom) {
  // Exact for few; behind that Fisher's expansion around the normal quantile, good to three digits.
  constexpr std::array<double, 3> few{6.3138, 2.9200, 2.3534};
  if (freedom < 4) return few[static_cast<std::size_t>(std::max(1.0, freedom)) - 1];
  constexpr double z = 1.6448536;
  const double z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z, v = freedom;
  return z + (z3 + z) / (4 * v) + (5 * z5 + 16 * z3 + 3 * z) / (96 * v * v) + (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * v * v * v);
}

std::optional<Band> forecast_month(const std::vector<DayValue>& days, Trend trend) {
  const auto n = static_cast<double>(days.size());
  if (days.size() < days_weak) return std::nullopt;
  double mean = 0;
  for (const DayValue& day : days) mean += day.value / n;
  if (mean <= 0) return Band{};
  // A day of nothing has no logarithm: it is taken for a hundredth of the mean.
  const double least = mean / 100;
  const auto index_of = [&](sys_days day) { return static_cast<double>((day - days.front().day).count()); };

  const auto weekends = static_cast<std::size_t>(std::ranges::count_if(days, [](const DayValue& day) { return is_weekend(day.day); }));
  Terms terms{.weekends = weekends > 0 && weekends < days.size(), .slope = trend == Trend::followed};
  for (const DayValue& day : days) terms.middle += index_of(day.day) / n;
  const std::size_t k = terms.count();

  Matrix square{};
  Vector right{};
  for (const DayValue& day : days) {
    const Vector x = terms.at(day.day, index_of(day.day));
    const double y = std::log(std::max(day.value, least));
    for (std::size_t i = 0; i < k; ++i) {
      right[i] += x[i] * y;
      for (std::size_t j = 0; j < k; ++j) square[i][j] += x[i] * x[j];
    }
  }
  const auto inverted = inverse(square, k);
  if (!inverted) return std::nullopt;
  Vector learned{};
  for (std::size_t i = 0; i < k; ++i)
    for (std::size_t j = 0; j < k; ++j) learned[i] += (*inverted)[i][j] * right[j];

  std::vector<double> residuals;
  double squares = 0, neighbours = 0;
  for (const DayValue& day : days) {
    residuals.push_back(std::log(std::max(day.value, least)) - dot(terms.at(day.day, index_of(day.day)), learned));
    squares += residuals.back() * residuals.back();
  }
  for (std::size_t i = 1; i < residuals.size(); ++i) neighbours += residuals[i] * residuals[i - 1];
  const double freedom = n - static_cast<double>(k);
  const double variance = squares / freedom;
  double correlation = squares > 0 ? neighbours / squares : 0;
  correlation = std::clamp(correlation + (1 + 3 * correlation) / n, correlation_min, correlation_max);

  // The days to come, and the place at which their mean lies.
  const sys_days last = days.back().day;
  const double last_index = index_of(last);
  double total = 0;
  Vector centre{};
  for (int i = 1; i <= month_days; ++i) {
    const Vector x = terms.at(last + std::chrono::days{i}, last_index + damping * i);
    total += std::exp(dot(x, learned) + variance / 2);
    for (std::size_t j = 0; j < k; ++j) centre[j] += x[j] / month_days;
  }
  double spread = 1.0 / month_days;
  for (std::size_t i = 0; i < k; ++i)
    for (std::size_t j = 0; j < k; ++j) spread += centre[i] * (*inverted)[i][j] * centre[j];
  const double width = student_95(freedom) * std::sqrt(variance * spread * (1 + correlation) / (1 - correlation));
  return Band{total, total * std::exp(-width), total * std::exp(width)};
}

Forecast make_forecast(const Report& report) {
  Forecast out;
  std::vector<const PeriodRow*> usable;
  double watched = 0;
  for (const PeriodRow& day : report.days) {
    watched += day.covered;
    if (day.covered >= covered_enough) usable.push_back(&day);
  }
  out.days_used = static_cast<double>(usable.size());
  const auto each = [&](auto&& put) {
    for (std::size_t i = 0; i < quantity_count; ++i)
      if (const Figure& total = report.totals.of[i]; total.basis != Basis::unknown && total.value > 0) put(static_cast<Quantity>(i), total);
  };
  if (usable.size() < days_weak) {
    out.refused =
        report.begin
            ? fmt::format(
                  "{} whole day(s) were seen (covered by 80 % or more): under 7 there is no telling weekdays from weekends, nor noise from growth, and a "
                  "month made of them is wrong by half or more as often as not",
                  usable.size())
            : "nothing that was found has a time";
    out.method = "none; `rough` is what was observed, a day, with the error that windows of this length have (measured)";
    // Errors of nine in ten windows of a day, and of three days and more (reference §1.8).
    const double error = watched < 3 ? 0.83 : 0.68;
    if (watched >= 0.5)
      each([&](Quantity quantity, const Figure& total) {
        const Figure& untimed = report.untimed[quantity];
        const double a_day = (total.value - untimed.value) / watched;
        out.rough.push_back({"observed_per_day", quantity, a_day, a_day * (1 - error), a_day / (1 - error)});
      });
    return out;
  }
  out.given = true;
  out.weak = usable.size() < days_good;
  out.method =
      "least squares on the logarithm of daily totals with a weekend step" +
      std::string(out.weak ? "; no trend can be told from so few days" : "; trend: with a slope, damped by 0.7 beyond the window") +
      "; Student's 90 % interval, widened for the correlation of neighbouring days and the bounds of the totals; days covered by less than 80 % left out";
  each([&](Quantity quantity, const Figure& total) {
    std::vector<DayValue> days;
    for (const PeriodRow* row : usable) {
      // Rows are of consecutive days; the name has the date of the chosen zone.
      const sys_days day = year_month_day{year{std::stoi(row->name.substr(0, 4))}, month{static_cast<unsigned>(std::stoi(row->name.substr(5, 2)))},
                                          std::chrono::day{static_cast<unsigned>(std::stoi(row->name.substr(8, 2)))}};
      days.push_back({day, row->used[quantity].value / row->covered});
    }
    const auto put = [&](std::string_view name, Trend trend) {
      if (const auto band = forecast_month(days, trend))
        out.scenarios.push_back({name, quantity, band->value, band->low * total.low / total.value, band->high * total.high / total.value});
    };
    put("flat", Trend::flat);
    if (!out.weak) put("trend", Trend::followed);
  });
  return out;
}

}  // namespace bellwether::audit
