// Which formats there are, how each is known by its first bytes, and who reads it: one table in format.cc. Pure; any thread.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "audit/reading.h"

namespace bellwether::audit {

/// How much of a source `detect` should see. The first lines of a vLLM's log are its start, which no other format looks like.
inline constexpr std::size_t detect_bytes = 64 * 1024;

struct Format {
  std::string_view name;  ///< In the report: `vllm-log`.
  std::string_view what;  ///< What was looked for, in a sentence about an empty result.
  /// Whether a source that begins so is of this format. The bytes end anywhere.
  bool (*looks_like)(std::string_view begin);
  std::unique_ptr<Reader> (*make)(const ReadingContext& context, Sink& sink);
};

/// In the order in which they are tried: the picky ones first.
[[nodiscard]] std::span<const Format> formats();

/// The format of a source, by its first bytes. A text that looks like nothing known is `vllm-log`, whose lines may come late; what is no text
/// is null.
[[nodiscard]] const Format* detect(std::string_view begin);

/// What bytes that told nothing look like, for a message: `gzip`, `binary data`, `JSON lines with "a", "b"`, `text that begins "…"`.
[[nodiscard]] std::string describe(std::string_view begin);

}  // namespace bellwether::audit
