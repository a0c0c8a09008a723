// What can go wrong with a call, as a value.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "bellwether/export.hpp"

namespace bellwether::inline v1 {

/// The first eight are OpenAI's classes of a refused request, by HTTP status; the rest happen on this side of it.
enum class ErrorKind : std::uint8_t {
  bad_request,        ///< 400
  authentication,     ///< 401
  permission_denied,  ///< 403
  not_found,          ///< 404
  conflict,           ///< 409
  unprocessable,      ///< 422
  rate_limit,         ///< 429
  internal_server,    ///< 500 and above; also an answer that cannot be read.
  other_status,       ///< Any other status that is no success: 402, 405, 408, 413 …
  connection,         ///< No connection, or it ended before the answer did: refused, DNS, TLS, reset.
  timeout,            ///< No byte for as long as `timeout`, or the call's `deadline` passed.
  cancelled,          ///< The stop token said so.
  stream_cut,         ///< A stream ended before its answer was whole, or told of an error itself.
  invalid_key,        ///< No key, or one with a typo: nothing was sent.
  invalid_argument,   ///< A setting or a member of the request cannot be used: nothing was sent.
};

/// The kind in words, as it is written above.
[[nodiscard]] BELLWETHER_API std::string_view name_of(ErrorKind kind) noexcept;

/// Why a call failed.
struct BELLWETHER_API Error {
  ErrorKind kind = ErrorKind::invalid_argument;
  int http_status = 0;          ///< Of the last reply; 0 where there was none.
  std::string code = {};        ///< The server's `error.code`, such as `model_not_found`; for what happens on this side a word of ours.
  std::string type = {};        ///< The server's `error.type`.
  std::string param = {};       ///< The member of the request at fault, where one is named.
  std::string message = {};     ///< A sentence for people. Never holds the key.
  std::string request_id = {};  ///< The server's `x-request-id`: what to quote when asking its operator.
  std::optional<std::chrono::milliseconds> retry_after = {};  ///< How long the server asked to be left alone.
  std::optional<bool> should_retry = {};                      ///< The server's own word on trying again (`x-should-retry`).
  int attempts = 0;                                           ///< How many requests were made for this call; 0: nothing was sent.

  /// Whether the same call may succeed later. The client has already used its own retries.
  [[nodiscard]] bool retryable() const noexcept;
  /// One line with everything that is known, for a log.
  [[nodiscard]] std::string to_string() const;
};

}  // namespace bellwether::inline v1
