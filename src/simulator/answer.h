// The bytes of an answer, chunk by chunk, in the flavour's own shape. No I/O.
#pragma once

#include <string>
#include <string_view>

#include "simulator/ask.h"
#include "simulator/flavor.h"
#include "simulator/words.h"

namespace bellwether::simulator {

/// Shapes of one answer; what never changes between its chunks is built once.
class Shapes {
 public:
  Shapes(Flavor flavor, const Ask& ask, std::string_view model, std::string_view id);

  /// A chunk of a stream. `delta` is the delta's inside, such as `"content":" a"`; for completions the text's JSON.
  void append_chunk(std::string& out, std::string_view delta, std::string_view running_usage) const;
  void append_role(std::string& out) const;
  void append_finish(std::string& out, std::string_view reason, std::string_view usage) const;
  /// OpenAI's last chunk: no choices, the counts.
  void append_usage(std::string& out, std::string_view usage) const;
  /// A reply that is no stream. `content` and `reasoning` are JSON strings; `tool_calls` a JSON array or empty.
  [[nodiscard]] std::string whole(std::string_view content, std::string_view reasoning, std::string_view tool_calls, std::string_view reason,
                                  std::string_view usage) const;
  /// The name and beginning of a tool call, and a piece of its arguments (as JSON string), as a delta's inside.
  [[nodiscard]] std::string tool_begin(std::string_view tool) const;
  [[nodiscard]] static std::string tool_piece(std::string_view piece_quoted);

 private:
  Flavor flavor_;
  Endpoint endpoint_;
  bool usage_asked_;
  std::string id_, head_;  ///< `"id":…` up to `"model":…,`
};

[[nodiscard]] std::string embeddings_json(Flavor flavor, const Ask& ask, std::string_view model, std::string_view usage);

}  // namespace bellwether::simulator
