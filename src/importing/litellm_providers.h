// What LiteLLM's provider prefixes mean here: which address and dialect, or why there is none.
#pragma once

#include <string>
#include <string_view>

namespace bellwether::importing {

enum class Speaks : std::uint8_t {
  ours,        ///< One of our dialects.
  openai_too,  ///< OpenAI's dialect, with what LiteLLM's own code for this provider does left undone.
  foreign,     ///< No dialect of ours.
};

struct LitellmProvider {
  std::string_view name;
  Speaks speaks;
  std::string_view dialect;
  std::string_view base_url;      ///< Where LiteLLM calls without api_base; empty: it must be given.
  std::string_view key_variable;  ///< Where LiteLLM looks for a key without api_key; empty: none is sent.
  std::string_view why;           ///< foreign: why not.
};

struct LitellmModel {
  const LitellmProvider* provider;  ///< Null: neither LiteLLM nor we can tell.
  std::string name;                 ///< What the provider calls it.
};

/// `model` as in litellm_params; `custom` is custom_llm_provider, or empty.
[[nodiscard]] LitellmModel provider_of(std::string_view model, std::string_view custom);

}  // namespace bellwether::importing
