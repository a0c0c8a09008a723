// Reads Bellwether's own access log (src/telemetry/access_log.h, docs/operating.md): every request with its tokens, counted.
#pragma once

#include <memory>
#include <string_view>

#include "audit/reading.h"

namespace bellwether::audit {

[[nodiscard]] bool looks_like_gateway_log(std::string_view begin);
[[nodiscard]] std::unique_ptr<Reader> make_gateway_log(const ReadingContext& context, Sink& sink);

}  // namespace bellwether::audit
