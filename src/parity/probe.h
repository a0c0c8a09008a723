// The small requests by which two endpoints are compared. A table; the bodies are made here, sending them is cli/'s.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parity/answer.h"

namespace bellwether::parity {

using Body = nlohmann::ordered_json;

enum class Shape : std::uint8_t { whole, stream, list };
enum class ShownKey : std::uint8_t { own, wrong };

struct Probe {
  std::string name;
  Shape shape = Shape::whole;
  std::string_view path = "/chat/completions";
  ShownKey key = ShownKey::own;
  std::string model;             ///< Empty: the endpoint's own.
  std::uint64_t events_max = 0;  ///< Hang up after so many events that carry a choice; 0: never.
  /// Made of what the same endpoint said before, without model and stream. Nothing: it cannot be asked here, and why is for the check.
  std::function<std::optional<Body>(const History&)> body;
};

[[nodiscard]] const std::vector<Probe>& probes();
/// A broken invariant where there is none of this name.
[[nodiscard]] const Probe& probe_named(std::string_view name);

struct Spending {
  std::uint64_t input = 0, output = 0;
  [[nodiscard]] std::uint64_t sum() const { return input + output; }
};
/// At most so much is spent on a body: two bytes a token, which even Korean and code keep above, and all the output that it allows.
[[nodiscard]] Spending spending_max_of(const Probe& probe, const Body& body);

/// What a stop probe stops at: a piece of what the endpoint answered to `probe`, where it first occurs in its middle or later.
[[nodiscard]] std::optional<std::string> stop_piece(const History& history, std::string_view probe);

/// How long a text an endpoint takes, as its list of models or its refusals tell. Nothing: it does not say.
[[nodiscard]] std::optional<std::int64_t> context_length_of(const History& history);

/// The kinds of text whose tokens are counted, with how many texts there are of each.
struct TextKind {
  std::string_view name;
  std::vector<std::string_view> texts;
};
[[nodiscard]] const std::vector<TextKind>& text_kinds();

inline constexpr std::uint64_t speed_calls = 5;

}  // namespace bellwether::parity
