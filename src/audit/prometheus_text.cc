#include "audit/prometheus_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "audit/time_text.h"

namespace bellwether::audit {
namespace {

using std::chrono::milliseconds;

void drop_blanks(std::string_view& text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
}

bool is_name_char(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == ':' || c == '.'; }

/// As Go and Python write floats. Takes it from the front.
std::optional<double> take_number(std::string_view& text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) return std::nullopt;
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (!text.empty() && text.front() != ' ' && text.front() != '\t' && text.front() != ']') return std::nullopt;
  return value;
}

bool is_number(std::string_view text) {
  drop_blanks(text);
  return take_number(text).has_value();
}

/// Times of samples: whole milliseconds, or seconds.
std::optional<Instant> time_of(double stamp) { return from_unix_seconds(std::abs(stamp) >= 1e11 ? stamp / 1e3 : stamp); }

/// A line beyond doubt of vLLM's page: what decides about a file.
bool is_of_vllm(std::string_view line) {
  const bool is_comment = line.starts_with('#');
  for (const std::string_view start : {"# HELP ", "# TYPE "})
    if (line.starts_with(start)) line.remove_prefix(start.size());
  if (line.starts_with("{__name__=\"")) line.remove_prefix(11);
  if (line.starts_with("{\"")) line.remove_prefix(2);
  if (line.starts_with("ray_")) line.remove_prefix(4);
  if (!line.starts_with("vllm:") && !line.starts_with("vllm_")) return false;
  const std::size_t end = static_cast<std::size_t>(std::ranges::find_if_not(line, is_name_char) - line.begin());
  return end < line.size() && (line[end] == '{' || line[end] == '"' || (line[end] == ' ' && (is_comment || is_number(line.substr(end + 1)))));
}

/// `# HELP name …`, `name{…} value`, `name value`.
bool is_of_some_page(std::string_view line) {
  if (line.empty() || line.starts_with("# HELP ") || line.starts_with("# TYPE ") || line == "# EOF") return true;
  const std::size_t end = static_cast<std::size_t>(std::ranges::find_if_not(line, is_name_char) - line.begin());
  if (end == 0 || end >= line.size() || (line[end] != '{' && line[end] != ' ')) return false;
  std::string_view rest = line;
  rest.remove_prefix(std::max(rest.rfind('}') + 1, end));
  drop_blanks(rest);
  return take_number(rest).has_value();
}

}  // namespace

bool looks_like_prometheus_text(std::string_view begin) {
  // The last line may be cut.
  std::size_t strange = 0;
  for (bool first = true; !begin.empty(); first = false) {
    const std::size_t end = begin.find('\n');
    std::string_view line = begin.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (is_of_vllm(line)) return true;
    // Pages begin with what the process says of itself, and with the time that whoever took them wrote. A log is none of that.
    if (!is_of_some_page(line) && end != std::string_view::npos && ++strange > 4) return false;
    if (first && line.starts_with('{') && line.find("\":") != std::string_view::npos) return false;
    begin.remove_prefix(end == std::string_view::npos ? begin.size() : end + 1);
  }
  return false;
}

void PrometheusText::read(std::string_view bytes) {
  lines_.read(
      bytes, [this](std::string_view text, std::uint64_t number) { line(text, number); }, [this](std::uint64_t number) { skip(Skip::too_long, number); });
}

void PrometheusText::finish() {
  lines_.finish([this](std::string_view text, std::uint64_t number) { line(text, number); }, [this](std::uint64_t number) { skip(Skip::too_long, number); });
}

void PrometheusText::line(std::string_view text, std::uint64_t number) {
  drop_blanks(text);
  if (text.empty()) return;
  switch (text.front()) {
    case 'v':
    case 'r':
    case 'h':
    case 'p':
    case '{': return sample(text, number);
    case '#': return comment(text, number);
    default: break;
  }
  if (promtool_ && text.find(" @[") != std::string_view::npos) return value(text, number);
  // A sample of somebody else's, or the time of a page.
  if (is_name_char(text.front()) && text.find('{') != std::string_view::npos) return skip(Skip::not_of_this_log, number);
  comment(text, number);
}

void PrometheusText::comment(std::string_view text, std::uint64_t number) {
  if (text.starts_with("# HELP") || text.starts_with("# TYPE") || text.starts_with("# UNIT") || text.starts_with("# EOF")) return;
  constexpr std::string_view decoration = "#-= \t";
  while (!text.empty() && decoration.find(text.front()) != std::string_view::npos) text.remove_prefix(1);
  while (!text.empty() && decoration.find(text.back()) != std::string_view::npos) text.remove_suffix(1);
  for (const std::string_view label : {"timestamp", "time", "date", "at"}) {
    if (!text.starts_with(label)) continue;
    text.remove_prefix(label.size());
    if (text.starts_with(':') || text.starts_with('=')) text.remove_prefix(1);
    break;
  }
  const std::optional<Instant> at = read_time(text, context_.zone);
  if (!at) return skip(Skip::not_of_this_log, number);
  page_at_ = at;
}

void PrometheusText::sample(std::string_view text, std::uint64_t number) {
  promtool_ = false;
  std::string_view rest = text;
  // Most lines of a page are of no interest, and need not be taken apart.
  if (text.front() != '{') {
    const std::size_t end = static_cast<std::size_t>(std::ranges::find_if_not(text, is_name_char) - text.begin());
    if (read_metric_name(text.substr(0, end)).what == Metric::What::other) return skip(Skip::not_of_this_log, number);
  }
  if (!read_series(rest)) return skip(Skip::malformed, number);
  wanted_ = teller_.turn_to(name_);
  drop_blanks(rest);
  if (rest.starts_with("=>")) {
    promtool_ = true;
    rest.remove_prefix(2);
    drop_blanks(rest);
    if (rest.empty()) return;
  }
  value(rest, number);
}

void PrometheusText::value(std::string_view text, std::uint64_t number) {
  if (!wanted_) return skip(Skip::not_of_this_log, number);
  const std::optional<double> value = take_number(text);
  if (!value) return skip(Skip::malformed, number);
  drop_blanks(text);
  if (!text.empty() && text.front() != '#') {
    if (text.starts_with("@[")) text.remove_prefix(2);
    const std::optional<double> stamp = take_number(text);
    if (!stamp) return skip(Skip::malformed, number);
    const std::optional<Instant> at = time_of(*stamp);
    if (!at) return skip(Skip::no_time, number);
    return teller_.tell(*at, *value, number);
  }
  if (!page_at_) return skip(Skip::no_time, number);
  if (teller_.is_repeated(*page_at_)) {
    *page_at_ += milliseconds(1);
    skip(Skip::no_time, number);
  }
  teller_.tell(*page_at_, *value, number);
}

bool PrometheusText::read_series(std::string_view& text) {
  if (text.front() == '{') {
    // `{__name__="…", …}` of promtool, `{"…", …}` of names that are not only letters: the name comes first, or nobody knows of what.
    text.remove_prefix(1);
    return read_labels(text, false);
  }
  const std::size_t end = static_cast<std::size_t>(std::ranges::find_if_not(text, is_name_char) - text.begin());
  name_.begin(text.substr(0, end));
  text.remove_prefix(end);
  if (!text.starts_with('{')) return true;
  text.remove_prefix(1);
  return read_labels(text, true);
}

bool PrometheusText::read_labels(std::string_view& text, bool named) {
  for (;;) {
    while (!text.empty() && (text.front() == ' ' || text.front() == ',' || text.front() == '\t')) text.remove_prefix(1);
    if (text.starts_with('}')) {
      text.remove_prefix(1);
      return named;
    }
    std::string_view label;
    if (!text.starts_with('"')) {
      const std::size_t end = static_cast<std::size_t>(std::ranges::find_if_not(text, is_name_char) - text.begin());
      label = text.substr(0, end);
      text.remove_prefix(end);
      drop_blanks(text);
      if (label.empty() || !text.starts_with('=')) return false;
      text.remove_prefix(1);
      drop_blanks(text);
      if (!text.starts_with('"')) return false;
    }
    text.remove_prefix(1);
    const std::size_t end = text.find_first_of("\"\\");
    if (end == std::string_view::npos) return false;
    std::string_view value = text.substr(0, end);
    if (text[end] == '"') {
      text.remove_prefix(end + 1);
    } else {
      unescaped_.assign(value);
      text.remove_prefix(end);
      while (!text.empty() && text.front() != '"') {
        if (text.front() == '\\' && text.size() > 1) {
          text.remove_prefix(1);
          unescaped_ += text.front() == 'n' ? '\n' : text.front();
        } else {
          unescaped_ += text.front();
        }
        text.remove_prefix(1);
      }
      if (text.empty()) return false;
      text.remove_prefix(1);
      value = unescaped_;
    }
    if (named) {
      name_.label(label, value);
    } else if (label.empty() || label == "__name__") {
      name_.begin(value);
      named = true;
    } else {
      return false;
    }
  }
}

std::unique_ptr<Reader> make_prometheus_text(const ReadingContext& context, Sink& sink) { return std::make_unique<PrometheusText>(context, sink); }

}  // namespace bellwether::audit
