#include "audit/gateway_log.h"

#include <cmath>
#include <string>

#include "audit/json_records.h"
#include "audit/request_fields.h"
#include "audit/request_line.h"
#include "audit/time_text.h"

namespace bellwether::audit {
namespace {

using std::chrono::milliseconds;

enum class Field : std::uint8_t { none, at, id, method, endpoint, status, model, stream, caller_gone, input, cached, output, total_ms, first_ms };

using Row = FieldTable<Field>::Row;
constexpr std::array rows{
    Row{"at", Field::at},
    Row{"request_id", Field::id},
    Row{"method", Field::method},
    Row{"endpoint", Field::endpoint},
    Row{"status", Field::status},
    Row{"model", Field::model},
    Row{"stream", Field::stream},
    Row{"caller_gone", Field::caller_gone},
    Row{"input_tokens", Field::input},
    Row{"cached_input_tokens", Field::cached},
    Row{"output_tokens", Field::output},
    Row{"total_ms", Field::total_ms},
    Row{"first_token_ms", Field::first_ms},
};
constexpr std::array<std::string_view, 1> here{""};

class GatewayLog final : public JsonRecords {
 public:
  GatewayLog(const ReadingContext& context, Sink& sink) : JsonRecords{context, sink} { fields_.add(here, rows); }

 private:
  void begin_record() override {
    if (open_records() > 1) return;  // No record of this log holds others.
    for (std::string* text : {&id_, &method_, &endpoint_, &model_}) text->clear();
    at_.reset();
    for (auto* number : {&status_, &input_, &cached_, &output_, &total_ms_, &first_ms_}) number->reset();
    stream_ = caller_gone_ = false;
  }
  void end_record() override;
  void drop_records() override {}
  void inside(json::Path, json::Kind) override {}
  bool wants(json::Path path) override { return fields_.find(path) != Field::none; }
  void value(json::Path path, json::Kind kind, std::string_view key, std::string_view text) override;

  FieldTable<Field> fields_;
  std::string id_, method_, endpoint_, model_;
  std::optional<Instant> at_;
  std::optional<double> status_, input_, cached_, output_, total_ms_, first_ms_;
  bool stream_ = false, caller_gone_ = false;
};

void GatewayLog::value(json::Path path, json::Kind, std::string_view, std::string_view text) {
  switch (fields_.find(path)) {
    case Field::none: return;
    case Field::at: at_ = read_time(text, nullptr); return;
    case Field::id: id_.assign(text); return;
    case Field::method: method_.assign(text); return;
    case Field::endpoint: endpoint_.assign(text); return;
    case Field::status: status_ = to_double(text); return;
    case Field::model: model_.assign(text); return;
    case Field::stream: stream_ = text == "true"; return;
    case Field::caller_gone: caller_gone_ = text == "true"; return;
    case Field::input: input_ = to_double(text); return;
    case Field::cached: cached_ = to_double(text); return;
    case Field::output: output_ = to_double(text); return;
    case Field::total_ms: total_ms_ = to_double(text); return;
    case Field::first_ms: first_ms_ = to_double(text); return;
  }
}

void GatewayLog::end_record() {
  if (open_records() > 1) return;
  if (id_.empty() || !status_) return skip(Skip::not_of_this_log);
  const std::optional<Feature> served = served_by_model(method_, endpoint_);
  if (!served) return skip(Skip::excluded);
  if (!at_) return skip(Skip::no_time);
  constexpr double tokens_max = 1e12;
  for (const auto* number : {&input_, &cached_, &output_, &total_ms_, &first_ms_})
    if (*number && !(**number >= 0 && **number <= tokens_max)) return skip(Skip::impossible_value);
  const auto count = [](std::optional<double> number) { return number ? std::optional(static_cast<std::uint64_t>(*number)) : std::nullopt; };
  const auto duration = [](std::optional<double> ms) { return ms ? std::optional(milliseconds(std::llround(*ms))) : std::nullopt; };
  RequestSeen seen{
      .place = place(), .log = RequestLog::gateway, .latency = duration(total_ms_), .first_token = duration(first_ms_), .id = id_, .model = model_};
  seen.end = *at_ + seen.latency.value_or(milliseconds(0));  // `at` is when the request was read.
  seen.input_tokens = count(input_);
  seen.cached_input_tokens = count(cached_);
  seen.output_tokens = count(output_);
  seen.features = *served | (stream_ ? Feature::streaming : Feature::none);
  seen.outcome = caller_gone_ ? Outcome::aborted : outcome_of_status(static_cast<int>(*status_));
  sink_.seen(seen);
}

}  // namespace

bool looks_like_gateway_log(std::string_view begin) {
  begin = begin.substr(0, begin.find('\n'));
  return begin.starts_with("{\"at\":\"") && begin.find("\"request_id\":\"req_") != std::string_view::npos;
}

std::unique_ptr<Reader> make_gateway_log(const ReadingContext& context, Sink& sink) { return std::make_unique<GatewayLog>(context, sink); }

}  // namespace bellwether::audit
