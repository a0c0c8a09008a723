#include "calling/chat_event.h"

#include <array>

#include "json/elements.h"

namespace bellwether::calling {
namespace {

/// The raw values of a few members, taken out before the reader reads again.
template <std::size_t count>
std::optional<std::array<std::string_view, count>> members_of(std::string_view raw, json::Reader& reader, const std::array<std::string_view, count>& names) {
  const auto members = reader.outline(raw);
  if (!members) return std::nullopt;
  std::array<std::string_view, count> values{};
  for (std::size_t i = 0; i < count; ++i)
    if (const json::Member* member = json::find(*members, names[i]); member != nullptr && member->kind != json::Kind::null) values[i] = member->raw;
  return values;
}

std::string text_of(std::string_view raw) { return raw.empty() ? std::string{} : json::unquote(raw).value_or(""); }
std::int64_t count_of(std::string_view raw) { return raw.empty() ? 0 : json::to_integer(raw).value_or(0); }

Usage read_usage(std::string_view raw, json::Reader& reader) {
  Usage usage;
  const auto counts = members_of<4>(raw, reader, {"prompt_tokens", "completion_tokens", "prompt_cache_hit_tokens", "prompt_tokens_details"});
  if (!counts) return usage;
  const auto [input, output, hit, details] = *counts;
  usage = {.input = count_of(input), .cached_input = count_of(hit), .output = count_of(output)};
  if (!details.empty() && usage.cached_input == 0)
    if (const auto cached = members_of<1>(details, reader, {"cached_tokens"})) usage.cached_input = count_of((*cached)[0]);
  return usage;
}

void read_choice(std::string_view raw, json::Reader& reader, ChatEvent& event) {
  const auto choice = members_of<4>(raw, reader, {"delta", "message", "finish_reason", "text"});
  if (!choice) return;
  const auto [delta, message, finish, legacy] = *choice;
  if (!finish.empty()) event.finish = text_of(finish);
  if (!legacy.empty()) event.text += text_of(legacy);
  const std::string_view said = delta.empty() ? message : delta;
  if (!said.empty()) {
    if (const auto parts = members_of<4>(said, reader, {"content", "reasoning_content", "reasoning", "tool_calls"})) {
      const auto [content, reasoning_content, reasoning, calls] = *parts;
      event.text += text_of(content);
      // Where both names are there they say the same (vLLM 0.11.1 to 0.15).
      event.reasoning += text_of(reasoning_content.empty() ? reasoning : reasoning_content);
      event.has_token |= calls.size() > std::string_view("[]").size();
    }
  }
  event.has_token |= !event.text.empty() || !event.reasoning.empty();
}

}  // namespace

std::string error_message_of(std::string_view body, json::Reader& reader) {
  const auto top = members_of<4>(body, reader, {"error", "message", "detail", "object"});
  if (!top) return {};
  const auto [error, message, detail, object] = *top;
  if (error.starts_with('"')) return text_of(error);
  if (!error.empty()) {
    const auto inner = members_of<1>(error, reader, {"message"});
    const std::string text = inner ? text_of((*inner)[0]) : std::string{};
    return text.empty() ? "an error without a message" : text;
  }
  if (text_of(object) == "error" || detail.empty()) return text_of(message);
  return text_of(detail);
}

ChatEvent read_chat_event(std::string_view data, json::Reader& reader) {
  ChatEvent event;
  if (data.starts_with("[DONE]")) {
    event.is_done = true;
    return event;
  }
  const auto top = members_of<5>(data, reader, {"choices", "usage", "error", "model", "object"});
  if (!top) {
    event.is_malformed = true;
    return event;
  }
  const auto [choices, usage, error, model, object] = *top;
  if (!error.empty() || object == "\"error\"") {
    event.is_error = true;
    event.error_message = error_message_of(data, reader);
    return event;
  }
  if (choices.empty() || choices.front() != '[') {
    event.is_malformed = true;
    return event;
  }
  event.model = text_of(model);
  if (!usage.empty()) event.usage = read_usage(usage, reader);
  for (const std::string_view choice : json::elements(choices)) read_choice(choice, reader, event);
  return event;
}

}  // namespace bellwether::calling
