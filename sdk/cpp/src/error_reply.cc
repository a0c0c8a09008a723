#include "error_reply.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "http/date.h"
#include "http/head.h"
#include "json_object.h"

namespace bellwether::client {
namespace {

// Of a body that is no JSON, so much is shown: enough to recognise a proxy's page.
constexpr std::size_t shown_max = 200;

ErrorKind kind_of(int status) {
  switch (status) {
    case 400: return ErrorKind::bad_request;
    case 401: return ErrorKind::authentication;
    case 403: return ErrorKind::permission_denied;
    case 404: return ErrorKind::not_found;
    case 409: return ErrorKind::conflict;
    case 422: return ErrorKind::unprocessable;
    case 429: return ErrorKind::rate_limit;
    default: return status >= 500 ? ErrorKind::internal_server : ErrorKind::other_status;
  }
}

std::optional<double> to_number(std::string_view text) {
  double number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || read.ec != std::errc{} || read.ptr != text.data() + text.size() || !std::isfinite(number)) return std::nullopt;
  return number;
}

/// Milliseconds first, then seconds or a date, as OpenAI's SDKs read them.
std::optional<std::chrono::milliseconds> retry_after_of(const ReplyFields& fields, WallTime now) {
  // More than a year is as good as never, and does not overflow.
  static constexpr double ms_max = 366.0 * 24 * 3600 * 1000;
  const auto of_ms = [](double ms) { return std::chrono::milliseconds{static_cast<std::int64_t>(std::clamp(std::ceil(ms), 0.0, ms_max))}; };
  if (const std::optional<double> ms = to_number(fields.retry_after_ms)) return of_ms(*ms);
  if (const std::optional<double> seconds = to_number(fields.retry_after)) return of_ms(*seconds * 1000);
  if (const std::optional<WallTime> at = http::read_date(fields.retry_after)) return of_ms(std::chrono::duration<double, std::milli>(*at - now).count());
  return std::nullopt;
}

/// The usual {"error":{…}}, vLLM's {"error":"text"}, and the flat object of its older versions.
void read_body(Error& error, std::string_view body) {
  const std::optional<JsonObject> document = JsonObject::read(body);
  if (document) {
    const JsonObject inner = document->object("error");
    const JsonObject& says = inner.has("message") ? inner : *document;
    error.message = says.text("message");
    error.code = says.text_or_number("code");
    error.type = says.text("type");
    error.param = says.text("param");
    if (error.message.empty()) error.message = document->text("error");
    if (error.message.empty()) error.message = document->text("detail");
  }
  if (!error.message.empty()) return;
  const std::string_view shown = body.substr(0, shown_max);
  error.message = "HTTP " + std::to_string(error.http_status) + " " + std::string(http::reason_phrase(error.http_status));
  if (!shown.empty()) error.message.append(": ").append(shown);
}

}  // namespace

Error error_of_reply(int status, const ReplyFields& fields, std::string_view body, WallTime now) {
  Error error{.kind = kind_of(status), .http_status = status, .request_id = fields.request_id};
  error.retry_after = retry_after_of(fields, now);
  if (fields.should_retry == "true") error.should_retry = true;
  if (fields.should_retry == "false") error.should_retry = false;
  read_body(error, body);
  return error;
}

std::optional<Error> error_within(std::string_view document, ErrorKind kind) {
  const std::optional<JsonObject> object = JsonObject::read(document);
  if (!object) return std::nullopt;
  const std::string_view told = object->raw("error");
  if (told.empty() || told == "null" || told == "false") return std::nullopt;
  Error error{.kind = kind};
  read_body(error, document);
  return error;
}

}  // namespace bellwether::client
