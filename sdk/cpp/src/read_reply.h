// Answers out of JSON. Pure. Nothing where the text is no such answer.
#pragma once

#include <optional>
#include <string>

#include "bellwether/completions.hpp"
#include "bellwether/embeddings.hpp"
#include "bellwether/models.hpp"

namespace bellwether::client {

/// For ChatCompletion, ChatChunk, Completion, Embeddings, ModelList and Model. The text becomes the answer's `raw`.
template <class T>
[[nodiscard]] std::optional<T> read_reply(std::string text);

}  // namespace bellwether::client
