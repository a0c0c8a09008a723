#include "audit/litellm_spend.h"

#include <algorithm>
#include <vector>

#include "audit/csv.h"
#include "audit/spend_row.h"

namespace bellwether::audit {
namespace {

constexpr std::array<std::string_view, 1> here{""};
constexpr std::array<std::string_view, 2> request_places{"proxy_server_request.", "proxy_server_request.body."};

class LitellmJson final : public JsonRecords {
 public:
  LitellmJson(const ReadingContext& context, Sink& sink) : JsonRecords{context, sink} {
    fields_.add(here, spend_rows());
    request_fields_.add(request_places, request_rows());
  }

 private:
  void begin_record() override {
    holds_records_ = open_records() > 1;
    row_.clear();
  }
  void end_record() override {
    // What holds the rows is none.
    if (holds_records_ && open_records() == 1) return;
    row_.tell(place(), sink_);
  }
  void drop_records() override {}
  void inside(json::Path path, json::Kind) override { row_.request().inside(request_fields_.find(path)); }
  bool wants(json::Path path) override { return fields_.find(path) != SpendField::none || request_fields_.find(path) != RequestField::none; }
  void value(json::Path path, json::Kind kind, std::string_view, std::string_view text) override {
    if (kind == json::Kind::null) return;
    if (const RequestField asked = request_fields_.find(path); asked != RequestField::none) row_.request().value(asked, kind, text);
    const SpendField field = fields_.find(path);
    if (field == SpendField::metadata || field == SpendField::request) {
      if (kind == json::Kind::string) read_nested(path, text);
    } else {
      row_.take(field, text);
    }
  }

  FieldTable<SpendField> fields_;
  FieldTable<RequestField> request_fields_;
  SpendRow row_;
  bool holds_records_ = false;
};

/// Members of a column that holds JSON.
class Column final : public json::Handler {
 public:
  Column(const FieldTable<SpendField>& fields, const FieldTable<RequestField>& request_fields, SpendRow& row)
      : fields_{fields}, request_fields_{request_fields}, row_{row} {}

  Children begin(json::Path path, json::Kind, std::string_view) override {
    row_.request().inside(request_fields_.find(path));
    return Children::onwards;
  }
  void end(json::Path, json::Kind) override {}
  bool wants(json::Path path) override { return fields_.find(path) != SpendField::none || request_fields_.find(path) != RequestField::none; }
  void value(json::Path path, json::Kind kind, std::string_view, std::string_view text) override {
    if (kind == json::Kind::null) return;
    if (const RequestField asked = request_fields_.find(path); asked != RequestField::none) row_.request().value(asked, kind, text);
    row_.take(fields_.find(path), text);
  }
  void broken(Trouble) override {}  // What was told up to the cut is good.

 private:
  const FieldTable<SpendField>& fields_;
  const FieldTable<RequestField>& request_fields_;
  SpendRow& row_;
};

class LitellmCsv final : public Reader {
 public:
  LitellmCsv(const ReadingContext& context, Sink& sink) : context_{context}, sink_{sink} {
    fields_.add(here, spend_rows());
    request_fields_.add(request_places, request_rows());
  }

  void read(std::string_view bytes) override {
    csv_.feed(
        bytes, [this](std::span<const std::string> fields, std::uint64_t line) { record(fields, line); },
        [this](std::uint64_t line) { sink_.skipped({context_.source, line}, Skip::too_long); });
  }
  void finish() override {
    csv_.finish([this](std::span<const std::string> fields, std::uint64_t line) { record(fields, line); });
  }

 private:
  void record(std::span<const std::string> fields, std::uint64_t line);

  ReadingContext context_;
  Sink& sink_;
  Csv csv_;
  FieldTable<SpendField> fields_;
  FieldTable<RequestField> request_fields_;
  std::vector<SpendField> columns_;
  std::size_t width_ = 0;
  SpendRow row_;
};

void LitellmCsv::record(std::span<const std::string> fields, std::uint64_t line) {
  const auto field_of = [this](std::string_view heading) {
    if (heading.starts_with("\xef\xbb\xbf")) heading.remove_prefix(3);
    return heading.find_first_of(".[") == std::string_view::npos ? fields_.find(json::path_of(heading)) : SpendField::none;
  };
  // Files that were put behind each other repeat the heading.
  if (width_ == 0 || (fields.size() == width_ && field_of(fields[0]) == columns_[0] && std::ranges::find(fields, "prompt_tokens") != fields.end())) {
    columns_.clear();
    for (const std::string& heading : fields) columns_.push_back(field_of(heading));
    width_ = fields.size();
    return;
  }
  if (fields.size() != width_) return sink_.skipped({context_.source, line}, Skip::malformed);
  row_.clear();
  for (std::size_t i = 0; i < width_; ++i) {
    const bool holds_json = columns_[i] == SpendField::metadata || columns_[i] == SpendField::request;
    if (holds_json && fields[i].starts_with('{')) {
      Column column{fields_, request_fields_, row_};
      json::Events events{column, json::path_member(json::root_path, columns_[i] == SpendField::metadata ? "metadata" : "proxy_server_request")};
      events.feed(fields[i]);
      events.finish();
    } else {
      row_.take(columns_[i], fields[i]);
    }
  }
  row_.tell({context_.source, line}, sink_);
}

}  // namespace

bool looks_like_litellm_json(std::string_view begin) {
  const std::size_t first = begin.find_first_not_of(" \t\r\n\xef\xbb\xbf");
  if (first == std::string_view::npos || (begin[first] != '{' && begin[first] != '[')) return false;
  const auto has = [&](std::string_view text) { return begin.find(text) != std::string_view::npos; };
  if (has("\"startTime\"") && has("\"prompt_tokens\"") && (has("\"call_type\"") || has("\"spend\""))) return true;
  return has("\"successful_requests\"") && has("\"prompt_tokens\"") && has("\"date\"");
}

std::unique_ptr<Reader> make_litellm_json(const ReadingContext& context, Sink& sink) { return std::make_unique<LitellmJson>(context, sink); }

bool looks_like_litellm_csv(std::string_view begin) {
  const std::string_view heading = begin.substr(0, begin.find('\n'));
  const auto has = [&](std::string_view text) { return heading.find(text) != std::string_view::npos; };
  if (heading.starts_with('{') || !has(",") || !has("prompt_tokens")) return false;
  return (has("startTime") && has("completion_tokens")) || (has("successful_requests") && has("date"));
}

std::unique_ptr<Reader> make_litellm_csv(const ReadingContext& context, Sink& sink) { return std::make_unique<LitellmCsv>(context, sink); }

}  // namespace bellwether::audit
