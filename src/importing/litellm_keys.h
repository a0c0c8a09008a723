// The keys of LiteLLM's config that need no reading: what is said of each, whatever its value. By section.
#pragma once

#include <span>

#include "importing/section.h"

namespace bellwether::importing {

[[nodiscard]] std::span<const KnownKey> litellm_root_keys();
[[nodiscard]] std::span<const KnownKey> litellm_entry_keys();   ///< model_list[], beside model_name, litellm_params and model_info
[[nodiscard]] std::span<const KnownKey> litellm_params_keys();  ///< model_list[].litellm_params
[[nodiscard]] std::span<const KnownKey> litellm_info_keys();    ///< model_list[].model_info
[[nodiscard]] std::span<const KnownKey> litellm_router_keys();
[[nodiscard]] std::span<const KnownKey> litellm_settings_keys();
[[nodiscard]] std::span<const KnownKey> litellm_general_keys();
/// Parameters of a request that litellm_params may hold as defaults: they go into `request` of the route.
[[nodiscard]] std::span<const std::string_view> litellm_request_parameters();

}  // namespace bellwether::importing
