// Events of a stream and usage objects, read into facts. On the path of every chunk.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "chat/reply.h"
#include "json/reader.h"
#include "metering/usage.h"

namespace bellwether::dialects {

/// One event's data. `choices` are looked into only as far as needed.
[[nodiscard]] chat::EventFacts read_event(std::string_view data, json::Reader& reader);

/// A usage object in any upstream's form (wire.md §H); nothing for null or what is no object. Implausible figures are flagged.
/// json::padding stands behind `raw`.
[[nodiscard]] std::optional<metering::Usage> read_usage(std::string_view raw, metering::Basis basis);

/// How many bytes of JSON the choices of a whole reply say: texts, thoughts and tool calls.
[[nodiscard]] std::size_t bytes_said(std::string_view choices);

}  // namespace bellwether::dialects
