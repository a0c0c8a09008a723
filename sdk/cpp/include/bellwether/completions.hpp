// The older API of completions: a text is gone on with.
#pragma once

#include "bellwether/chat.hpp"

namespace bellwether::inline v1 {

struct CompletionRequest {
  std::string model = {};
  std::string prompt = {};
  std::optional<std::int64_t> max_tokens = {};
  std::optional<double> temperature = {};
  std::optional<double> top_p = {};
  std::optional<std::int64_t> n = {};
  std::vector<std::string> stop = {};
  std::optional<std::int64_t> seed = {};
  std::string suffix = {};
  Extra extra = {};
};

struct CompletionChoice {
  std::int64_t index = 0;
  std::string text = {};
  std::string finish_reason = {};
};

/// A whole answer, or a piece of a streamed one.
struct BELLWETHER_API Completion {
  std::string id = {};
  std::int64_t created = 0;
  std::string model = {};
  std::vector<CompletionChoice> choices = {};
  std::optional<Usage> usage = {};
  std::optional<double> x_latency_ms = {};
  std::string x_source = {};
  std::string request_id = {};
  int attempts = 0;
  std::string raw_json = {};

  /// The text of the first choice.
  [[nodiscard]] std::string_view text() const noexcept;
  [[nodiscard]] const std::string& raw() const noexcept { return raw_json; }
};

}  // namespace bellwether::inline v1
