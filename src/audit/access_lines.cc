#include "audit/access_lines.h"

#include <array>
#include <string>

#include "audit/access_line.h"
#include "audit/json_records.h"
#include "audit/lines.h"
#include "audit/request_fields.h"
#include "audit/request_line.h"
#include "audit/time_text.h"

namespace bellwether::audit {
namespace {

using std::chrono::milliseconds;

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
      case Field::latency: access_.latency = read_seconds(text); return;
      case Field::first: access_.first_token = read_seconds(text); return;
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
