// Passing on a reply that is one JSON document.
#pragma once

#include "gateway/attempt.h"

namespace bellwether::gateway {

/// Reads the whole reply, checks that it is one, and sends it to the caller with the model's name as the caller knows it and with
/// x_latency_ms and x_source. Nothing reaches the caller before all of it is there, so every failure can go elsewhere.
[[nodiscard]] net::Task<AttemptEnd> relay_whole(Attempt& attempt, net::Exchange& exchange);

}  // namespace bellwether::gateway
