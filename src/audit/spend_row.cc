#include "audit/spend_row.h"

#include "audit/time_text.h"

namespace bellwether::audit {
namespace {

using std::chrono::milliseconds;
using Row = FieldTable<SpendField>::Row;

constexpr std::array rows{
    Row{"request_id", SpendField::id},
    Row{"call_type", SpendField::call_type},
    Row{"model", SpendField::model},
    Row{"model_group", SpendField::model_group},
    Row{"startTime", SpendField::start},
    Row{"completionStartTime", SpendField::first},
    Row{"endTime", SpendField::end},
    Row{"prompt_tokens", SpendField::input},
    Row{"completion_tokens", SpendField::output},
    Row{"status", SpendField::status},
    Row{"cache_hit", SpendField::cache_hit},
    Row{"metadata", SpendField::metadata},
    Row{"metadata.status", SpendField::status},
    Row{"metadata.usage_object.prompt_tokens_details.cached_tokens", SpendField::cached},
    Row{"metadata.usage_object.cache_read_input_tokens", SpendField::cached},
    Row{"metadata.usage_object.prompt_cache_hit_tokens", SpendField::cached},
    Row{"metadata.additional_usage_values.cache_read_input_tokens", SpendField::cached},
    Row{"metadata.additional_usage_values.prompt_tokens_details.cached_tokens", SpendField::cached},
    Row{"proxy_server_request", SpendField::request},
    Row{"date", SpendField::date},
    Row{"cache_read_input_tokens", SpendField::cached},
    Row{"successful_requests", SpendField::requests_ok},
    Row{"failed_requests", SpendField::requests_failed},
    Row{"api_requests", SpendField::requests_all},
};

bool is_true(std::string_view text) { return text == "true" || text == "True" || text == "TRUE" || text == "t" || text == "1"; }

Feature features_of_call(std::string_view type) {
  if (type.find("embedding") != std::string_view::npos) return Feature::embeddings;
  return type.find("rerank") != std::string_view::npos ? Feature::pooling : Feature::none;
}

/// Calls that LiteLLM logs and that no model of text served.
bool is_other_call(std::string_view type) {
  return type.find("image") != std::string_view::npos || type.find("speech") != std::string_view::npos || type.find("moderation") != std::string_view::npos;
}

}  // namespace

std::span<const Row> spend_rows() { return rows; }

void SpendRow::clear() {
  for (std::string* text : {&id_, &call_type_, &model_, &model_group_}) text->clear();
  for (auto* time : {&start_, &first_, &end_, &date_}) time->reset();
  for (auto* count : {&input_, &cached_, &output_, &ok_, &failed_, &all_}) count->reset();
  is_failure_ = is_cache_hit_ = is_absurd_ = false;
  request_.clear();
}

void SpendRow::take(SpendField field, std::string_view text) {
  if (text.empty() || text == "NULL" || text == "None" || text == "\\N") return;
  const auto count = [&](std::optional<std::uint64_t>& into) {
    const auto number = to_count(text);
    if (number) into = number;
    else is_absurd_ = true;
  };
  switch (field) {
    case SpendField::none:
    case SpendField::metadata:
    case SpendField::request: return;
    case SpendField::id: id_.assign(text); return;
    case SpendField::call_type: call_type_.assign(text); return;
    case SpendField::model: model_.assign(text); return;
    case SpendField::model_group: model_group_.assign(text); return;
    case SpendField::start: start_ = read_time(text, nullptr); return;
    case SpendField::first: first_ = read_time(text, nullptr); return;
    case SpendField::end: end_ = read_time(text, nullptr); return;
    case SpendField::date: date_ = read_time(text, nullptr); return;
    case SpendField::input: return count(input_);
    case SpendField::cached: return count(cached_);
    case SpendField::output: return count(output_);
    case SpendField::status: is_failure_ = is_failure_ || text == "failure" || text == "error"; return;
    case SpendField::cache_hit: is_cache_hit_ = is_true(text); return;
    case SpendField::requests_ok: return count(ok_);
    case SpendField::requests_failed: return count(failed_);
    case SpendField::requests_all: return count(all_);
  }
}

void SpendRow::tell(Place place, Sink& sink) const {
  if (date_ && (ok_ || all_)) return tell_day(place, sink);
  if (id_.empty() && !start_ && !end_) return sink.skipped(place, Skip::not_of_this_log);
  if (is_absurd_) return sink.skipped(place, Skip::impossible_value);
  if (is_other_call(call_type_)) return sink.skipped(place, Skip::excluded);
  RequestSeen seen{.place = place, .log = RequestLog::spend_log, .end = end_ ? end_ : start_, .id = id_, .model = model_group_.empty() ? model_ : model_group_};
  if (!seen.end) return sink.skipped(place, Skip::no_time);
  if (start_ && end_) {
    // Clocks of two machines, or set back in between.
    if (*end_ < *start_) return sink.skipped(place, Skip::impossible_value);
    seen.latency = *end_ - *start_;
    // LiteLLM sets it to the end where the answer was not streamed.
    if (first_ && *first_ >= *start_ && *first_ < *end_) seen.first_token = *first_ - *start_;
  }
  seen.input_tokens = input_;
  seen.output_tokens = output_;
  seen.cached_input_tokens = cached_;
  if (cached_ && input_ && *cached_ > *input_) return sink.skipped(place, Skip::impossible_value);
  seen.output_tokens_max = request_.tokens_max();
  seen.features = request_.features() | features_of_call(call_type_);
  seen.outcome = is_failure_ ? Outcome::failed : Outcome::served;
  seen.from_response_cache = is_cache_hit_;
  sink.seen(seen);
}

void SpendRow::tell_day(Place place, Sink& sink) const {
  if (is_absurd_ || cached_.value_or(0) > input_.value_or(0)) return sink.skipped(place, Skip::impossible_value);
  const std::uint64_t failed = failed_.value_or(0);
  const std::uint64_t all = all_.value_or(ok_.value_or(0) + failed);
  sink.seen(TotalSeen{.place = place,
                      .begin = *date_,
                      .end = *date_ + std::chrono::days(1),
                      .model = model_group_.empty() ? model_ : model_group_,
                      .requests = ok_.value_or(all >= failed ? all - failed : 0),
                      .failed_requests = failed,
                      .input_tokens = input_.value_or(0),
                      .cached_input_tokens = cached_.value_or(0),
                      .output_tokens = output_.value_or(0)});
}

}  // namespace bellwether::audit
