#include "audit/access_lines.h"

#include <array>
#include <charconv>
#include <cmath>
#include <string>

#include "audit/json_records.h"
#include "audit/lines.h"
#include "audit/request_fields.h"
#include "audit/request_line.h"
#include "audit/time_text.h"

namespace bellwether::audit {
namespace {

using std::chrono::milliseconds;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// What one line says.
struct Access {
  std::string_view method, path, id;
  int status = 0;
  std::optional<Instant> begin, end;
  std::optional<milliseconds> latency, first_token;
  bool is_aborted = false;
};

std::optional<milliseconds> from_seconds(std::string_view text) {
  // Of several upstreams nginx writes `0.100, 0.200`, of none `-`.
  text = text.substr(0, text.find_first_of(", "));
  const auto seconds = to_double(text);
  if (!seconds || *seconds < 0 || *seconds > 604'800) return std::nullopt;
  return milliseconds(std::llround(*seconds * 1e3));
}

/// `POST /v1/chat/completions HTTP/1.1`.
bool split_request(std::string_view text, Access& access) {
  const std::size_t first = text.find(' ');
  if (first == 0 || first > 16) return false;
  for (const char c : text.substr(0, first))
    if (c < 'A' || c > 'Z') return false;
  access.method = text.substr(0, first);
  std::string_view path = text.substr(first + 1);
  path = path.substr(0, path.find_first_of(" ?"));
  access.path = path;
  return path.starts_with('/') || path.find("://") != std::string_view::npos || path == "*";
}

std::optional<int> status_of(std::string_view text) {
  if (text.size() < 3 || !is_digit(text[0]) || !is_digit(text[1]) || !is_digit(text[2]) || (text.size() > 3 && is_digit(text[3]))) return std::nullopt;
  const int status = (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
  return status < 600 ? std::optional(status) : std::nullopt;
}

/// Digits, a dot and three digits, as nginx writes times. How many digits stand before the dot; 0: it is something else.
std::size_t whole_digits(std::string_view word) {
  const std::size_t dot = word.find('.');
  if (dot == std::string_view::npos || dot == 0 || word.size() != dot + 4) return 0;
  for (std::size_t i = 0; i < word.size(); ++i)
    if (i != dot && !is_digit(word[i])) return 0;
  return dot;
}

/// One word of a line, perhaps `name=value`, with quotes around it or its value taken off.
struct Word {
  std::string_view name, value;
};

Word take_word(std::string_view& text) {
  Word word;
  std::size_t size = std::min(text.find_first_of(" \t\"="), text.size());
  if (size < text.size() && text[size] == '=') {
    word.name = text.substr(0, size);
    text.remove_prefix(size + 1);
    size = std::min(text.find_first_of(" \t\""), text.size());
  }
  if (text.starts_with('"')) {
    size = std::min(text.find('"', 1), text.size());
    word.value = text.substr(1, size - 1);
    text.remove_prefix(std::min(size + 1, text.size()));
  } else {
    word.value = text.substr(0, size);
    text.remove_prefix(size);
    while (!word.value.empty() && (word.value.back() == ',' || word.value.back() == ';')) word.value.remove_suffix(1);
  }
  return word;
}

/// What may stand before or behind the quoted request and its status.
void read_words(std::string_view text, bool behind_status, Access& access) {
  bool named_latency = false;
  while (!text.empty()) {
    if (text.front() == ' ' || text.front() == '\t') {
      text.remove_prefix(1);
      continue;
    }
    const Word word = take_word(text);
    if (word.name == "rt" || word.name == "request_time") {
      access.latency = from_seconds(word.value);
      named_latency = true;
    } else if (word.name == "uht" || word.name == "upstream_header_time") {
      access.first_token = from_seconds(word.value);
    } else if (word.name == "msec") {
      access.end = read_time(word.value, nullptr);
    } else if (word.name == "request_id" || word.name == "rid") {
      access.id = word.value;
    } else if (word.name.empty()) {
      const std::size_t digits = whole_digits(word.value);
      if (digits == 10) access.end = read_time(word.value, nullptr);
      else if (digits > 0 && digits <= 6 && behind_status && !named_latency && !access.latency) access.latency = from_seconds(word.value);
    }
  }
}

/// `… [10/Oct/2026:13:55:36 +0900] "POST /v1/… HTTP/1.1" 200 …`, and `… - "POST …" 200 OK`.
std::optional<Access> read_web_server(std::string_view line, const Zone* zone) {
  Access access;
  std::size_t quote = line.find('"');
  std::size_t close = std::string_view::npos;
  // The request is the first quoted text that is one: a log_format may have others before it.
  for (int tries = 0; quote != std::string_view::npos && tries < 6; ++tries) {
    close = line.find('"', quote + 1);
    if (close == std::string_view::npos) return std::nullopt;
    if (split_request(line.substr(quote + 1, close - quote - 1), access)) break;
    quote = line.find('"', close + 1);
    access.method = {};
  }
  if (access.method.empty()) return std::nullopt;
  const std::string_view before = line.substr(0, quote);
  std::string_view behind = line.substr(close + 1);
  while (behind.starts_with(' ')) behind.remove_prefix(1);
  const auto status = status_of(behind);
  if (!status) return std::nullopt;
  access.status = *status;
  if (const std::size_t open = before.rfind('['); open != std::string_view::npos) {
    const std::size_t end = before.find(']', open);
    if (end != std::string_view::npos) access.end = read_time(before.substr(open + 1, end - open - 1), zone);
  }
  read_words(before, false, access);
  read_words(behind.substr(3), true, access);
  return access;
}

/// `haproxy[14389]: 10.0.1.2:33317 [06/Feb/2026:12:14:14.655] front back/server 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 "POST … HTTP/1.1"`
std::optional<Access> read_haproxy(std::string_view line, const Zone* zone) {
  const std::size_t open = line.find(" [");
  if (open == std::string_view::npos) return std::nullopt;
  const std::size_t end = line.find("] ", open);
  if (end == std::string_view::npos) return std::nullopt;
  Access access;
  access.begin = read_time(line.substr(open + 2, end - open - 2), zone);
  std::string_view rest = line.substr(end + 2);
  std::array<std::string_view, 8> words;  // front, back/server, timers, status, bytes, cookie, cookie, termination
  for (std::string_view& word : words) {
    const std::size_t size = rest.find(' ');
    if (size == std::string_view::npos) return std::nullopt;
    word = rest.substr(0, size);
    rest.remove_prefix(size + 1);
  }
  if (words[1].find('/') == std::string_view::npos || words[7].size() != 4) return std::nullopt;
  std::array<std::int64_t, 5> timers{};
  std::string_view text = words[2];
  for (std::size_t i = 0; i < timers.size(); ++i) {
    if (text.starts_with('+')) text.remove_prefix(1);  // `option logasap`: the answer went on.
    const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), timers[i]);
    if (error != std::errc{} || (i < 4 && (at == text.data() + text.size() || *at != '/'))) return std::nullopt;
    text.remove_prefix(std::min(text.size(), static_cast<std::size_t>(at - text.data()) + 1));
  }
  access.is_aborted = words[3].starts_with('-') || words[7].starts_with('C');
  access.status = status_of(words[3]).value_or(0);
  if (!access.is_aborted && access.status == 0) return std::nullopt;
  if (timers[4] >= 0) access.latency = milliseconds(timers[4]);
  if (timers[0] >= 0 && timers[1] >= 0 && timers[2] >= 0 && timers[3] >= 0) access.first_token = milliseconds(timers[0] + timers[1] + timers[2] + timers[3]);
  const std::size_t quote = rest.rfind(" \"");
  if (quote == std::string_view::npos || !split_request(rest.substr(quote + 2), access)) return std::nullopt;
  if (access.path.ends_with('"')) access.path.remove_suffix(1);
  return access;
}

void tell(const Access& access, Place place, Sink& sink) {
  const std::optional<Feature> served = served_by_model(access.method, access.path);
  if (!served) return sink.skipped(place, Skip::excluded);
  RequestSeen seen{
      .place = place, .log = RequestLog::access_lines, .end = access.end, .latency = access.latency, .first_token = access.first_token, .id = access.id};
  if (!seen.end && access.begin) seen.end = *access.begin + access.latency.value_or(milliseconds(0));
  seen.features = *served;
  seen.outcome = access.is_aborted ? Outcome::aborted : outcome_of_status(access.status);
  sink.seen(seen);
}

class AccessLines final : public Reader {
 public:
  AccessLines(const ReadingContext& context, Sink& sink) : context_{context}, sink_{sink} {}

  void read(std::string_view bytes) override {
    lines_.read(bytes, [this](std::string_view text, std::uint64_t number) { line(text, number); }, [this](std::uint64_t number) { too_long(number); });
  }
  void finish() override {
    lines_.finish([this](std::string_view text, std::uint64_t number) { line(text, number); }, [this](std::uint64_t number) { too_long(number); });
  }

 private:
  void line(std::string_view text, std::uint64_t number) {
    if (text.empty()) return;
    std::optional<Access> access = read_haproxy(text, context_.zone);
    if (!access) access = read_web_server(text, context_.zone);
    const Place place{context_.source, number};
    if (!access) return sink_.skipped(place, Skip::not_of_this_log);
    tell(*access, place, sink_);
  }
  void too_long(std::uint64_t number) { sink_.skipped({context_.source, number}, Skip::too_long); }

  ReadingContext context_;
  Sink& sink_;
  Lines lines_;
};

enum class Field : std::uint8_t { none, end, request, method, path, status, latency, first, id };
using Row = FieldTable<Field>::Row;
constexpr std::array rows{
    Row{"time_iso8601", Field::end},
    Row{"time_local", Field::end},
    Row{"msec", Field::end},
    Row{"@timestamp", Field::end},
    Row{"timestamp", Field::end},
    Row{"time", Field::end},
    Row{"ts", Field::end},
    Row{"request", Field::request},
    Row{"request_method", Field::method},
    Row{"method", Field::method},
    Row{"request_uri", Field::path},
    Row{"uri", Field::path},
    Row{"path", Field::path},
    Row{"url", Field::path},
    Row{"status", Field::status},
    Row{"request_time", Field::latency},
    Row{"upstream_header_time", Field::first},
    Row{"request_id", Field::id},
};
constexpr std::array<std::string_view, 1> here{""};

class AccessJson final : public JsonRecords {
 public:
  AccessJson(const ReadingContext& context, Sink& sink) : JsonRecords{context, sink} { fields_.add(here, rows); }

 private:
  void begin_record() override {
    for (std::string* text : {&request_, &method_, &path_, &id_}) text->clear();
    status_.reset();
    access_ = {};
  }
  void end_record() override {
    if (open_records() > 1) return;
    if (!request_.empty() && !split_request(request_, access_)) return skip(Skip::malformed);
    if (access_.method.empty()) access_.method = method_;
    if (access_.path.empty()) access_.path = std::string_view(path_).substr(0, path_.find('?'));
    if (!status_ || access_.path.empty()) return skip(Skip::not_of_this_log);
    access_.status = static_cast<int>(*status_);
    access_.id = id_;
    tell(access_, place(), sink_);
  }
  void drop_records() override {}
  void inside(json::Path, json::Kind) override {}
  bool wants(json::Path path) override { return fields_.find(path) != Field::none; }
  void value(json::Path path, json::Kind, std::string_view, std::string_view text) override {
    switch (fields_.find(path)) {
      case Field::none: return;
      case Field::end:
        // $msec is finer than the others, wherever it stands.
        if (const auto at = read_time(text, context_.zone); at && (!access_.end || *at > *access_.end)) access_.end = at;
        return;
      case Field::request: request_.assign(text); return;
      case Field::method: method_.assign(text); return;
      case Field::path: path_.assign(text); return;
      case Field::status: status_ = to_count(text); return;
      case Field::latency: access_.latency = from_seconds(text); return;
      case Field::first: access_.first_token = from_seconds(text); return;
      case Field::id: id_.assign(text); return;
    }
  }

  FieldTable<Field> fields_;
  std::string request_, method_, path_, id_;
  std::optional<std::uint64_t> status_;
  Access access_;
};

}  // namespace

bool looks_like_access_lines(std::string_view begin) {
  // One of the first lines, so that an odd one before it does not matter. JSON is somebody else's, and so are uvicorn's own lines, which
  // stand in a vLLM's log.
  const std::size_t first = begin.find_first_not_of(" \t\r\n\xef\xbb\xbf");
  if (first == std::string_view::npos || begin[first] == '{' || begin[first] == '[') return false;
  for (int lines = 0; lines < 20 && !begin.empty(); ++lines) {
    const std::size_t end = begin.find('\n');
    const std::string_view line = begin.substr(0, end);
    std::optional<Access> access = read_haproxy(line, nullptr);
    if (!access) access = read_web_server(line, nullptr);
    if (access && (access->begin || access->end) && line.find("INFO:  ") == std::string_view::npos) return true;
    begin.remove_prefix(end == std::string_view::npos ? begin.size() : end + 1);
  }
  return false;
}

std::unique_ptr<Reader> make_access_lines(const ReadingContext& context, Sink& sink) { return std::make_unique<AccessLines>(context, sink); }

bool looks_like_access_json(std::string_view begin) {
  const std::size_t first = begin.find_first_not_of(" \t\r\n\xef\xbb\xbf");
  if (first == std::string_view::npos || begin[first] != '{') return false;
  const std::string_view line = begin.substr(first, begin.substr(first).find('\n'));
  const auto has = [&](std::string_view name) { return line.find(name) != std::string_view::npos; };
  return has("\"status\"") && (has("\"request_time\"") || has("\"request_method\"")) && (has("\"request\"") || has("\"uri\"") || has("\"request_uri\""));
}

std::unique_ptr<Reader> make_access_json(const ReadingContext& context, Sink& sink) { return std::make_unique<AccessJson>(context, sink); }

}  // namespace bellwether::audit
