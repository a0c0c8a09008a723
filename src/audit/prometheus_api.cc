#include "audit/prometheus_api.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "audit/time_text.h"

namespace bellwether::audit {
namespace {

using json::path_of;

constexpr json::Path error_text = path_of("error");
constexpr json::Path result = path_of("data.result[]");
constexpr json::Path result_metric = path_of("data.result[].metric");
constexpr json::Path range_pair = path_of("data.result[].values[]");
constexpr json::Path range_part = path_of("data.result[].values[][]");
constexpr json::Path vector_pair = path_of("data.result[].value");
constexpr json::Path vector_part = path_of("data.result[].value[]");
constexpr json::Path export_metric = path_of("metric");
constexpr json::Path export_value = path_of("values[]");
constexpr json::Path export_time = path_of("timestamps[]");

constexpr std::size_t labels_max = 64;
// A quarter at one sample in two seconds. VictoriaMetrics cuts longer series itself (max_rows_per_line).
constexpr std::size_t column_max = std::size_t{2} << 20;

std::optional<double> number_of(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

bool looks_like_prometheus_api(std::string_view begin) {
  begin = begin.substr(0, 4096);
  const auto has = [&](std::string_view text) { return begin.find(text) != std::string_view::npos; };
  const std::size_t first = begin.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || begin[first] != '{') return false;
  if (has("\"resultType\"") && (has("\"status\"") || has("\"result\""))) return true;
  return has("\"metric\"") && has("\"__name__\"") && (begin.substr(first + 1).find_first_not_of(" \t\r\n") != std::string_view::npos);
}

PrometheusApi::Children PrometheusApi::begin(json::Path path, json::Kind, std::string_view) {
  if (path == result_metric || path == export_metric) {
    begin_metric();
  } else if (path == range_pair || path == vector_pair) {
    in_pair_ = 0;
    at_.reset();
  }
  return Children::onwards;
}

void PrometheusApi::end(json::Path path, json::Kind) {
  if (path == result_metric || path == export_metric) {
    end_metric();
  } else if (path == json::root_path && !values_.empty()) {
    tell_columns();
  } else if (path == result) {
    wanted_ = false;
  }
}

bool PrometheusApi::wants(json::Path path) { return in_metric_ || path == range_part || path == vector_part || path == export_value || path == error_text; }

void PrometheusApi::value(json::Path path, json::Kind kind, std::string_view key, std::string_view text) {
  if (path == range_part || path == vector_part) return part_of_pair(kind, text);
  if (in_metric_) {
    if (key == "__name__") {
      metric_name_.assign(text);
    } else if (label_count_ < labels_max) {
      if (label_count_ == labels_.size()) labels_.emplace_back();
      labels_[label_count_].first.assign(key);
      labels_[label_count_++].second.assign(text);
    }
  } else if (path == export_value || path == export_time) {
    if ((path == export_value ? values_.size() : times_.size()) == column_max) return;  // Told at the end.
    const double number = number_of(text).value_or(std::numeric_limits<double>::quiet_NaN());
    if (path == export_value) {
      values_.push_back(number);
    } else {
      times_.push_back(from_unix_seconds(number / 1e3).value_or(Instant::min()));
    }
  } else if (path == error_text) {
    error_.assign(text);
  }
}

void PrometheusApi::part_of_pair(json::Kind kind, std::string_view text) {
  const std::size_t part = in_pair_++;
  if (!wanted_ || part > 1) return;
  const std::optional<double> number = number_of(text);
  if (part == 0) {
    if (number) at_ = from_unix_seconds(*number);
    return;
  }
  if (kind != json::Kind::string) return skip(Skip::malformed);
  if (!at_) return skip(Skip::no_time);
  // "+Inf" is a value that counters do not have; "NaN" marks where a series ended.
  teller_.tell(*at_, number.value_or(std::numeric_limits<double>::quiet_NaN()), events_.line());
}

void PrometheusApi::begin_metric() {
  in_metric_ = true;
  wanted_ = false;
  label_count_ = 0;
  metric_name_.clear();
  values_.clear();
  times_.clear();
}

void PrometheusApi::end_metric() {
  in_metric_ = false;
  name_.begin(metric_name_);
  for (std::size_t i = 0; i < label_count_; ++i) name_.label(labels_[i].first, labels_[i].second);
  wanted_ = teller_.turn_to(name_);
  if (!wanted_) skip(Skip::not_of_this_log);
}

void PrometheusApi::tell_columns() {
  if (values_.size() != times_.size()) {
    skip(Skip::malformed);
  } else if (wanted_) {
    if (values_.size() == column_max) skip(Skip::too_long);
    for (std::size_t i = 0; i < values_.size(); ++i) {
      if (times_[i] == Instant::min()) {
        skip(Skip::no_time);
      } else {
        teller_.tell(times_[i], values_[i], events_.line());
      }
    }
  }
  values_.clear();
  times_.clear();
  wanted_ = false;
}

void PrometheusApi::broken(Trouble trouble) {
  in_metric_ = false;
  wanted_ = false;
  values_.clear();
  times_.clear();
  skip(trouble == Trouble::not_json ? Skip::not_of_this_log : Skip::malformed);
}

std::unique_ptr<Reader> make_prometheus_api(const ReadingContext& context, Sink& sink) { return std::make_unique<PrometheusApi>(context, sink); }

}  // namespace bellwether::audit
