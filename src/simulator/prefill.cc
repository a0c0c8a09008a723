#include "simulator/prefill.h"

#include <nlohmann/json.hpp>

#include "json/elements.h"

namespace bellwether::simulator {
namespace {

std::string without_white_space(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  bool in_string = false;
  for (std::size_t at = 0; at < json.size(); ++at) {
    const char c = json[at];
    if (in_string && c == '\\' && at + 1 < json.size()) {
      out += c;
      out += json[++at];
      continue;
    }
    if (c == '"') in_string = !in_string;
    if (in_string || (c != ' ' && c != '\n' && c != '\r' && c != '\t')) out += c;
  }
  return out;
}

bool is_assistants(std::string_view message, nlohmann::json& parsed) {
  parsed = nlohmann::json::parse(message, nullptr, false);
  return parsed.is_object() && parsed.contains("role") && parsed["role"] == "assistant";
}

}  // namespace

Conversation read_conversation(std::string_view messages) {
  Conversation conversation;
  conversation.whole = conversation.question = without_white_space(messages);
  // Looked at closely only where there can be such a message: it costs a reading.
  if (messages.find("\"assistant\"") == std::string_view::npos) return conversation;
  const std::vector<std::string_view> elements = json::elements(messages);
  nlohmann::json last, before;
  if (elements.empty() || !is_assistants(elements.back(), last)) return conversation;
  conversation.prefilled = true;
  conversation.two = elements.size() > 1 && is_assistants(elements[elements.size() - 2], before);
  conversation.prefix = last.contains("prefix") && last["prefix"] == true;
  if (last.contains("content") && last["content"].is_string()) conversation.text = last["content"].get<std::string>();
  std::string earlier = "[";
  for (std::size_t i = 0; i + 1 < elements.size(); ++i) earlier += (i > 0 ? "," : "") + without_white_space(elements[i]);
  conversation.question = earlier + "]";
  return conversation;
}

Prefilled prefilled(Flavor flavor, const Ask& ask, Path path) {
  if (ask.endpoint != Endpoint::chat) return {};
  const Conversation& chat = ask.conversation;
  const bool says_anything = chat.text.find_first_not_of(" \t\r\n") != std::string::npos;
  switch (flavor) {
    case Flavor::vllm:
      if (!ask.continue_final_message) return {};
      if (ask.add_generation_prompt) return {.refused = Trouble::prefill_flags, .text = {}};
      if (!chat.prefilled || !says_anything) return {.refused = Trouble::prefill, .text = {}};
      return {.refused = {}, .text = chat.text};
    case Flavor::deepseek:
      if (!chat.prefilled || !chat.prefix) return {};
      if (path != Path::beta) return {.refused = Trouble::prefill_needs_beta, .text = {}};
      return {.refused = {}, .text = chat.text};
    case Flavor::llama_server:
      if (ask.continue_final_message && ask.add_generation_prompt) return {.refused = Trouble::prefill_flags, .text = {}};
      if (!chat.prefilled) return {};
      if (chat.two) return {.refused = Trouble::prefill_twice, .text = {}};
      return {.refused = {}, .text = chat.text};
    case Flavor::openai: break;
  }
  return {};  // A closed turn: a new answer follows.
}

}  // namespace bellwether::simulator
