#include "course.h"

#include <utility>

namespace bellwether::client {
namespace {

Error both_failed(const Error& primary, const Error& fallback) {
  Error both = fallback;
  both.code = "both_sides_failed";
  both.message = "Both sides failed. Primary: " + primary.to_string() + " Fallback: " + fallback.to_string();
  both.attempts = primary.attempts + fallback.attempts;
  return both;
}

}  // namespace

bool falls_back(const Error& error) {
  switch (error.kind) {
    case ErrorKind::connection:
    case ErrorKind::timeout:
    case ErrorKind::rate_limit: return true;
    // An error that came with status 200, or in a stream before anything was said: its type tells whose fault it is.
    case ErrorKind::internal_server:
    case ErrorKind::stream_cut: return error.type != "invalid_request_error" || error.http_status >= 500;
    default: return false;
  }
}

Course::~Course() {
  if (permit_ && side_ == Source::primary) breaker_.abandoned(*permit_);
}

void Course::answered() {
  if (side_ != Source::primary) return;
  if (permit_) breaker_.answered(*std::exchange(permit_, std::nullopt));
  else breaker_.healed();
}

void Course::began_to_stream(Moment now) {
  if (side_ != Source::primary || (permit_ && !permit_->probe)) return;
  answered();
  permit_ = breaker_.ask(now);
}

void Course::broke_off(const Error& error, Moment now) {
  if (side_ == Source::primary && permit_ && falls_back(error)) breaker_.failed(*std::exchange(permit_, std::nullopt), now, std::nullopt);
}

std::optional<Error> Course::failed(Error error, Moment now) {
  if (error.kind == ErrorKind::cancelled || error.kind == ErrorKind::invalid_key || error.kind == ErrorKind::invalid_argument) return error;
  if (!falls_back(error)) {
    answered();  // Whoever refuses a request is well.
    return error;
  }
  if (side_ == Source::primary) {
    if (permit_) breaker_.failed(*std::exchange(permit_, std::nullopt), now, error.retry_after);
    primary_error_ = std::move(error);
  } else {
    fallback_error_ = std::move(error);
  }
  if (primary_error_ && fallback_error_) return both_failed(*primary_error_, *fallback_error_);
  // The primary rests, and the fallback is down: better a try than none.
  side_ = fallback_error_ ? Source::primary : Source::fallback;
  return std::nullopt;
}

}  // namespace bellwether::client
