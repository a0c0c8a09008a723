#include "bellwether/error.hpp"

#include "retry.h"

namespace bellwether::inline v1 {

std::string_view name_of(ErrorKind kind) noexcept {
  switch (kind) {
    case ErrorKind::bad_request: return "bad_request";
    case ErrorKind::authentication: return "authentication";
    case ErrorKind::permission_denied: return "permission_denied";
    case ErrorKind::not_found: return "not_found";
    case ErrorKind::conflict: return "conflict";
    case ErrorKind::unprocessable: return "unprocessable";
    case ErrorKind::rate_limit: return "rate_limit";
    case ErrorKind::internal_server: return "internal_server";
    case ErrorKind::other_status: return "other_status";
    case ErrorKind::connection: return "connection";
    case ErrorKind::timeout: return "timeout";
    case ErrorKind::cancelled: return "cancelled";
    case ErrorKind::stream_cut: return "stream_cut";
    case ErrorKind::invalid_key: return "invalid_key";
    case ErrorKind::invalid_argument: return "invalid_argument";
  }
  return "unknown";
}

bool Error::retryable() const noexcept {
  if (retry_after && *retry_after > client::retry_after_max) return false;
  if (should_retry) return *should_retry;
  switch (kind) {
    case ErrorKind::conflict:
    case ErrorKind::rate_limit:
    case ErrorKind::connection:
    case ErrorKind::timeout:
    case ErrorKind::stream_cut: return true;
    // A success that could not be read would be charged again, and hardly be better.
    case ErrorKind::internal_server: return http_status >= 500;
    case ErrorKind::other_status: return http_status == 408;
    default: return false;
  }
}

std::string Error::to_string() const {
  std::string text{name_of(kind)};
  text += ": " + message;
  const auto add = [&text](std::string_view name, const std::string& value) {
    if (!value.empty()) (text += " ").append(name).append("=") += value;
  };
  if (http_status != 0) add("status", std::to_string(http_status));
  add("code", code);
  add("param", param);
  add("request_id", request_id);
  if (attempts > 1) add("attempts", std::to_string(attempts));
  return text;
}

}  // namespace bellwether::inline v1
