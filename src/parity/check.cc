#include "parity/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "parity/check_tables.h"

namespace bellwether::parity {
namespace {

bool can(const Finding& finding) { return finding.state == State::works; }

std::vector<Check> make_checks() {
  std::vector<Check> all;
  add_basic_checks(all);
  add_stream_checks(all);
  add_parameter_checks(all);
  add_structure_checks(all);
  add_message_checks(all);
  add_error_checks(all);
  add_measure_checks(all);
  return all;
}

}  // namespace

const std::vector<Check>& checks() {
  static const std::vector<Check> all = make_checks();
  return all;
}

Comparison compare(const Check& check, const Finding& first, const Finding& second) {
  if (first.state == State::unknown || second.state == State::unknown) return {.verdict = Verdict::unknown};
  if (check.compare && can(first) && can(second)) return check.compare(first, second);
  if (can(first) && can(second)) return {.verdict = first.value == second.value ? Verdict::same : Verdict::differs};
  if (can(first)) return {.verdict = second.state == State::ignored ? Verdict::ignored : Verdict::refused, .is_worse = true};
  if (can(second)) return {.verdict = Verdict::differs, .detail = "only B can"};
  // Neither can: callers of the first do not depend on it.
  return {.verdict = first.state == second.state ? Verdict::same : Verdict::differs};
}

std::optional<Ratio> ratio_of(const std::vector<double>& first, const std::vector<double>& second) {
  if (first.empty() || first.size() != second.size()) return std::nullopt;
  // Student's t for 95 % on both sides, by degrees of freedom from 1.
  constexpr std::array<double, 12> t{12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179};
  double sum = 0, squares = 0;
  for (std::size_t i = 0; i < first.size(); ++i) {
    if (first[i] <= 0) return std::nullopt;
    sum += second[i] / first[i];
  }
  const auto count = static_cast<double>(first.size());
  const double mean = sum / count;
  for (std::size_t i = 0; i < first.size(); ++i) squares += std::pow(second[i] / first[i] - mean, 2);
  if (first.size() < 2) return Ratio{mean, mean, mean};
  const double half = t[std::min(first.size() - 2, t.size() - 1)] * std::sqrt(squares / (count - 1) / count);
  return Ratio{mean, mean - half, mean + half};
}

}  // namespace bellwether::parity
