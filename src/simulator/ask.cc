#include "simulator/ask.h"

#include <nlohmann/json.hpp>

#include <algorithm>

#include "simulator/prefill.h"

namespace bellwether::simulator {
namespace {

std::string first_tool(std::string_view tools) {
  const nlohmann::json json = nlohmann::json::parse(tools, nullptr, false);
  if (!json.is_array() || json.empty() || !json[0].is_object()) return {};
  return json[0].value("/function/name"_json_pointer, "");
}

/// One string or several.
std::vector<std::string> read_stops(std::string_view raw) {
  const nlohmann::json json = nlohmann::json::parse(raw, nullptr, false);
  std::vector<std::string> stops;
  const auto add = [&](const nlohmann::json& value) {
    if (value.is_string() && !value.get_ref<const std::string&>().empty()) stops.push_back(value);
  };
  add(json);
  if (json.is_array())
    for (const nlohmann::json& value : json) add(value);
  return stops;
}

}  // namespace

Result<Ask> read_ask(Endpoint endpoint, std::string_view body, json::Reader& reader) {
  BW_TRY(members, reader.members(body));
  const auto raw = [&](std::string_view name) {
    const json::Member* member = json::find(members, name);
    return member == nullptr ? std::string_view{} : member->raw;
  };
  Ask ask;
  ask.endpoint = endpoint;
  ask.model = json::unquote(raw("model")).value_or("");
  const std::string_view question = raw(endpoint == Endpoint::chat ? "messages" : endpoint == Endpoint::completions ? "prompt" : "input");
  if (question.empty()) return failed(Reason::request_malformed);
  if (endpoint == Endpoint::chat) {
    ask.conversation = read_conversation(question);
    ask.question = ask.conversation.whole;
  } else {
    ask.question = question;
  }
  ask.stream = raw("stream") == "true";
  ask.base64 = raw("encoding_format") == "\"base64\"";
  for (const std::string_view name : {"max_tokens", "max_completion_tokens"})
    if (const auto value = json::to_integer(raw(name)); value && *value > 0) ask.tokens_max = static_cast<std::uint64_t>(*value);
  if (const auto choices = json::to_integer(raw("n")); choices && *choices > 0) ask.choices = static_cast<std::uint64_t>(std::min(*choices, choices_max));
  if (const std::string_view stop = raw("stop"); !stop.empty()) ask.stops = read_stops(stop);
  if (const std::string_view choice = raw("tool_choice"); choice != "\"none\"" && !raw("tools").empty()) ask.tool = first_tool(raw("tools"));
  const std::string_view options = raw("stream_options");
  const std::string_view thinking = raw("thinking");
  ask.usage = options.find("\"include_usage\":true") != std::string_view::npos || options.find("\"include_usage\": true") != std::string_view::npos;
  ask.running_usage = options.find("\"continuous_usage_stats\":true") != std::string_view::npos;
  const std::string_view template_arguments = raw("chat_template_kwargs");
  ask.thinking_off = thinking.find("disabled") != std::string_view::npos || template_arguments.find("\"enable_thinking\":false") != std::string_view::npos ||
                     template_arguments.find("\"enable_thinking\": false") != std::string_view::npos;
  ask.add_generation_prompt = raw("add_generation_prompt") != "false";
  ask.continue_final_message = raw("continue_final_message") == "true";
  ask.thinking = thinking.find("enabled") != std::string_view::npos;
  if (endpoint == Endpoint::embeddings && question.starts_with('[')) {
    const nlohmann::json json = nlohmann::json::parse(question, nullptr, false);
    // An array of numbers is one text, as tokens.
    if (json.is_array() && !json.empty() && !json[0].is_number()) ask.inputs = json.size();
  }
  return ask;
}

}  // namespace bellwether::simulator
