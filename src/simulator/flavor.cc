#include "simulator/flavor.h"

#include <fmt/format.h>

#include "json/reader.h"

namespace bellwether::simulator {
namespace {

constexpr std::int64_t created = 1'760'000'000;
constexpr int context_tokens = 8192;
constexpr int asked_tokens = 9000;

std::string openai_error(std::string_view message, std::string_view type, std::string_view param, std::string_view code) {
  const auto or_null = [](std::string_view text) { return text.empty() ? std::string("null") : json::quote(text); };
  return fmt::format(R"({{"error":{{"message":{},"type":{},"param":{},"code":{}}}}})", json::quote(message), json::quote(type), or_null(param), or_null(code));
}

std::string vllm_error(int status, std::string_view message, std::string_view type, std::string_view param = {}) {
  return fmt::format(R"({{"error":{{"message":{},"type":{},"param":{},"code":{}}}}})", json::quote(message), json::quote(type),
                     param.empty() ? "null" : json::quote(param), status);
}

std::string llama_error(int status, std::string_view message, std::string_view type, std::string_view more = {}) {
  return fmt::format(R"({{"error":{{"code":{},"message":{},"type":{}{}}}}})", status, json::quote(message), json::quote(type), more);
}

ErrorReply vllm(Trouble trouble, std::string_view model) {
  switch (trouble) {
    case Trouble::unauthorised: return {401, R"({"error":"Unauthorized"})"};
    case Trouble::unknown_model: return {404, vllm_error(404, fmt::format("The model `{}` does not exist.", model), "NotFoundError", "model")};
    case Trouble::context_length:
      return {400, vllm_error(
                       400,
                       fmt::format(
                           "This model's maximum context length is {} tokens. However, you requested 500 output tokens and your prompt contains "
                           "{} input tokens, for a total of {} tokens. Please reduce the length of the input prompt or the number of requested output tokens.",
                           context_tokens, asked_tokens - 500, asked_tokens),
                       "BadRequestError", "input_tokens")};
    case Trouble::content_filter: return {400, vllm_error(400, "The prompt was refused by the content filter.", "BadRequestError")};
    case Trouble::unprocessable: return {422, vllm_error(422, "temperature must be non-negative.", "UnprocessableEntityError", "temperature")};
    case Trouble::no_credit: return {402, vllm_error(402, "Payment required", "Payment Required")};
    case Trouble::busy: return {429, vllm_error(429, "Too many requests", "Too Many Requests")};
    case Trouble::internal: return {500, vllm_error(500, "EngineCore encountered an issue.", "InternalServerError")};
    case Trouble::unavailable: return {503, vllm_error(503, "Service Unavailable", "Service Unavailable")};
    case Trouble::loading: return {503, R"({"error":"The model is currently scaling. Please try again later."})"};
    case Trouble::prefill:
    case Trouble::prefill_twice:
    case Trouble::prefill_needs_beta:
      return {400, vllm_error(400,
                              "continue_final_message is set but the final message does not appear in the chat after applying the chat template! This can "
                              "happen if the chat template deletes portions of the final message.",
                              "BadRequestError")};
    case Trouble::prefill_flags:
      return {400, vllm_error(400, "Cannot set both `continue_final_message` and `add_generation_prompt` to True.", "BadRequestError")};
    case Trouble::not_found: return {404, vllm_error(404, "Not Found", "Not Found")};
    case Trouble::bad_request: break;
  }
  return {400, vllm_error(400, "1 validation error:\n  {'type': 'missing', 'loc': ('body', 'messages'), 'msg': 'Field required'}", "Bad Request", "messages")};
}

ErrorReply deepseek(Trouble trouble) {
  constexpr std::string_view code = "invalid_request_error";
  switch (trouble) {
    case Trouble::unauthorised:
      return {401, openai_error("Authentication Fails, Your api key: ****e78f is invalid (request_id: 00000000-0000)", "authentication_error", {}, code)};
    case Trouble::no_credit: return {402, openai_error("Insufficient Balance", "unknown_error", {}, code)};
    case Trouble::unknown_model: return {400, openai_error("Model Not Exist", "invalid_request_error", {}, code)};
    case Trouble::context_length:
      return {400,
              openai_error(fmt::format("This model's maximum context length is {} tokens. However, you requested {} tokens ({} in the messages, 500 in the "
                                       "completion). Please reduce the length of the messages or completion.",
                                       context_tokens, asked_tokens, asked_tokens - 500),
                           "invalid_request_error", {}, code)};
    case Trouble::content_filter: return {400, openai_error("Content Exists Risk", "invalid_request_error", {}, code)};
    case Trouble::unprocessable:
      return {422, openai_error("Failed to deserialize the JSON body into the target type: temperature", "invalid_request_error", {}, code)};
    case Trouble::busy: return {429, openai_error("Rate limit reached", "rate_limit_error", {}, code)};
    case Trouble::internal: return {500, openai_error("Internal Server Error", "server_error", {}, code)};
    case Trouble::unavailable:
      return {503, openai_error("Service is too busy. We advise users to temporarily switch to alternative LLM API service providers.",
                                "service_unavailable_error", {}, code)};
    case Trouble::loading: return {503, openai_error("The model is loading. Please try again later.", "service_unavailable_error", {}, code)};
    // DeepSeek's own words for these are not known.
    case Trouble::prefill:
    case Trouble::prefill_flags:
    case Trouble::prefill_twice: return {400, openai_error("The prefix of the last message cannot be completed", "invalid_request_error", {}, code)};
    case Trouble::prefill_needs_beta:
      return {400,
              openai_error("The prefix of a message is a beta feature: set the base URL to https://api.deepseek.com/beta", "invalid_request_error", {}, code)};
    case Trouble::not_found: return {404, ""};
    case Trouble::bad_request: break;
  }
  return {400, openai_error("Failed to deserialize the JSON body into the target type: missing field `messages`", "invalid_request_error", {}, code)};
}

ErrorReply llama_server(Trouble trouble) {
  switch (trouble) {
    case Trouble::unauthorised: return {401, llama_error(401, "Invalid API Key", "authentication_error")};
    case Trouble::context_length:
      return {400, llama_error(
                       400, fmt::format("request ({} tokens) exceeds the available context size ({} tokens), try increasing it", asked_tokens, context_tokens),
                       "exceed_context_size_error", fmt::format(R"(,"n_prompt_tokens":{},"n_ctx":{})", asked_tokens, context_tokens))};
    case Trouble::no_credit: return {402, llama_error(402, "payment required", "invalid_request_error")};
    case Trouble::content_filter: return {400, llama_error(400, "content filter", "invalid_request_error")};
    case Trouble::unprocessable: return {422, llama_error(422, "unprocessable", "invalid_request_error")};
    case Trouble::busy: return {429, llama_error(429, "too many requests", "invalid_request_error")};
    case Trouble::internal: return {500, llama_error(500, "decode failed", "server_error")};
    case Trouble::unavailable: return {503, llama_error(503, "no slot available", "unavailable_error")};
    case Trouble::loading: return {503, llama_error(503, "Loading model", "unavailable_error")};
    case Trouble::prefill:
    case Trouble::prefill_needs_beta:
      return {400, llama_error(400, "Assistant response prefill is incompatible with enable_thinking.", "invalid_request_error")};
    case Trouble::prefill_flags:
      return {400, llama_error(400, "Cannot set both add_generation_prompt and continue_final_message to true.", "invalid_request_error")};
    case Trouble::prefill_twice: return {400, llama_error(400, "Cannot have 2 or more assistant messages at the end of the list.", "invalid_request_error")};
    case Trouble::unknown_model:
    case Trouble::not_found: return {404, llama_error(404, "File Not Found", "not_found_error")};
    case Trouble::bad_request: break;
  }
  return {400, llama_error(400, "'messages' is required", "invalid_request_error")};
}

ErrorReply openai(Trouble trouble, std::string_view model) {
  switch (trouble) {
    case Trouble::unauthorised: return {401, openai_error("Incorrect API key provided: sk-sim***0000.", "invalid_request_error", {}, "invalid_api_key")};
    case Trouble::no_credit: return {402, openai_error("You exceeded your current quota.", "insufficient_quota", {}, "insufficient_quota")};
    case Trouble::unknown_model:
      return {404, openai_error(fmt::format("The model `{}` does not exist or you do not have access to it.", model), "invalid_request_error", {},
                                "model_not_found")};
    case Trouble::context_length:
      return {
          400,
          openai_error(
              fmt::format(
                  "This model's maximum context length is {} tokens. However, your messages resulted in {} tokens. Please reduce the length of the messages.",
                  context_tokens, asked_tokens),
              "invalid_request_error", "messages", "context_length_exceeded")};
    case Trouble::content_filter:
      return {400, openai_error("The response was filtered due to the prompt triggering the content management policy.", "invalid_request_error", "prompt",
                                "content_filter")};
    case Trouble::unprocessable: return {422, openai_error("Unprocessable entity", "invalid_request_error", {}, {})};
    case Trouble::busy: return {429, openai_error("Rate limit reached for requests", "requests", {}, "rate_limit_exceeded")};
    case Trouble::internal: return {500, openai_error("The server had an error while processing your request.", "server_error", {}, {})};
    case Trouble::loading: return {503, openai_error("The model is loading, please try again later", "server_error", {}, {})};
    case Trouble::prefill:
    case Trouble::prefill_flags:
    case Trouble::prefill_twice:
    case Trouble::prefill_needs_beta:
      return {400, openai_error("This model does not support assistant message prefill. The conversation must end with a user message.",
                                "invalid_request_error", "messages", {})};
    case Trouble::unavailable: return {503, openai_error("The engine is currently overloaded, please try again later", "server_error", {}, {})};
    case Trouble::not_found: return {404, openai_error("Unknown request URL", "invalid_request_error", {}, "unknown_url")};
    case Trouble::bad_request: break;
  }
  return {400, openai_error("Missing required parameter: 'messages'.", "invalid_request_error", "messages", "missing_required_parameter")};
}

std::string_view owner_of(Flavor flavor) {
  switch (flavor) {
    case Flavor::vllm: return "vllm";
    case Flavor::deepseek: return "deepseek";
    case Flavor::llama_server: return "llamacpp";
    case Flavor::openai: break;
  }
  return "openai";
}

}  // namespace

ErrorReply error_of(Flavor flavor, Trouble trouble, std::string_view model) {
  switch (flavor) {
    case Flavor::vllm: return vllm(trouble, model);
    case Flavor::deepseek: return deepseek(trouble);
    case Flavor::llama_server: return llama_server(trouble);
    case Flavor::openai: break;
  }
  return openai(trouble, model);
}

std::string usage_json(Flavor flavor, const Counts& counts) {
  const std::int64_t total = static_cast<std::int64_t>(counts.prompt) + counts.completion;
  switch (flavor) {
    case Flavor::vllm:
      return fmt::format(R"({{"prompt_tokens":{},"total_tokens":{},"completion_tokens":{},"prompt_tokens_details":null}})", counts.prompt, total,
                         counts.completion);
    case Flavor::deepseek:
      return fmt::format(R"({{"prompt_tokens":{},"completion_tokens":{},"total_tokens":{},"prompt_tokens_details":{{"cached_tokens":{}}},)"
                         R"("completion_tokens_details":{{"reasoning_tokens":{}}},"prompt_cache_hit_tokens":{},"prompt_cache_miss_tokens":{}}})",
                         counts.prompt, counts.completion, total, counts.cached, counts.reasoning, counts.cached, counts.prompt - counts.cached);
    case Flavor::llama_server:
      return fmt::format(R"({{"completion_tokens":{},"prompt_tokens":{},"total_tokens":{},"prompt_tokens_details":{{"cached_tokens":{}}}}})", counts.completion,
                         counts.prompt, total, counts.cached);
    case Flavor::openai: break;
  }
  return fmt::format(
      R"({{"prompt_tokens":{},"completion_tokens":{},"total_tokens":{},"prompt_tokens_details":{{"cached_tokens":{},"audio_tokens":0}},)"
      R"("completion_tokens_details":{{"reasoning_tokens":{},"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}})",
      counts.prompt, counts.completion, total, counts.cached, counts.reasoning);
}

std::string model_json(Flavor flavor, std::string_view model) {
  const std::string name = json::quote(model);
  switch (flavor) {
    case Flavor::vllm:
      return fmt::format(R"({{"id":{},"object":"model","created":{},"owned_by":"vllm","root":{},"parent":null,"max_model_len":{},"permission":[]}})", name,
                         created, name, context_tokens);
    case Flavor::llama_server:
      return fmt::format(R"({{"id":{},"object":"model","created":{},"owned_by":"llamacpp","meta":{{"vocab_type":2,"n_vocab":49152,"n_ctx_train":{}}}}})", name,
                         created, context_tokens);
    case Flavor::deepseek: return fmt::format(R"({{"id":{},"object":"model","owned_by":"deepseek"}})", name);
    case Flavor::openai: break;
  }
  return fmt::format(R"({{"id":{},"object":"model","created":{},"owned_by":"{}"}})", name, created, owner_of(flavor));
}

std::string models_json(Flavor flavor, const std::vector<std::string>& models) {
  std::string out = R"({"object":"list","data":[)";
  for (std::size_t i = 0; i < models.size(); ++i) out += (i > 0 ? "," : "") + model_json(flavor, models[i]);
  return out + "]}";
}

std::vector<std::string> usual_models(Flavor flavor) {
  switch (flavor) {
    case Flavor::vllm: return {"deepseek-ai/DeepSeek-V3"};
    case Flavor::deepseek: return {"deepseek-flash", "deepseek-v4-pro"};
    case Flavor::llama_server: return {"SmolLM2-135M-Instruct"};
    case Flavor::openai: break;
  }
  return {"gpt-4o-mini"};
}

std::string_view reasoning_field(Flavor flavor) { return flavor == Flavor::vllm ? "reasoning" : "reasoning_content"; }

std::string metrics_page(Flavor flavor, std::string_view model, const Totals& totals) {
  if (flavor == Flavor::vllm) {
    const std::string labels = fmt::format(R"(engine="0",model_name="{}")", model);
    std::string page;
    const auto counter = [&](std::string_view name, std::string_view more, std::uint64_t value) {
      page += fmt::format("# TYPE vllm:{} counter\nvllm:{}_total{{{}{}}} {:.1f}\n", name, name, labels, more, static_cast<double>(value));
    };
    counter("prompt_tokens", "", totals.prompt_tokens);
    counter("prompt_tokens_cached", "", totals.cached_tokens);
    counter("generation_tokens", "", totals.completion_tokens);
    counter("request_success", R"(,finished_reason="stop")", totals.requests - totals.aborted - totals.running);
    page += fmt::format("vllm:request_success_total{{{},finished_reason=\"abort\"}} {:.1f}\n", labels, static_cast<double>(totals.aborted));
    page += fmt::format("# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running{{{}}} {:.1f}\n", labels, static_cast<double>(totals.running));
    page += fmt::format("# TYPE vllm:num_requests_waiting gauge\nvllm:num_requests_waiting{{{}}} 0.0\n", labels);
    page += fmt::format("# TYPE vllm:kv_cache_usage_perc gauge\nvllm:kv_cache_usage_perc{{{}}} {:.3f}\n", labels, cache_usage(totals.running));
    return page;
  }
  if (flavor == Flavor::llama_server) {
    // llama-server prints six significant digits and leaves cached tokens out (wire.md §E.5).
    return fmt::format(
        "# TYPE llamacpp:prompt_tokens_total counter\nllamacpp:prompt_tokens_total {:.6g}\n# TYPE llamacpp:tokens_predicted_total counter\n"
        "llamacpp:tokens_predicted_total {:.6g}\n# TYPE llamacpp:requests_processing gauge\nllamacpp:requests_processing {}\n"
        "# TYPE llamacpp:requests_deferred gauge\nllamacpp:requests_deferred 0\n",
        static_cast<double>(totals.prompt_tokens - totals.cached_tokens), static_cast<double>(totals.completion_tokens), totals.running);
  }
  return {};
}

}  // namespace bellwether::simulator
