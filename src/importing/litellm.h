// LiteLLM's config.yaml to a config of ours, with a verdict for every field of it. Pure.
#pragma once

#include <string_view>

#include "importing/finding.h"

namespace bellwether::importing {

/// Fails where the text is no YAML, or has nothing that a config could be made of.
[[nodiscard]] Outcome import_litellm(std::string_view yaml);

}  // namespace bellwether::importing
