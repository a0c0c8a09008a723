// The one place where a failure becomes what a caller reads: status, fields and OpenAI's error object.
#pragma once

#include <string>
#include <string_view>

#include "base/failure.h"

namespace bellwether::api {

/// What differs between installations.
struct Compat {
  int unknown_model_status = 400;  ///< 400 or 404
};

struct FailureReply {
  int status = 500;
  std::string body;         ///< {"error":{"message","type","param","code"}}
  std::string retry_after;  ///< Whole seconds; empty: no such field.
  std::string retry_after_ms;
  bool never_retry = false;  ///< x-should-retry: false
};

/// `model` is the canonical name where it is known; `attempts` how many upstreams were asked. Nothing internal gets in:
/// the failure's detail is not looked at.
[[nodiscard]] FailureReply reply_of(const Failure& failure, std::string_view model, std::uint32_t attempts, const Compat& compat);

/// The same as the last event of a stream that has begun: `data: {"error":{…}}` and a blank line.
[[nodiscard]] std::string event_of(const Failure& failure, std::string_view model, std::uint32_t attempts, const Compat& compat);

}  // namespace bellwether::api
