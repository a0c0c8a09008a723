// A request in our words. The body itself stays as it came; this holds where the few members stand that we read or change.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "chat/continuation.h"
#include "json/reader.h"

namespace bellwether::chat {

/// Which of the three generating endpoints was called.
enum class Endpoint : std::uint8_t { chat_completions, completions, embeddings };

/// Made by `read_request`. Views point into `body`, which must not change or move while this is used.
struct Request {
  Endpoint endpoint = Endpoint::chat_completions;
  std::string_view body;         ///< As it came, with json::padding bytes allocated behind it.
  std::string_view object;       ///< The top-level object within it, braces included.
  std::string model;             ///< As the caller wrote it, unescaped.
  std::string_view model_raw;    ///< Its place in the body, quotes included.
  std::string_view content_raw;  ///< The value of `messages`, `prompt` or `input`.
  bool stream = false;
  bool usage_asked = false;                       ///< stream_options.include_usage is true.
  bool running_usage_asked = false;               ///< stream_options.continuous_usage_stats is true (vLLM's own).
  std::string_view stream_options_raw;            ///< The object or null; empty if absent.
  std::string_view include_usage_raw;             ///< The value of include_usage within it; empty if absent.
  std::string_view running_usage_raw;             ///< The value of continuous_usage_stats; empty if absent.
  std::optional<std::int64_t> output_tokens_max;  ///< max_completion_tokens, else max_tokens.
  std::int64_t choices = 1;                       ///< `n`, of each prompt.
  std::int64_t prompts = 1;                       ///< completions: texts to complete.
  bool base64_asked = false;                      ///< embeddings: encoding_format is "base64".
  Obstacle obstacle = Obstacle::none;             ///< What among the members forbids that the answer is continued elsewhere once it has begun.
};

/// Reads the members that we need in one pass. Checks types of what it reads (`model` a non-empty string, `messages` a
/// non-empty array for chat, `stream` a boolean or null, `stream_options` an object or null, `n`, `max_tokens` integers ≥ 0 or null;
/// `prompt` present for completions, `input` for embeddings) and refuses duplicates of members that decide something
/// (model, stream, stream_options, messages): two readers might not take the same one.
/// Fails with request_malformed and `param` set; other members are not looked at.
[[nodiscard]] Result<Request> read_request(Endpoint endpoint, std::string_view body, json::Reader& reader);

}  // namespace bellwether::chat
