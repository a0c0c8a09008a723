// The lines of a vLLM's log that tell of single requests: uvicorn's access lines, `Received request …`, and the migration guide's own form.
// Pure; no allocation.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "audit/reading.h"

namespace bellwether::audit {

/// `… "POST /v1/chat/completions HTTP/1.1" 200 OK`. No time, no tokens.
struct AccessLine {
  std::string_view method;
  std::string_view path;  ///< Without its query.
  int status = 0;
};

/// `http` is where `HTTP/1.1" 200` begins. Nothing where that is no access line.
[[nodiscard]] std::optional<AccessLine> parse_access(std::string_view text, std::size_t http);

/// What a path asks a model for; nothing for pages that no model serves (health, metrics, model lists, tokenizing).
[[nodiscard]] std::optional<Feature> served_by_model(std::string_view method, std::string_view path);

/// The guide's regular expression, `Input tokens: ([0-9]+).*Output tokens: ([0-9]+)`: the last output of a line counts, as there.
struct GuideLine {
  std::uint64_t input = 0, output = 0;
};
struct GuideParsed {
  std::optional<GuideLine> line;
  bool impossible = false;  ///< It matches, with a number that no request has.
};
/// `begin` is where `Input tokens: ` begins.
[[nodiscard]] GuideParsed parse_guide(std::string_view text, std::size_t begin);

/// `Received request chatcmpl-…: params: SamplingParams(n=1, …), lora_request: None.`
struct ReceivedLine {
  std::string_view id;
  Feature features = Feature::none;
  std::optional<std::uint64_t> max_tokens;
};
/// `begin` is where `Received request ` begins. Nothing where no id follows.
[[nodiscard]] std::optional<ReceivedLine> parse_received(std::string_view text, std::size_t begin);

}  // namespace bellwether::audit
