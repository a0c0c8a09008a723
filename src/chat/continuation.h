// Whether an answer that broke off can be continued by another upstream, as far as the request and what was said decide it, and what
// such a continuation needs to know. Facts of wire.md §F. How an upstream is asked to go on is its dialect's business.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "json/reader.h"

namespace bellwether::chat {

struct Request;

/// Why an answer cannot be continued.
enum class Obstacle : std::uint8_t {
  none,
  other_endpoint,   ///< Not chat: a text completion has no messages to end with one of the assistant's.
  several_choices,  ///< n, best_of, beam search: each choice would need a continuation of its own.
  logprobs,         ///< Also token ids: offsets start anew.
  constrained,      ///< JSON mode and every other grammar: it begins again at its root.
  echo,             ///< The continuation would repeat what was said.
  audio,            ///< Text is not all that is asked for.
  begun_by_caller,  ///< The caller's own last message is the assistant's: there would be two, which some refuse and none joins.
  tool_call,        ///< Part of a tool call was sent: no upstream can go on within one.
  reasoning,        ///< Broke off within its reasoning, which the caller has seen.
  refusal,          ///< The model was refusing; that text has no place in a message to go on from.
  split_character,  ///< The text ends within a character, or is no UTF-8.
  control_token,    ///< The text holds what chat templates take for their own marks.
  stop_string,      ///< The text ends with what may be the beginning of a stop string.
  text_too_long,    ///< More text than is kept.
  no_candidate,     ///< No upstream of the route can go on with an answer.
  finished,         ///< The answer is complete.
};

/// For logs and metric labels.
[[nodiscard]] std::string_view name_of(Obstacle obstacle);

/// What an upstream is told of the answer that it is to go on with.
struct Unfinished {
  std::string_view text;    ///< What was said, UTF-8, without white space at its end. Never empty.
  std::int64_t tokens = 0;  ///< How many that were, reasoning included: taken off the request's bounds.
  bool reasoned = false;    ///< Reasoning came before the text: it is over, and must not begin again.
};

/// What of the messages and of the text stands in the way, looked for when it is needed and not before: the caller's last message,
/// control tokens, stop strings. `request.obstacle` has what the request's other members say.
[[nodiscard]] Obstacle find_obstacle(const Request& request, std::string_view text, json::Reader& reader);

/// How many tokens the answer may still have: the request's bound less `tokens_so_far`, zero or less where it is used up; nothing
/// where the caller set no bound.
[[nodiscard]] std::optional<std::int64_t> output_tokens_left(const Request& request, std::int64_t tokens_so_far);

}  // namespace bellwether::chat
