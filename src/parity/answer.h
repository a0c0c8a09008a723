// What an endpoint answered to one probe, as it came and as it is to be read. Pure: bytes in, values out.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bellwether::parity {

/// As it came.
struct Answer {
  int status = 0;         ///< 0: no head came.
  std::string trouble;    ///< Why it is not whole: no connection, cut, timed out. Empty: it is, or we hung up ourselves.
  bool was_left = false;  ///< We hung up, having heard enough.
  std::string content_type, body;
  std::vector<std::string> events;  ///< Data of a stream's events, in their order.
  std::uint64_t comments = 0;
  double ttft_ms = 0, total_ms = 0;  ///< Of streams: 0 where no token came.
};

struct Usage {
  std::optional<std::int64_t> input, output, total, cached, reasoning;
  bool has_hit_and_miss = false;  ///< DeepSeek's own two names for what was cached.
};

struct ToolCall {
  std::string id, name, arguments;
};

/// As it is to be read: of a whole reply or of all events of a stream.
struct Said {
  int status = 0;
  std::string trouble;
  bool was_left = false, is_stream = false;
  std::string text, reasoning, finish, role, model, fingerprint;
  std::string reasoning_field;  ///< "reasoning", "reasoning_content", both with a "+", or empty.
  std::uint64_t choices = 0;    ///< Different indices.
  std::vector<ToolCall> calls;
  std::uint64_t call_pieces = 0;  ///< Events that carried part of a tool call.
  std::uint64_t logprobs = 0, top_logprobs = 0;
  std::optional<Usage> usage;
  std::uint64_t usage_events = 0;    ///< How many events carry counts.
  bool usage_has_own_event = false;  ///< The last of them has no choices.
  bool first_has_role = false, done = false, malformed = false;
  std::uint64_t events = 0, comments = 0;
  // Of an error.
  bool is_error = false;
  std::string error_message, error_type, error_code, error_shape;  ///< `error_code` as JSON: 404, "x", null. `error_shape`: openai, flat, text, none.
  std::string body;                                                ///< Of what is no chat: lists.
  double ttft_ms = 0, total_ms = 0;

  /// A proper chat answer, or the beginning of one where we hung up.
  [[nodiscard]] bool is_answer() const { return status == 200 && trouble.empty() && !is_error && !malformed && choices > 0; }
  /// The endpoint's own verdict on the request.
  [[nodiscard]] bool is_refusal() const { return status >= 400 && status < 500 && status != 429; }
  /// All that was generated: a reasoning model may spend all its tokens on thoughts.
  [[nodiscard]] std::string all_text() const { return reasoning + text; }
  [[nodiscard]] std::optional<std::int64_t> output_tokens() const { return usage ? usage->output : std::nullopt; }
};

[[nodiscard]] Said read_answer(const Answer& answer);

/// What one endpoint said to each probe so far, by the probe's name. The `model` of "models" is the one that is compared.
using History = std::map<std::string, Said, std::less<>>;

}  // namespace bellwether::parity
