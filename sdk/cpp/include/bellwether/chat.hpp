// Chat completions: what is asked, the whole answer, and the pieces of a streamed one. Values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bellwether/export.hpp"

namespace bellwether::inline v1 {

/// Members that a type here does not know, as name and JSON text: `{{"top_k", "40"}, {"thinking", R"({"type":"disabled"})"}}`.
/// They are sent as they stand; what is no JSON is refused (invalid_argument).
using Extra = std::vector<std::pair<std::string, std::string>>;

inline constexpr std::string_view deepseek_v3 = "deepseek-chat";
inline constexpr std::string_view deepseek_coder = "deepseek-coder";
inline constexpr std::string_view deepseek_reasoner = "deepseek-reasoner";

/// A function that the model wants to be called.
struct ToolCall {
  std::int64_t index = 0;  ///< In a stream, pieces of the same call have the same index.
  std::string id = {};
  std::string name = {};
  std::string arguments = {};  ///< JSON, as the model wrote it; in a stream a piece of it.
};

/// One message of a conversation.
struct Message {
  std::string role = {};
  std::string content = {};
  std::string name = {};
  std::string tool_call_id = {};  ///< For role `tool`: which call this answers.
  std::vector<ToolCall> tool_calls = {};
  std::string content_json = {};  ///< Sent instead of `content` where it is not empty: parts such as images, as JSON.
  Extra extra = {};
};

[[nodiscard]] BELLWETHER_API Message system(std::string_view text);
[[nodiscard]] BELLWETHER_API Message user(std::string_view text);
[[nodiscard]] BELLWETHER_API Message assistant(std::string_view text);
/// The outcome of a tool call.
[[nodiscard]] BELLWETHER_API Message tool(std::string_view call_id, std::string_view text);

/// What is asked. Only what is set is sent.
struct ChatRequest {
  std::string model = {};
  std::vector<Message> messages = {};
  std::optional<double> temperature = {};
  std::optional<double> top_p = {};
  std::optional<std::int64_t> max_tokens = {};
  std::optional<std::int64_t> max_completion_tokens = {};
  std::optional<std::int64_t> n = {};
  std::vector<std::string> stop = {};
  std::optional<std::int64_t> seed = {};
  std::optional<double> presence_penalty = {};
  std::optional<double> frequency_penalty = {};
  std::optional<bool> logprobs = {};
  std::optional<std::int64_t> top_logprobs = {};
  std::string reasoning_effort = {};
  std::string response_format = {};  ///< JSON, as in OpenAI's API.
  std::string tools = {};            ///< A JSON array.
  std::string tool_choice = {};      ///< JSON: `"auto"` with its quotes, or an object.
  std::string user = {};
  Extra extra = {};
};

/// Tokens, as the server counted them.
struct Usage {
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  std::int64_t total_tokens = 0;
  std::int64_t cached_tokens = 0;     ///< Of the prompt's.
  std::int64_t reasoning_tokens = 0;  ///< Of the completion's.
};

/// What the model said.
struct ReplyMessage {
  std::string role = {};
  std::string content = {};
  std::string reasoning = {};  ///< `reasoning_content` or `reasoning`, whichever the server uses.
  std::string refusal = {};
  std::vector<ToolCall> tool_calls = {};
};

struct ChatChoice {
  std::int64_t index = 0;
  ReplyMessage message = {};
  std::string finish_reason = {};
};

/// A whole answer.
struct BELLWETHER_API ChatCompletion {
  std::string id = {};
  std::int64_t created = 0;  ///< Seconds since 1970.
  std::string model = {};
  std::vector<ChatChoice> choices = {};
  std::optional<Usage> usage = {};
  std::optional<double> x_latency_ms = {};  ///< Request read to answer complete, as Bellwether saw it.
  std::string x_source = {};                ///< The upstream that answered, by its configured name.
  std::string request_id = {};              ///< The reply's `x-request-id`.
  int attempts = 0;                         ///< Requests that were made for it.
  std::string raw_json = {};

  /// The content of the first choice.
  [[nodiscard]] std::string_view text() const noexcept;
  /// The reply's body as it came.
  [[nodiscard]] const std::string& raw() const noexcept { return raw_json; }
};

struct ChunkChoice {
  std::int64_t index = 0;
  ReplyMessage delta = {};         ///< What is new.
  std::string finish_reason = {};  ///< In the choice's last chunk.
};

/// A piece of a streamed answer.
struct BELLWETHER_API ChatChunk {
  std::string id = {};
  std::int64_t created = 0;
  std::string model = {};
  std::vector<ChunkChoice> choices = {};    ///< Empty in the chunk that tells the usage.
  std::optional<Usage> usage = {};          ///< In one of the last chunks.
  std::optional<double> x_latency_ms = {};  ///< Beside the usage.
  std::string x_source = {};                ///< Beside the usage.
  std::string raw_json = {};

  /// What is new in the first choice's content.
  [[nodiscard]] std::string_view text() const noexcept;
  [[nodiscard]] const std::string& raw() const noexcept { return raw_json; }
};

}  // namespace bellwether::inline v1
