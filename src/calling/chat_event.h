// What an event of a chat's stream, or a whole reply, says: the few things that those who measure and those who show it need.
// Reads both shapes (`delta` and `message`), and the reasoning under either of its names (wire.md §A.3.4, §B.5). Bytes in, values out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "json/reader.h"

namespace bellwether::calling {

struct Usage {
  std::int64_t input = 0, cached_input = 0, output = 0;
};

struct ChatEvent {
  bool is_done = false;       ///< [DONE]
  bool is_malformed = false;  ///< No JSON object of a chat.
  bool is_error = false;      ///< {"error":…} with something in it, or vLLM's old flat form.
  bool has_token = false;     ///< Text, thought or part of a tool call: something was generated.
  std::string text, reasoning;
  std::string finish;  ///< finish_reason
  std::string model;
  std::string error_message;
  std::optional<Usage> usage;
};

/// `data` needs json::padding readable bytes behind it. Of several choices the texts follow each other.
[[nodiscard]] ChatEvent read_chat_event(std::string_view data, json::Reader& reader);

/// The message of an error body in any of the upstreams' shapes; empty where it is none.
[[nodiscard]] std::string error_message_of(std::string_view body, json::Reader& reader);

}  // namespace bellwether::calling
