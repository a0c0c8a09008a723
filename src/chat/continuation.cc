#include "chat/continuation.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "chat/request.h"
#include "json/elements.h"

namespace bellwether::chat {
namespace {

/// Marks of chat templates, as far as a model may write them into its text: a template that meets them in a message takes them for
/// its own (wire.md §F.2). `<|` begins those of most models, `<｜` DeepSeek's.
constexpr std::array<std::string_view, 8> control_marks{"<|", "<｜", "</s>", "<think>", "</think>", "[INST]", "[/INST]", "<start_of_turn>"};

bool last_message_is_the_assistants(std::string_view messages, json::Reader& reader) {
  const std::vector<std::string_view> elements = json::elements(messages);
  if (elements.empty()) return false;
  const auto members = reader.outline(elements.back());
  if (!members) return false;
  const json::Member* role = json::find(*members, "role");
  return role != nullptr && json::unquote(role->raw) == "assistant";
}

/// Whether `text` ends with a beginning of `stop` that is not all of it.
bool ends_within(std::string_view text, std::string_view stop) {
  for (std::size_t size = std::min(text.size(), stop.empty() ? 0 : stop.size() - 1); size > 0; --size)
    if (text.ends_with(stop.substr(0, size))) return true;
  return false;
}

bool ends_within_a_stop_string(std::string_view text, std::string_view stop) {
  if (const auto only = json::unquote(stop)) return ends_within(text, *only);
  for (const std::string_view element : json::elements(stop))
    if (const auto one = json::unquote(element); one && ends_within(text, *one)) return true;
  return false;
}

/// `quote` replaces what is no UTF-8, so a text that comes back the same has none.
bool is_utf8(std::string_view text) { return json::unquote(json::quote(text)) == text; }

}  // namespace

std::string_view name_of(Obstacle obstacle) {
  switch (obstacle) {
    case Obstacle::none: return "none";
    case Obstacle::other_endpoint: return "other_endpoint";
    case Obstacle::several_choices: return "several_choices";
    case Obstacle::logprobs: return "logprobs";
    case Obstacle::constrained: return "constrained";
    case Obstacle::echo: return "echo";
    case Obstacle::audio: return "audio";
    case Obstacle::begun_by_caller: return "begun_by_caller";
    case Obstacle::tool_call: return "tool_call";
    case Obstacle::reasoning: return "reasoning";
    case Obstacle::refusal: return "refusal";
    case Obstacle::split_character: return "split_character";
    case Obstacle::control_token: return "control_token";
    case Obstacle::stop_string: return "stop_string";
    case Obstacle::text_too_long: return "text_too_long";
    case Obstacle::no_candidate: return "no_candidate";
    case Obstacle::finished: break;
  }
  return "finished";
}

Obstacle find_obstacle(const Request& request, std::string_view text, json::Reader& reader) {
  if (request.obstacle != Obstacle::none) return request.obstacle;
  const auto members = reader.outline(request.body);
  if (!members) return Obstacle::other_endpoint;
  const json::Member* const messages = json::find(*members, "messages");
  const json::Member* const stop = json::find(*members, "stop");
  const std::string_view messages_raw = messages == nullptr ? std::string_view{} : messages->raw;
  const std::string_view stop_raw = stop == nullptr ? std::string_view{} : stop->raw;  // The reader reads again below.
  if (last_message_is_the_assistants(messages_raw, reader)) return Obstacle::begun_by_caller;
  if (!is_utf8(text)) return Obstacle::split_character;
  if (std::ranges::any_of(control_marks, [&](std::string_view mark) { return text.find(mark) != std::string_view::npos; })) return Obstacle::control_token;
  if (ends_within_a_stop_string(text, stop_raw)) return Obstacle::stop_string;
  return Obstacle::none;
}

std::optional<std::int64_t> output_tokens_left(const Request& request, std::int64_t tokens_so_far) {
  if (!request.output_tokens_max) return std::nullopt;
  return *request.output_tokens_max - tokens_so_far;
}

}  // namespace bellwether::chat
