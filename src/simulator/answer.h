// The bytes of an answer, chunk by chunk, in the flavour's own shape. No I/O.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "simulator/ask.h"
#include "simulator/flavor.h"
#include "simulator/words.h"

namespace bellwether::simulator {

/// Why a choice ended.
struct Finish {
  std::string_view reason;      ///< Empty: it does not say.
  std::string_view stopped_by;  ///< The stop string that did it, which vLLM tells; empty: none.
};

/// A choice of a reply that is no stream.
struct WholeChoice {
  std::string content, reasoning;  ///< As JSON strings; `reasoning` may be empty.
  std::string tool_calls;          ///< A JSON array, or empty.
  Finish finish;
};

/// Shapes of one answer; what never changes between its chunks is built once.
class Shapes {
 public:
  Shapes(Flavor flavor, const Ask& ask, std::string_view model, std::string_view id);

  /// A chunk of a stream. `delta` is the delta's inside, such as `"content":" a"`; for completions the text's JSON.
  void append_chunk(std::string& out, std::uint64_t choice, std::string_view delta, std::string_view running_usage) const;
  void append_role(std::string& out, std::uint64_t choice) const;
  void append_finish(std::string& out, std::uint64_t choice, const Finish& finish, std::string_view usage) const;
  /// OpenAI's last chunk: no choices, the counts.
  void append_usage(std::string& out, std::string_view usage) const;
  /// A reply that is no stream.
  [[nodiscard]] std::string whole(std::span<const WholeChoice> choices, std::string_view usage) const;
  /// The name and beginning of a tool call, and a piece of its arguments (as JSON string), as a delta's inside.
  [[nodiscard]] std::string tool_begin(std::string_view tool) const;
  [[nodiscard]] static std::string tool_piece(std::string_view piece_quoted);

 private:
  void append_finish_fields(std::string& out, const Finish& finish) const;

  Flavor flavor_;
  Endpoint endpoint_;
  bool usage_asked_;
  std::string id_, head_;  ///< `"id":…` up to `"model":…,`
};

[[nodiscard]] std::string embeddings_json(Flavor flavor, const Ask& ask, std::string_view model, std::string_view usage);

}  // namespace bellwether::simulator
