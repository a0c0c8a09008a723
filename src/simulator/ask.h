// A request to the simulator, as far as its answer depends on it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/reader.h"

namespace bellwether::simulator {

enum class Endpoint : std::uint8_t { chat, completions, embeddings };

/// The messages of a chat, apart from a last one of the assistant's.
struct Conversation {
  std::string question;    ///< Everything before that, without the white space between tokens, which says nothing.
  std::string whole;       ///< The same with the last message.
  bool prefilled = false;  ///< The last message is the assistant's.
  bool two = false;        ///< So is the one before it.
  bool prefix = false;     ///< It says so: "prefix":true.
  std::string text;
};

/// OpenAI's bound for `n`.
inline constexpr std::int64_t choices_max = 128;

struct Ask {
  Endpoint endpoint = Endpoint::chat;
  std::string model;
  std::string question;       ///< What the answer depends on: the messages, or the prompt or input as it came.
  Conversation conversation;  ///< Of a chat.
  std::string tool;           ///< The first tool's name; empty: no tool is to be called.
  std::uint64_t tokens_max = UINT64_MAX;
  std::uint64_t choices = 1;       ///< n, at most choices_max.
  std::vector<std::string> stops;  ///< None of them is empty.
  std::uint64_t inputs = 1;        ///< Texts to embed.
  bool stream = false;
  bool usage = false;          ///< stream_options.include_usage
  bool running_usage = false;  ///< stream_options.continuous_usage_stats
  bool base64 = false;
  bool thinking = false;              ///< thinking.type = enabled
  bool thinking_off = false;          ///< thinking.type = disabled, or the template's enable_thinking = false
  bool add_generation_prompt = true;  ///< vLLM's and llama-server's flags.
  bool continue_final_message = false;
};

/// Fails with request_malformed where the body is no JSON object or lacks what the endpoint needs.
[[nodiscard]] Result<Ask> read_ask(Endpoint endpoint, std::string_view body, json::Reader& reader);

}  // namespace bellwether::simulator
