#include "audit/wrapper.h"

#include <algorithm>
#include <array>

#include "audit/stamp.h"
#include "json/reader.h"

namespace bellwether::audit {
namespace {

constexpr std::array<std::string_view, 5> text_keys{"log", "message", "msg", "MESSAGE", "text"};
constexpr std::array<std::string_view, 4> time_keys{"time", "timestamp", "ts", "@timestamp"};

/// A raw JSON value as an instant: RFC 3339, or seconds, milliseconds or microseconds since 1970 by their size.
std::optional<Instant> instant_of(std::string_view raw) {
  if (raw.size() >= 2 && raw.front() == '"') raw = raw.substr(1, raw.size() - 2);
  if (const auto at = parse_rfc3339(raw)) return at;
  const auto whole = json::to_integer(raw.substr(0, raw.find('.')));
  if (!whole || *whole <= 0) return std::nullopt;
  constexpr std::int64_t seconds_max = 100'000'000'000;  // The year 5138; as milliseconds that is 1973.
  if (*whole < seconds_max) return Instant{std::chrono::seconds{*whole}};
  if (*whole < seconds_max * 1000) return Instant{std::chrono::milliseconds{*whole}};
  return Instant{std::chrono::milliseconds{*whole / 1000}};
}

std::string_view without_line_end(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

}  // namespace

struct Unwrapper::State {
  json::Reader reader;
  std::string padded, text, plain;
};

Unwrapper::Unwrapper() : state_{std::make_unique<State>()} {}
Unwrapper::~Unwrapper() = default;

std::optional<Unwrapped> Unwrapper::json(std::string_view line) {
  // Docker's own order of members, and nothing escaped but the line's end, needs no reader.
  constexpr std::string_view begin = R"({"log":")";
  if (line.starts_with(begin)) {
    const std::string_view rest = line.substr(begin.size());
    const std::size_t backslash = rest.find('\\');
    const std::size_t quote = rest.find('"');
    if (backslash != std::string_view::npos && backslash + 2 == quote && rest[backslash + 1] == 'n') {
      const std::size_t time = rest.find(R"("time":")", quote);
      if (time != std::string_view::npos)
        return Unwrapped{rest.substr(0, backslash), parse_rfc3339(rest.substr(time + 8, rest.find('"', time + 8) - time - 8))};
    }
  }
  state_->padded.assign(line);
  state_->padded.append(json::padding, '\0');
  const auto members = state_->reader.outline(std::string_view(state_->padded).substr(0, line.size()));
  if (!members) return std::nullopt;
  Unwrapped found;
  bool has_text = false;
  for (const json::Member& member : *members) {
    if (!has_text && member.kind == json::Kind::string && std::ranges::find(text_keys, member.key) != text_keys.end()) {
      auto text = json::unquote(member.raw);
      if (!text) return std::nullopt;
      state_->text = std::move(*text);
      has_text = true;
    } else if (member.key == "__REALTIME_TIMESTAMP" || (!found.at && std::ranges::find(time_keys, member.key) != time_keys.end())) {
      found.at = instant_of(member.raw);
    }
  }
  if (!has_text) return std::nullopt;
  found.text = without_line_end(state_->text);
  return found;
}

std::string_view Unwrapper::without_colours(std::string_view text) {
  text = text.substr(0, colours_max);
  std::string& out = state_->plain;
  out.clear();
  while (!text.empty()) {
    const std::size_t escape = text.find('\x1b');
    out.append(text.substr(0, escape));
    if (escape == std::string_view::npos) break;
    text.remove_prefix(escape + 1);
    if (!text.starts_with('[')) continue;
    std::size_t size = 1;
    while (size < text.size() && (text[size] < '@' || text[size] > '~')) ++size;
    text.remove_prefix(std::min(text.size(), size + 1));
  }
  return out;
}

}  // namespace bellwether::audit
