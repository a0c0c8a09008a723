// Requests that end with the assistant's own message: who goes on from there, who refuses, who begins a new answer. Facts of wire.md §F.1.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "simulator/ask.h"
#include "simulator/flavor.h"

namespace bellwether::simulator {

/// json::padding stands behind `messages`.
[[nodiscard]] Conversation read_conversation(std::string_view messages);

/// What a flavour makes of the request's end. At most one of the two is there; with neither it is a question like any other.
struct Prefilled {
  std::optional<Trouble> refused;
  std::optional<std::string> text;  ///< To go on from.
};
enum class Path : bool { usual, beta };
[[nodiscard]] Prefilled prefilled(Flavor flavor, const Ask& ask, Path path);

}  // namespace bellwether::simulator
