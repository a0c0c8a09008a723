// Reads the server log of a vLLM, of any version: the engine's rates, request lines, uvicorn's access lines, banners, and the migration
// guide's own form. Whatever wraps the lines (Docker, Kubernetes, journald, colours) is taken off.
//
// Times: the runtime's stamp if there is one, else the line's own. Access lines have none: theirs is that of the line before.
#pragma once

#include <memory>
#include <string_view>

#include "audit/reading.h"

namespace bellwether::audit {

[[nodiscard]] std::unique_ptr<Reader> make_vllm_log(const ReadingContext& context, Sink& sink);

/// Whether one of the first lines is one that a vLLM prints.
[[nodiscard]] bool looks_like_vllm_log(std::string_view begin);

}  // namespace bellwether::audit
