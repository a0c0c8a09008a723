// What a request's body tells about the features that it used, member by member. Shared by all that read recorded requests. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "audit/json_records.h"
#include "audit/reading.h"

namespace bellwether::audit {

/// 2xx and 3xx served; 499 and none at all aborted; other statuses failed.
[[nodiscard]] Outcome outcome_of_status(int status);

/// A member of a request that matters (OpenAI's, and vLLM's own: reference wire.md §A.3.3).
enum class RequestField : std::uint8_t {
  none,
  model,
  stream,
  tools,
  response_format,
  guided,
  logprobs,
  prompt_logprobs,
  n,
  seed,
  stop,
  stop_token_ids,
  top_k,
  min_p,
  repetition_penalty,
  best_of,
  echo,
  chat_template_kwargs,
  temperature,
  tokens_max,
  content_type,
};

/// Paths within a body.
[[nodiscard]] std::span<const FieldTable<RequestField>::Row> request_rows();

class RequestFields {
 public:
  void clear();
  void value(RequestField field, json::Kind kind, std::string_view text);
  /// The member is an object, or holds one, or has an element.
  void inside(RequestField field);

  [[nodiscard]] Feature features() const { return features_; }
  [[nodiscard]] const std::string& model() const { return model_; }
  [[nodiscard]] std::optional<std::uint64_t> tokens_max() const { return tokens_max_; }

 private:
  void add(Feature feature) { features_ = features_ | feature; }

  Feature features_ = Feature::none;
  std::string model_;
  std::optional<std::uint64_t> tokens_max_;
};

}  // namespace bellwether::audit
