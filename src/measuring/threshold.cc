#include "measuring/threshold.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <span>

#include "base/nearest.h"

namespace bellwether::measuring {
namespace {

constexpr std::array<std::string_view, 7> statistic_names{"mean", "min", "max", "p50", "p90", "p95", "p99"};

struct Scalar {
  std::string_view name;
  Figure figure;
};
constexpr std::array scalars{Scalar{"errors.rate", Figure::error_rate}, Scalar{"errors.count", Figure::error_count},
                             Scalar{"goodput.rate", Figure::goodput_rate}, Scalar{"requests_per_second", Figure::requests_per_second},
                             Scalar{"output_tokens_per_second", Figure::output_tokens_per_second}};

std::unexpected<Failure> wrong(std::string text) { return failed(Reason::request_malformed, PublicText{std::move(text)}); }

std::string meant(std::string_view word, std::span<const std::string_view> known) {
  const auto near = nearest(word, known, 1);
  if (!near.empty()) return fmt::format("; did you mean {}?", near.front());
  std::string all;
  for (const std::string_view name : known) all += (all.empty() ? "" : ", ") + std::string(name);
  return "; there are " + all;
}

template <class Enum, std::size_t count>
std::optional<Enum> named(const std::array<std::string_view, count>& names, std::string_view word) {
  for (std::size_t i = 0; i < count; ++i)
    if (names[i] == word) return static_cast<Enum>(i);
  return std::nullopt;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::optional<double> parse_number(std::string_view text) {
  double number = 0;
  const auto [end, trouble] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (trouble != std::errc{} || end != text.data() + text.size() || !(number >= 0)) return std::nullopt;
  return number;
}

/// Name, comparison and value, apart.
struct Parts {
  std::string_view name, value;
  Compare compare = Compare::above;
};

std::optional<Parts> split(std::string_view text) {
  const std::size_t at = text.find_first_of("<>");
  if (at == std::string_view::npos) return std::nullopt;
  const bool or_equal = at + 1 < text.size() && text[at + 1] == '=';
  const bool above = text[at] == '>';
  return Parts{.name = trim(text.substr(0, at)),
               .value = trim(text.substr(at + (or_equal ? 2 : 1))),
               .compare = above ? (or_equal ? Compare::at_least : Compare::above) : (or_equal ? Compare::at_most : Compare::below)};
}

Result<void> read_name(std::string_view name, Threshold& threshold) {
  for (const auto& [prefix, of] : {std::pair{std::string_view("against."), Of::against}, {std::string_view("difference."), Of::difference}}) {
    if (!name.starts_with(prefix)) continue;
    threshold.of = of;
    name.remove_prefix(prefix.size());
    break;
  }
  for (const Scalar& scalar : scalars) {
    if (scalar.name != name) continue;
    if (threshold.of == Of::difference) return wrong(fmt::format("{}: a difference is one of times, such as difference.ttft.p50", threshold.text));
    threshold.figure = scalar.figure;
    return {};
  }
  const std::size_t dot = name.find('.');
  const std::string_view word = name.substr(0, dot);
  const std::optional<Metric> metric = named<Metric>(metric_names, word);
  if (!metric) {
    std::vector<std::string_view> known(metric_names.begin(), metric_names.end());
    for (const Scalar& scalar : scalars) known.push_back(scalar.name);
    const auto whole = nearest(name, known, 1);
    return wrong(fmt::format("{}: there is no {}{}", threshold.text, name, meant(whole.empty() ? word : name, known)));
  }
  threshold.metric = *metric;
  if (dot == std::string_view::npos) return wrong(fmt::format("{}: which {}? For example {}.p99", threshold.text, word, word));
  const std::optional<Statistic> statistic = named<Statistic>(statistic_names, name.substr(dot + 1));
  if (!statistic) return wrong(fmt::format("{}: there is no {}{}", threshold.text, name.substr(dot + 1), meant(name.substr(dot + 1), statistic_names)));
  threshold.statistic = *statistic;
  const bool has_difference = *statistic >= Statistic::p50 && *metric != Metric::itl;
  if (threshold.of == Of::difference && !has_difference)
    return wrong(fmt::format("{}: differences are told of p50, p90, p95 and p99 of ttft, tpot and total", threshold.text));
  return {};
}

double value_of(const Distribution& times, Statistic statistic) {
  switch (statistic) {
    case Statistic::mean: return times.mean();
    case Statistic::min: return times.min();
    case Statistic::max: return times.max();
    case Statistic::p50: return times.value_at(0.5);
    case Statistic::p90: return times.value_at(0.9);
    case Statistic::p95: return times.value_at(0.95);
    case Statistic::p99: return times.value_at(0.99);
  }
  return 0;
}

std::optional<double> value_in(const Threshold& threshold, const Outcome& outcome) {
  if (threshold.of == Of::difference) {
    const std::optional<Difference>& difference = outcome.differences[static_cast<std::size_t>(threshold.metric)];
    if (!difference) return std::nullopt;
    return difference->quantiles[static_cast<std::size_t>(threshold.statistic) - static_cast<std::size_t>(Statistic::p50)].value;
  }
  const std::size_t which = threshold.of == Of::first ? 0 : 1;
  if (which >= outcome.endpoints.size()) return std::nullopt;
  const Summary& summary = outcome.endpoints[which];
  const auto requests = static_cast<double>(summary.requests);
  if (summary.requests == 0) return std::nullopt;
  switch (threshold.figure) {
    case Figure::error_rate: return 100 * static_cast<double>(summary.requests - summary.ok) / requests;
    case Figure::error_count: return static_cast<double>(summary.requests - summary.ok);
    case Figure::goodput_rate: return summary.good ? std::optional(100 * static_cast<double>(*summary.good) / requests) : std::nullopt;
    case Figure::requests_per_second: return summary.per_second(static_cast<double>(summary.ok));
    case Figure::output_tokens_per_second: return summary.per_second(static_cast<double>(summary.output_tokens));
    case Figure::time: break;
  }
  const std::optional<Distribution>& times = summary.of(threshold.metric);
  return times ? std::optional(value_of(*times, threshold.statistic)) : std::nullopt;
}

}  // namespace

std::optional<double> parse_milliseconds(std::string_view text) {
  const std::size_t end = text.find_first_not_of("0123456789.");
  if (end == std::string_view::npos || end == 0) return std::nullopt;
  const std::optional<double> number = parse_number(text.substr(0, end));
  if (!number) return std::nullopt;
  const std::string_view unit = text.substr(end);
  if (unit == "us") return *number / 1e3;
  if (unit == "ms") return number;
  if (unit == "s") return *number * 1e3;
  if (unit == "m") return *number * 6e4;
  return std::nullopt;
}

Result<Threshold> parse_threshold(std::string_view text) {
  Threshold threshold{.text = std::string(trim(text))};
  const std::optional<Parts> parts = split(text);
  if (!parts) return wrong(fmt::format("{}: a threshold says when it is missed, such as ttft.p99>500ms", threshold.text));
  threshold.compare = parts->compare;
  if (Result<void> read = read_name(parts->name, threshold); !read) return std::unexpected(std::move(read).error());
  std::optional<double> bound;
  std::string_view example = "500ms";
  const std::string_view value = parts->value;
  switch (threshold.figure) {
    case Figure::time: bound = parse_milliseconds(value); break;
    case Figure::error_rate:
    case Figure::goodput_rate:
      example = "1%";
      if (value.ends_with('%')) bound = parse_number(value.substr(0, value.size() - 1));
      break;
    default: example = "100"; bound = parse_number(value);
  }
  if (!bound) return wrong(fmt::format("{}: {} takes a value such as {}, not {}", threshold.text, parts->name, example, value.empty() ? "nothing" : value));
  threshold.bound = *bound;
  return threshold;
}

Result<std::vector<Goal>> parse_goals(std::string_view text) {
  static constexpr std::array<std::string_view, 3> known{"ttft", "tpot", "total"};
  std::vector<Goal> goals;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view one = trim(text.substr(0, comma));
    text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
    const std::optional<Parts> parts = split(one);
    if (!parts || parts->compare != Compare::below) return wrong(fmt::format("{}: a goal is a time that is not to be reached, such as ttft<500ms", one));
    bool is_known = false;
    for (const std::string_view name : known) is_known |= name == parts->name;
    if (!is_known) return wrong(fmt::format("{}: a request has no {}{}", one, parts->name, meant(parts->name, known)));
    const std::optional<double> bound = parse_milliseconds(parts->value);
    if (!bound) return wrong(fmt::format("{}: {} takes a time such as 500ms, not {}", one, parts->name, parts->value));
    goals.push_back({*named<Metric>(metric_names, parts->name), *bound});
  }
  return goals;
}

Judgement judge(const Threshold& threshold, const Outcome& outcome) {
  Judgement judgement{.value = value_in(threshold, outcome)};
  if (!judgement.value) return judgement;
  switch (threshold.compare) {
    case Compare::above: judgement.is_missed = *judgement.value > threshold.bound; break;
    case Compare::at_least: judgement.is_missed = *judgement.value >= threshold.bound; break;
    case Compare::below: judgement.is_missed = *judgement.value < threshold.bound; break;
    case Compare::at_most: judgement.is_missed = *judgement.value <= threshold.bound; break;
  }
  return judgement;
}

}  // namespace bellwether::measuring
