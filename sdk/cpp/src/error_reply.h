// What a server says when it refuses: a status, header fields and a body, made an Error. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "bellwether/error.hpp"

namespace bellwether::client {

/// What the head of a reply tells beside its status.
struct ReplyFields {
  std::string request_id;
  std::string retry_after_ms;
  std::string retry_after;
  std::string should_retry;
};

/// `body` must have room for padding behind it (`pad`).
[[nodiscard]] Error error_of_reply(int status, const ReplyFields& fields, std::string_view body, WallTime now);

/// The `error` member of a document that came as a success or as an event, if it holds one.
[[nodiscard]] std::optional<Error> error_within(std::string_view document, ErrorKind kind);

}  // namespace bellwether::client
