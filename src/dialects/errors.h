// What upstreams say when they refuse: every shape of error body, and what it means to us.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/failure.h"
#include "json/reader.h"

namespace bellwether::dialects {

/// An error body, read. Whatever it does not say is empty.
struct UpstreamError {
  std::string message;
  std::string type;
  std::string code;  ///< As text; an integer code is in `status_in_body` too.
  std::string param;
  std::optional<int> status_in_body;  ///< vLLM and llama-server write the HTTP status as `code`.
};

/// Reads OpenAI's and vLLM's nested object, vLLM's flat one up to 0.10.0, a string as `error`, FastAPI's `detail`, one wrapped in an
/// array. Plain text gives its first line as the message; HTML and JSON that was cut give none.
[[nodiscard]] UpstreamError read_error(std::string_view body, json::Reader& reader);

/// What a status and an error mean (PRODUCT.md §6, wire.md §H). Secrets in the message are masked; `detail`, which is for logs, says
/// nothing of what the caller wrote.
[[nodiscard]] Failure failure_of(int status, const UpstreamError& error);

/// Whether the message is about the context's length, in any upstream's words (wire.md §A.3.2, E.3).
[[nodiscard]] bool is_about_context_length(std::string_view message, std::string_view type, std::string_view code);

/// Whether the message says that a filter refused the content, in any upstream's words.
[[nodiscard]] bool is_about_content(std::string_view message, std::string_view type, std::string_view code);

/// Whether a 503 says that the model is being loaded or the service scaled (wire.md §A.3.2, E.2): not ready, but not broken.
[[nodiscard]] bool is_about_loading(std::string_view message);

/// What a refused continuation means (wire.md §F.1): whatever the upstream found wrong with the request that we made of the caller's
/// own is cannot_continue, because the caller's request itself was accepted once. Other failures (busy, down, denied) stay what they are.
[[nodiscard]] Failure as_refused_continuation(Failure failure);

}  // namespace bellwether::dialects
