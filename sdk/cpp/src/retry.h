// Whether a failed attempt is made again, and after how long: the rules of OpenAI's SDKs (openai-python 3, `_base_client.py`). Pure.
#pragma once

#include <chrono>
#include <optional>

#include "bellwether/error.hpp"

namespace bellwether::client {

/// A server that asks for more is taken at its word: the call is given up.
inline constexpr std::chrono::seconds retry_after_max{120};

/// Nothing: give up. `retries` is how many were made so far, `share` a random number from 0 to 1.
[[nodiscard]] std::optional<std::chrono::nanoseconds> wait_before_retry(const Error& error, int retries, int retries_max, double share);

}  // namespace bellwether::client
