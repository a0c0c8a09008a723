#include "api/failure_reply.h"

#include <fmt/format.h>

#include "json/reader.h"

namespace bellwether::api {
namespace {

std::string in_words(std::uint32_t attempts) { return attempts == 1 ? "1 attempt was made" : fmt::format("{} attempts were made", attempts); }

/// The reason's own sentence, for failures that bring no words for the caller.
std::string sentence_of(const Failure& failure, std::string_view model, std::uint32_t attempts) {
  const std::string about_model = model.empty() ? std::string{} : fmt::format(" for model {}", model);
  switch (failure.reason) {
    case Reason::key_rejected: return "Incorrect API key provided.";
    case Reason::model_forbidden: return "This API key may not use the model.";
    case Reason::request_malformed: return "The request could not be read.";
    case Reason::request_too_large: return "The request is too large.";
    case Reason::request_too_slow: return "The request did not arrive in time.";
    case Reason::endpoint_unknown: return "Unknown request URL.";
    case Reason::method_not_allowed: return "This URL does not take that method.";
    case Reason::model_unknown: return "Model not found.";
    case Reason::expectation_failed: return "The Expect field asks for something other than 100-continue.";
    case Reason::encoding_unknown: return "The request's body has a Content-Encoding; it is taken as it is only.";
    case Reason::not_built_yet: return "This is not there yet.";
    case Reason::overloaded: return "The gateway is overloaded; try again shortly.";
    case Reason::shutting_down: return "The gateway is shutting down; try again.";
    case Reason::caller_gone: return "The caller hung up.";
    case Reason::upstream_unreachable: return fmt::format("No upstream could be reached{} ({}).", about_model, in_words(attempts));
    case Reason::upstream_busy: return fmt::format("Rate limit exceeded{}: the upstream asks to wait ({}).", about_model, in_words(attempts));
    case Reason::upstream_loading: return fmt::format("The upstream is still loading its model{} ({}).", about_model, in_words(attempts));
    case Reason::upstream_timeout: return fmt::format("The upstream did not answer in time{} ({}).", about_model, in_words(attempts));
    case Reason::upstream_down:
    case Reason::upstream_denied_us:
    case Reason::upstream_lacks_model: return fmt::format("The upstream failed to answer{} ({}).", about_model, in_words(attempts));
    case Reason::cannot_continue:
    case Reason::upstream_broken: return fmt::format("The upstream's answer broke off or could not be read{} ({}).", about_model, in_words(attempts));
    case Reason::upstream_refused: return "The upstream refused the request.";
    case Reason::content_filtered: return "The upstream's content filter refused the request.";
    case Reason::context_too_long: return "The request does not fit into the model's context.";
    case Reason::no_upstream: return fmt::format("No upstream serves this{}.", about_model);
    case Reason::store_failed:
    case Reason::internal: break;
  }
  return "The gateway failed to handle this request; its operator finds more in the log under the request id.";
}

void append_error(std::string& out, const Failure& failure, std::string_view model, std::uint32_t attempts) {
  const Meaning& meaning = meaning_of(failure.reason);
  const std::string_view code = failure.code.empty() ? meaning.api_code : std::string_view(failure.code);
  out += R"({"error":{"message":)";
  json::append_quoted(out, failure.about.text.empty() ? sentence_of(failure, model, attempts) : failure.about.text.str());
  out += R"(,"type":)";
  json::append_quoted(out, meaning.api_type);
  out += R"(,"param":)";
  if (failure.param.empty()) out += "null";
  else json::append_quoted(out, failure.param);
  out += R"(,"code":)";
  if (code.empty()) out += "null";
  else json::append_quoted(out, code);
  out += "}}";
}

int status_of(const Failure& failure, const Compat& compat) {
  if (failure.http_status != 0) return failure.http_status;
  return failure.reason == Reason::model_unknown ? compat.unknown_model_status : meaning_of(failure.reason).http_status;
}

}  // namespace

FailureReply reply_of(const Failure& failure, std::string_view model, std::uint32_t attempts, const Compat& compat) {
  FailureReply reply;
  reply.status = status_of(failure, compat);
  append_error(reply.body, failure, model, attempts);
  std::int64_t wait_ms = failure.retry_after_ms;
  const bool ours_to_wait = failure.reason == Reason::overloaded || failure.reason == Reason::shutting_down;
  if (wait_ms < 0 && ours_to_wait) wait_ms = 1000;
  if (wait_ms >= 0) {
    reply.retry_after = std::to_string((wait_ms + 999) / 1000);
    reply.retry_after_ms = std::to_string(wait_ms);
  }
  return reply;
}

std::string event_of(const Failure& failure, std::string_view model, std::uint32_t attempts, const Compat&) {
  std::string event = "data: ";
  append_error(event, failure, model, attempts);
  event += "\n\n";
  return event;
}

}  // namespace bellwether::api
