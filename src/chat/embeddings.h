// Embeddings in the encoding that the caller asked for.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "json/reader.h"

namespace bellwether::chat {

/// Rewrites each `data[].embedding` that is an array of numbers into a base64 string of little-endian float32; everything else
/// stays byte for byte. Nothing if there is no such array, or the body is not shaped as expected. For upstreams that ignore
/// `encoding_format` (wire.md §C.8): openai-node decodes whatever it gets.
[[nodiscard]] std::optional<std::string> to_base64_embeddings(std::string_view body, json::Reader& reader);

}  // namespace bellwether::chat
