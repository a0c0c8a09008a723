// What the upstreams that the simulator can be say each in its own way: error bodies, counts, lists, pages. Facts of wire.md §A–§E.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bellwether::simulator {

enum class Flavor : std::uint8_t { openai, deepseek, vllm, llama_server };

/// Errors that the flavours word differently.
enum class Trouble : std::uint8_t {
  bad_request,
  unauthorised,
  no_credit,
  unknown_model,
  context_length,
  content_filter,
  unprocessable,
  busy,
  internal,
  unavailable,
  loading,             ///< 503 while the model is being loaded.
  prefill,             ///< It cannot go on with this message.
  prefill_flags,       ///< The two flags contradict each other.
  prefill_twice,       ///< Two messages of the assistant's at the end.
  prefill_needs_beta,  ///< DeepSeek's prefix outside /beta.
  not_found
};

struct ErrorReply {
  int status;
  std::string body;
};
[[nodiscard]] ErrorReply error_of(Flavor flavor, Trouble trouble, std::string_view model);

struct Counts {
  std::uint64_t prompt = 0, cached = 0, reasoning = 0;
  std::int64_t completion = 0;  ///< Signed for the fault that makes it negative.
};
/// The usage object.
[[nodiscard]] std::string usage_json(Flavor flavor, const Counts& counts);

[[nodiscard]] std::string models_json(Flavor flavor, const std::vector<std::string>& models);
[[nodiscard]] std::string model_json(Flavor flavor, std::string_view model);
[[nodiscard]] std::vector<std::string> usual_models(Flavor flavor);

/// "reasoning" (vLLM since 0.16) or "reasoning_content".
[[nodiscard]] std::string_view reasoning_field(Flavor flavor);

/// What has been served, for /metrics.
struct Totals {
  std::uint64_t requests = 0, prompt_tokens = 0, cached_tokens = 0, completion_tokens = 0, aborted = 0, running = 0;
};
/// The share of the cache that is in use, for every page and line that tells it: the simulator has none.
[[nodiscard]] constexpr double cache_usage(std::uint64_t running) { return running > 0 ? 0.01 : 0.0; }
/// Empty: this flavour has no such page.
[[nodiscard]] std::string metrics_page(Flavor flavor, std::string_view model, const Totals& totals);

}  // namespace bellwether::simulator
