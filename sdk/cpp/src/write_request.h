// Requests as JSON. Pure.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "bellwether/completions.hpp"
#include "bellwether/embeddings.hpp"
#include "bellwether/error.hpp"
#include "operation.h"

namespace bellwether::client {

/// The body, or what is wrong with the request (invalid_argument, with the member's name as `param`).
using Body = std::variant<std::string, Error>;

[[nodiscard]] Body write_request(const ChatRequest& request, Wants wants);
[[nodiscard]] Body write_request(const CompletionRequest& request, Wants wants);
[[nodiscard]] Body write_request(const EmbeddingRequest& request);

}  // namespace bellwether::client
