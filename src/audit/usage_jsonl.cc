#include "audit/usage_jsonl.h"

#include <algorithm>
#include <cmath>

#include "audit/request_line.h"
#include "audit/time_text.h"

namespace bellwether::audit {

enum class UsageJsonl::Field : std::uint8_t {
  none,
  id,
  model,
  object,
  url,
  type,
  begin,
  end,
  first,
  at,
  latency_ms,
  latency_s,
  first_ms,
  first_s,
  input,
  cached,
  hit,
  read_apart,
  written_apart,
  output,
  details_input,
  details_output,
  details_total,
  details_other,
  requests,
  status,
  failure,
  level,
  choices,
  nested,
};

namespace {

using std::chrono::milliseconds;

// Of a bucket's results, grouped by model, key and project; a page of the API has at most some hundred.
constexpr std::size_t results_max = 4096;

constexpr std::array<std::string_view, 6> answer_places{"", "response.", "response.body.", "response_body.", "completion.", "result."};
constexpr std::array<std::string_view, 7> request_places{"request.", "request.body.", "request.extra_body.", "request_body.",
                                                         "body.",    "kwargs.",       "modelParameters."};
constexpr std::array<std::string_view, 1> here{""};

constexpr json::Path langfuse_details = json::path_of("usageDetails");

std::optional<double> milliseconds_between(std::optional<Instant> begin, std::optional<Instant> end) {
  if (!begin || !end || *end < *begin) return std::nullopt;
  return static_cast<double>((*end - *begin).count());
}

std::optional<milliseconds> duration_of(std::optional<double> ms) {
  // A week: no request takes longer, and a field in another unit is not believed.
  if (!ms || !(*ms >= 0) || *ms > 6e8) return std::nullopt;
  return milliseconds(std::llround(*ms));
}

}  // namespace

bool looks_like_usage_jsonl(std::string_view begin) {
  const std::size_t first = begin.find_first_not_of(" \t\r\n\xef\xbb\xbf");
  if (first == std::string_view::npos || (begin[first] != '{' && begin[first] != '[')) return false;
  const auto has = [&](std::string_view text) { return begin.find(text) != std::string_view::npos; };
  if (has("\"usage\"") && (has("\"prompt_tokens\"") || has("\"input_tokens\"") || has("\"promptTokens\""))) return true;
  if (has("\"num_model_requests\"") && has("\"input_tokens\"")) return true;
  if (has("\"usageDetails\"") || (has("\"traceId\"") && has("\"startTime\""))) return true;
  if (has("\"object\"") && (has("\"chat.completion") || has("\"text_completion\"") || has("\"bucket\""))) return true;
  return has("\"request\"") && has("\"response\"") && has("\"messages\"");
}

UsageJsonl::UsageJsonl(const ReadingContext& context, Sink& sink) : JsonRecords{context, sink} {
  using Row = FieldTable<Field>::Row;
  static constexpr std::array answer_rows{
      Row{"id", Field::id},
      Row{"model", Field::model},
      Row{"object", Field::object},
      Row{"created", Field::begin},
      Row{"created_at", Field::begin},
      Row{"usage.prompt_tokens", Field::input},
      Row{"usage.input_tokens", Field::input},
      Row{"usage.completion_tokens", Field::output},
      Row{"usage.output_tokens", Field::output},
      Row{"usage.prompt_tokens_details.cached_tokens", Field::cached},
      Row{"usage.input_tokens_details.cached_tokens", Field::cached},
      Row{"usage.prompt_cache_hit_tokens", Field::hit},
      Row{"usage.cache_read_input_tokens", Field::read_apart},
      Row{"usage.cache_creation_input_tokens", Field::written_apart},
      Row{"choices[]", Field::choices},
      Row{"error", Field::failure},
      Row{"metrics.time_to_first_token_ms", Field::first_ms},
      Row{"status_code", Field::status},
  };
  static constexpr std::array record_rows{
      Row{"url", Field::url},
      Row{"path", Field::url},
      Row{"endpoint", Field::url},
      Row{"request.url", Field::url},
      Row{"request_id", Field::id},
      Row{"custom_id", Field::id},
      Row{"timestamp", Field::at},
      Row{"time", Field::at},
      Row{"ts", Field::at},
      Row{"@timestamp", Field::at},
      Row{"start_time", Field::begin},
      Row{"startTime", Field::begin},
      Row{"end_time", Field::end},
      Row{"endTime", Field::end},
      Row{"completionStartTime", Field::first},
      Row{"latency_ms", Field::latency_ms},
      Row{"duration_ms", Field::latency_ms},
      Row{"x_latency_ms", Field::latency_ms},
      Row{"latency", Field::latency_s},
      Row{"duration", Field::latency_s},
      Row{"ttft_ms", Field::first_ms},
      Row{"timeToFirstToken", Field::first_s},
      Row{"status", Field::status},
      Row{"response.status", Field::status},
      Row{"request", Field::nested},
      Row{"response", Field::nested},
      Row{"body", Field::nested},
      // OpenAI's organisation usage.
      Row{"input_tokens", Field::input},
      Row{"output_tokens", Field::output},
      Row{"input_cached_tokens", Field::cached},
      Row{"num_model_requests", Field::requests},
      // Langfuse.
      Row{"type", Field::type},
      Row{"level", Field::level},
      Row{"usageDetails.input", Field::details_input},
      Row{"usageDetails.output", Field::details_output},
      Row{"usageDetails.total", Field::details_total},
      Row{"usage.input", Field::input},
      Row{"usage.output", Field::output},
      Row{"usage.promptTokens", Field::input},
      Row{"usage.completionTokens", Field::output},
      Row{"promptTokens", Field::input},
      Row{"completionTokens", Field::output},
  };
  fields_.add(answer_places, answer_rows);
  fields_.add(here, record_rows);
  request_fields_.add(request_places, request_rows());
}

void UsageJsonl::Record::clear() {
  for (std::string* text : {&id, &model, &object, &url, &type}) text->clear();
  for (auto* time : {&begin, &end, &first, &at}) time->reset();
  for (auto* count : {&input, &cached, &hit, &written, &details_input, &details_cached, &details_output, &details_total, &output, &requests}) count->reset();
  latency_ms.reset();
  first_ms.reset();
  status.reset();
  input_excludes_cached = failed = has_choices = holds_records = is_bucket = absurd = false;
  request.clear();
  totals.clear();
  models.clear();
}

void UsageJsonl::begin_record() {
  if (depth_ > 0) records_[depth_ - 1].holds_records = true;
  if (depth_ == records_.size()) records_.emplace_back();
  records_[depth_++].clear();
}

void UsageJsonl::inside(json::Path path, json::Kind kind) {
  if (depth_ == 0) return;
  Record& record = records_[depth_ - 1];
  const Field field = fields_.find(path);
  if (field == Field::failure) record.failed = true;
  if (field == Field::choices) record.has_choices = true;
  if (kind == json::Kind::object || kind == json::Kind::array) record.request.inside(request_fields_.find(path));
}

bool UsageJsonl::wants(json::Path path) { return fields_.find(path) != Field::none || request_fields_.find(path) != RequestField::none; }

void UsageJsonl::value(json::Path path, json::Kind kind, std::string_view key, std::string_view text) {
  if (depth_ == 0) return;
  Record& record = records_[depth_ - 1];
  if (const RequestField asked = request_fields_.find(path); asked != RequestField::none) record.request.value(asked, kind, text);
  if (kind == json::Kind::null) return;
  Field field = fields_.find(path);
  if (field == Field::none && kind == json::Kind::number && path == json::path_member(langfuse_details, key)) field = Field::details_other;
  if (field == Field::nested) {
    if (kind == json::Kind::string) read_nested(path, text);
    return;
  }
  take(record, field, kind, key, text);
}

void UsageJsonl::take(Record& record, Field field, json::Kind kind, std::string_view key, std::string_view text) {
  const auto count = [&](std::optional<std::uint64_t>& into) {
    const auto number = to_count(text);
    if (number) into = number;
    else record.absurd = true;
  };
  const auto time = [&](std::optional<Instant>& into) {
    // Epoch numbers and RFC 3339 both occur under every name.
    if (const auto at = read_time(text, context_.zone)) into = at;
  };
  switch (field) {
    case Field::none:
    case Field::nested: return;
    case Field::id:
      // An answer's own id is the better one: a batch's custom_id, a log's request_id come where there is none, or later.
      if (record.id.empty() || key == "id") record.id.assign(text);
      return;
    case Field::model: record.model.assign(text); return;
    case Field::object: record.object.assign(text); return;
    case Field::url: record.url.assign(text); return;
    case Field::type: record.type.assign(text); return;
    case Field::begin: return time(record.begin);
    case Field::end: return time(record.end);
    case Field::first: return time(record.first);
    case Field::at: return time(record.at);
    case Field::latency_ms: record.latency_ms = to_double(text); return;
    case Field::latency_s:
      if (const auto seconds = to_double(text)) record.latency_ms = *seconds * 1e3;
      return;
    case Field::first_ms: record.first_ms = to_double(text); return;
    case Field::first_s:
      if (const auto seconds = to_double(text)) record.first_ms = *seconds * 1e3;
      return;
    case Field::input: return count(record.input);
    case Field::cached: return count(record.cached);
    case Field::hit: return count(record.hit);
    case Field::read_apart: record.input_excludes_cached = true; return count(record.cached);
    case Field::written_apart: record.input_excludes_cached = true; return count(record.written);
    case Field::output: return count(record.output);
    case Field::details_input: return count(record.details_input);
    case Field::details_output: return count(record.details_output);
    case Field::details_total: return count(record.details_total);
    case Field::details_other:
      if (key.find("cache") == std::string_view::npos || key.find("output") != std::string_view::npos) return;
      // Several may be: what was read and what was written.
      if (const auto more = to_count(text)) record.details_cached = record.details_cached.value_or(0) + *more;
      return;
    case Field::requests: return count(record.requests);
    case Field::status:
      if (kind == json::Kind::number) record.status = to_double(text);
      else if (text == "failed" || text == "error") record.failed = true;
      return;
    case Field::failure: record.failed = record.failed || (kind == json::Kind::string && !text.empty()); return;
    case Field::level: record.failed = record.failed || text == "ERROR"; return;
    case Field::choices: record.has_choices = true; return;
  }
}

void UsageJsonl::end_record() {
  Record& record = records_[--depth_];
  if (record.requests && depth_ > 0) return keep_result(records_[depth_ - 1], record);
  if (record.is_bucket || record.object == "bucket") return tell_bucket(record);
  const bool has_usage = record.input || record.output || record.details_input || record.details_output;
  const bool is_chunk = record.object.ends_with(".chunk");
  const bool is_answer = record.has_choices || (record.failed && (!record.model.empty() || !record.request.model().empty()));
  const bool is_trace = !record.type.empty() && (record.type == "SPAN" || record.type == "EVENT");
  if (record.absurd) return skip(Skip::impossible_value);
  if (!is_trace && (has_usage || (is_answer && !is_chunk))) return tell_request(record);
  // An embedding of an answer, or a list around what was told already.
  if (depth_ == 0 && !record.holds_records) skip(Skip::not_of_this_log);
}

void UsageJsonl::tell_request(const Record& record) {
  RequestSeen seen{.place = place(), .log = RequestLog::usage_records, .id = record.id};
  seen.model = record.model.empty() ? std::string_view(record.request.model()) : std::string_view(record.model);
  seen.input_tokens = record.input;
  seen.output_tokens = record.output;
  seen.cached_input_tokens = record.hit ? record.hit : record.cached;
  if (record.input_excludes_cached && record.input) *seen.input_tokens += record.cached.value_or(0) + record.written.value_or(0);
  if (record.details_input || record.details_output) {
    // Langfuse's kinds of use do not overlap, so that cached tokens are to be added; where the total says otherwise, it is right.
    const std::uint64_t input = record.details_input.value_or(0), output = record.details_output.value_or(0), cached = record.details_cached.value_or(0);
    const bool overlap = cached > 0 && record.details_total && *record.details_total == input + output;
    seen.input_tokens = overlap ? input : input + cached;
    seen.output_tokens = output;
    if (record.details_cached) seen.cached_input_tokens = cached;
  }
  if (seen.cached_input_tokens && seen.input_tokens && *seen.cached_input_tokens > *seen.input_tokens) return skip(Skip::impossible_value);
  // An embedding's usage has no output, and some write null.
  if (seen.input_tokens && !seen.output_tokens) seen.output_tokens = 0;
  seen.output_tokens_max = record.request.tokens_max();
  const std::optional<double> span = milliseconds_between(record.begin, record.end);
  seen.latency = duration_of(record.latency_ms ? record.latency_ms : span);
  seen.first_token = duration_of(record.first_ms ? record.first_ms : milliseconds_between(record.begin, record.first));
  // OpenAI's `created` is when the answer began.
  if (record.end) seen.end = record.end;
  else if (record.at) seen.end = record.at;
  else if (record.begin) seen.end = *record.begin + seen.latency.value_or(milliseconds(0));
  seen.features = record.request.features() | served_by_model("POST", record.url).value_or(Feature::none);
  if (record.object.ends_with(".chunk")) seen.features = seen.features | Feature::streaming;
  if (record.status) seen.outcome = outcome_of_status(static_cast<int>(std::clamp(*record.status, -1.0, 999.0)));
  if (record.failed) seen.outcome = Outcome::failed;
  sink_.seen(seen);
}

void UsageJsonl::keep_result(Record& bucket, const Record& result) {
  bucket.is_bucket = true;
  if (result.absurd || result.cached.value_or(0) > result.input.value_or(0)) return skip(Skip::impossible_value);
  if (bucket.totals.size() == results_max) return skip(Skip::too_long);
  bucket.totals.push_back({.place = place(),
                           .requests = *result.requests,
                           .input_tokens = result.input.value_or(0),
                           .cached_input_tokens = result.cached.value_or(0),
                           .output_tokens = result.output.value_or(0)});
  bucket.models.push_back(result.model);
}

void UsageJsonl::tell_bucket(Record& bucket) {
  if (!bucket.begin || !bucket.end || *bucket.end <= *bucket.begin) return skip(Skip::no_time);
  for (std::size_t i = 0; i < bucket.totals.size(); ++i) {
    bucket.totals[i].begin = *bucket.begin;
    bucket.totals[i].end = *bucket.end;
    bucket.totals[i].model = bucket.models[i];
    sink_.seen(bucket.totals[i]);
  }
}

std::unique_ptr<Reader> make_usage_jsonl(const ReadingContext& context, Sink& sink) { return std::make_unique<UsageJsonl>(context, sink); }

}  // namespace bellwether::audit
