// What `bellwether doctor` learns of upstreams: one request for the list of models to each, side by side. It costs no tokens.
#pragma once

#include <vector>

#include "config/config.h"
#include "doctor/judge.h"

namespace bellwether::cli {

/// Whether the config's keys were resolved, so that they can be shown to the upstreams.
enum class Keys : std::uint8_t { resolved, missing };

/// Blocks for ten seconds at most with up to 32 upstreams, and so on for each further 32.
[[nodiscard]] std::vector<doctor::UpstreamFacts> look_at_upstreams(const config::Config& config, Keys keys);

}  // namespace bellwether::cli
