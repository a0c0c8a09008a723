#include "importing/litellm_providers.h"

#include <algorithm>
#include <array>

namespace bellwether::importing {
namespace {

constexpr std::string_view not_openai = "it does not speak OpenAI's API, and Bellwether has no dialect for it";

// Prefixes, default addresses and key variables as LiteLLM's documentation of each provider has them (2026).
constexpr std::array providers{
    LitellmProvider{"openai", Speaks::ours, "openai", "https://api.openai.com/v1", "OPENAI_API_KEY", ""},
    LitellmProvider{"text-completion-openai", Speaks::ours, "openai", "https://api.openai.com/v1", "OPENAI_API_KEY", ""},
    LitellmProvider{"hosted_vllm", Speaks::ours, "vllm", "", "", ""},
    LitellmProvider{"deepseek", Speaks::ours, "deepseek", "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY", ""},
    LitellmProvider{"llamafile", Speaks::ours, "llama-server", "http://127.0.0.1:8080/v1", "", ""},
    LitellmProvider{"litellm_proxy", Speaks::ours, "openai", "", "LITELLM_PROXY_API_KEY", ""},
    LitellmProvider{"custom_openai", Speaks::ours, "openai", "", "", ""},
    LitellmProvider{"openai_like", Speaks::ours, "openai", "", "", ""},
    LitellmProvider{"lm_studio", Speaks::ours, "openai", "", "", ""},
    LitellmProvider{"xinference", Speaks::ours, "openai", "", "", ""},
    LitellmProvider{"groq", Speaks::openai_too, "openai", "https://api.groq.com/openai/v1", "GROQ_API_KEY", ""},
    LitellmProvider{"mistral", Speaks::openai_too, "openai", "https://api.mistral.ai/v1", "MISTRAL_API_KEY", ""},
    LitellmProvider{"together_ai", Speaks::openai_too, "openai", "https://api.together.xyz/v1", "TOGETHERAI_API_KEY", ""},
    LitellmProvider{"fireworks_ai", Speaks::openai_too, "openai", "https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY", ""},
    LitellmProvider{"openrouter", Speaks::openai_too, "openai", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY", ""},
    LitellmProvider{"perplexity", Speaks::openai_too, "openai", "https://api.perplexity.ai", "PERPLEXITYAI_API_KEY", ""},
    LitellmProvider{"xai", Speaks::openai_too, "openai", "https://api.x.ai/v1", "XAI_API_KEY", ""},
    LitellmProvider{"deepinfra", Speaks::openai_too, "openai", "https://api.deepinfra.com/v1/openai", "DEEPINFRA_API_KEY", ""},
    LitellmProvider{"cerebras", Speaks::openai_too, "openai", "https://api.cerebras.ai/v1", "CEREBRAS_API_KEY", ""},
    LitellmProvider{"nvidia_nim", Speaks::openai_too, "openai", "https://integrate.api.nvidia.com/v1", "NVIDIA_NIM_API_KEY", ""},
    LitellmProvider{"sambanova", Speaks::openai_too, "openai", "https://api.sambanova.ai/v1", "SAMBANOVA_API_KEY", ""},
    LitellmProvider{"novita", Speaks::openai_too, "openai", "https://api.novita.ai/v3/openai", "NOVITA_API_KEY", ""},
    LitellmProvider{"moonshot", Speaks::openai_too, "openai", "https://api.moonshot.ai/v1", "MOONSHOT_API_KEY", ""},
    LitellmProvider{"dashscope", Speaks::openai_too, "openai", "https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "DASHSCOPE_API_KEY", ""},
    LitellmProvider{"ollama", Speaks::openai_too, "openai", "http://127.0.0.1:11434/v1", "", ""},
    LitellmProvider{"ollama_chat", Speaks::openai_too, "openai", "http://127.0.0.1:11434/v1", "", ""},
    LitellmProvider{"vllm", Speaks::foreign, "", "", "", "LiteLLM loads the model into its own process: run `vllm serve` and give its address"},
    LitellmProvider{"azure", Speaks::foreign, "", "", "",
                    "Azure puts the deployment and api-version into the address and takes an api-key header; Bellwether has no dialect for that"},
    LitellmProvider{"azure_text", Speaks::foreign, "", "", "",
                    "Azure puts the deployment and api-version into the address; Bellwether has no dialect for that"},
    LitellmProvider{"azure_ai", Speaks::foreign, "", "", "", "Azure takes an api-key header and an api-version; Bellwether has no dialect for that"},
    LitellmProvider{"anthropic", Speaks::foreign, "", "", "", "Anthropic's Messages API is no dialect of Bellwether's"},
    LitellmProvider{"bedrock", Speaks::foreign, "", "", "", "AWS signs each request (SigV4), which Bellwether does not"},
    LitellmProvider{"bedrock_converse", Speaks::foreign, "", "", "", "AWS signs each request (SigV4), which Bellwether does not"},
    LitellmProvider{"sagemaker", Speaks::foreign, "", "", "", "AWS signs each request (SigV4), which Bellwether does not"},
    LitellmProvider{"sagemaker_chat", Speaks::foreign, "", "", "", "AWS signs each request (SigV4), which Bellwether does not"},
    LitellmProvider{"vertex_ai", Speaks::foreign, "", "", "", "Google Cloud wants an OAuth token that is renewed hourly, which Bellwether does not do"},
    LitellmProvider{"vertex_ai_beta", Speaks::foreign, "", "", "", "Google Cloud wants an OAuth token that is renewed hourly, which Bellwether does not do"},
    LitellmProvider{"gemini", Speaks::foreign, "", "", "",
                    "Gemini's own API is no dialect of Bellwether's; Google also offers an OpenAI-compatible address, which can be an upstream"},
    LitellmProvider{"watsonx", Speaks::foreign, "", "", "", "IBM wants a token that is renewed hourly, which Bellwether does not do"},
    LitellmProvider{"github_copilot", Speaks::foreign, "", "", "", "it wants a token of a signed-in user, which Bellwether does not fetch"},
    LitellmProvider{"cohere", Speaks::foreign, "", "", "", not_openai},
    LitellmProvider{"cohere_chat", Speaks::foreign, "", "", "", not_openai},
    LitellmProvider{"replicate", Speaks::foreign, "", "", "", not_openai},
    LitellmProvider{
        "huggingface", Speaks::foreign, "", "", "",
        "LiteLLM's code for it is more than an address; where the endpoint speaks OpenAI's API (TGI, Inference Providers), make it an upstream by hand"},
    LitellmProvider{"databricks", Speaks::foreign, "", "", "", "its addresses hold the workspace and endpoint; Bellwether has no dialect for that"},
    LitellmProvider{"cloudflare", Speaks::foreign, "", "", "", not_openai},
    LitellmProvider{"predibase", Speaks::foreign, "", "", "", not_openai},
    LitellmProvider{"nlp_cloud", Speaks::foreign, "", "", "", not_openai},
    LitellmProvider{"aleph_alpha", Speaks::foreign, "", "", "", not_openai},
    LitellmProvider{"ai21", Speaks::foreign, "", "", "", not_openai},
    LitellmProvider{"baseten", Speaks::foreign, "", "", "", not_openai},
    LitellmProvider{"voyage", Speaks::foreign, "", "", "", not_openai},
    LitellmProvider{"jina_ai", Speaks::foreign, "", "", "", not_openai},
    LitellmProvider{"snowflake", Speaks::foreign, "", "", "", not_openai},
    LitellmProvider{"triton", Speaks::foreign, "", "", "", not_openai},
    LitellmProvider{"petals", Speaks::foreign, "", "", "", not_openai},
    LitellmProvider{"oobabooga", Speaks::foreign, "", "", "", not_openai},
    LitellmProvider{"deepgram", Speaks::foreign, "", "", "", not_openai},
    LitellmProvider{"elevenlabs", Speaks::foreign, "", "", "", not_openai},
    LitellmProvider{"fal_ai", Speaks::foreign, "", "", "", not_openai}};

struct Family {
  std::string_view prefix, provider;
};
// LiteLLM knows bare names from its price list; these are the families in it.
constexpr std::array families{Family{"gpt-", "openai"},
                              Family{"chatgpt-", "openai"},
                              Family{"o1", "openai"},
                              Family{"o3", "openai"},
                              Family{"o4", "openai"},
                              Family{"ft:gpt-", "openai"},
                              Family{"text-embedding-", "openai"},
                              Family{"davinci-", "openai"},
                              Family{"claude-", "anthropic"},
                              Family{"gemini-", "vertex_ai"},
                              Family{"command-", "cohere"},
                              Family{"deepseek-chat", "deepseek"},
                              Family{"deepseek-reasoner", "deepseek"}};

const LitellmProvider* find(std::string_view name) {
  const auto found = std::ranges::find(providers, name, &LitellmProvider::name);
  return found == providers.end() ? nullptr : &*found;
}

}  // namespace

LitellmModel provider_of(std::string_view model, std::string_view custom) {
  const std::size_t slash = model.find('/');
  const LitellmProvider* const by_prefix = slash == std::string_view::npos ? nullptr : find(model.substr(0, slash));
  if (!custom.empty()) {
    // The prefix is LiteLLM's own word only where it names the same provider.
    const bool prefixed = by_prefix != nullptr && by_prefix->name == custom;
    return {find(custom), std::string(prefixed ? model.substr(slash + 1) : model)};
  }
  if (by_prefix != nullptr) return {by_prefix, std::string(model.substr(slash + 1))};
  for (const Family& family : families)
    if (model.starts_with(family.prefix)) return {find(family.provider), std::string(model)};
  return {nullptr, std::string(model)};
}

}  // namespace bellwether::importing
