// A request to the simulator, as far as its answer depends on it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "json/reader.h"

namespace bellwether::simulator {

enum class Endpoint : std::uint8_t { chat, completions, embeddings };

struct Ask {
  Endpoint endpoint = Endpoint::chat;
  std::string model;
  std::string question;  ///< The text of messages, prompt or input as it came.
  std::string tool;      ///< The first tool's name; empty: no tool is to be called.
  std::uint64_t tokens_max = UINT64_MAX;
  std::uint64_t inputs = 1;  ///< Texts to embed.
  bool stream = false;
  bool usage = false;          ///< stream_options.include_usage
  bool running_usage = false;  ///< stream_options.continuous_usage_stats
  bool base64 = false;
  bool thinking = false;  ///< thinking.type = enabled
};

/// Fails with request_malformed where the body is no JSON object or lacks what the endpoint needs.
[[nodiscard]] Result<Ask> read_ask(Endpoint endpoint, std::string_view body, json::Reader& reader);

}  // namespace bellwether::simulator
