#include "parity/answer.h"

#include <nlohmann/json.hpp>

#include <set>

namespace bellwether::parity {
namespace {

using Json = nlohmann::json;

std::string text_in(const Json& json, const char* name) {
  return json.is_object() && json.contains(name) && json[name].is_string() ? json[name].get<std::string>() : "";
}

std::optional<std::int64_t> count_in(const Json& json, const char* name) {
  if (!json.is_object() || !json.contains(name) || !json[name].is_number_integer()) return std::nullopt;
  return json[name].get<std::int64_t>();
}

const Json& part_of(const Json& json, const char* name) {
  static const Json none;
  return json.is_object() && json.contains(name) ? json[name] : none;
}

Usage read_usage(const Json& json) {
  Usage usage{.input = count_in(json, "prompt_tokens"), .output = count_in(json, "completion_tokens"), .total = count_in(json, "total_tokens")};
  usage.cached = count_in(part_of(json, "prompt_tokens_details"), "cached_tokens");
  usage.has_hit_and_miss = count_in(json, "prompt_cache_hit_tokens") && count_in(json, "prompt_cache_miss_tokens");
  if (!usage.cached) usage.cached = count_in(json, "prompt_cache_hit_tokens");
  usage.reasoning = count_in(part_of(json, "completion_tokens_details"), "reasoning_tokens");
  return usage;
}

class Reading {
 public:
  explicit Reading(Said& said) : said_{said} {}

  void document(const Json& json) {
    if (!json.is_object()) {
      said_.malformed = true;
      return;
    }
    if (const Json& error = part_of(json, "error"); !error.is_null() || text_in(json, "object") == "error") return read_error(json, error);
    if (said_.model.empty()) said_.model = text_in(json, "model");
    if (said_.fingerprint.empty()) said_.fingerprint = text_in(json, "system_fingerprint");
    const Json& choices = part_of(json, "choices");
    if (const Json& usage = part_of(json, "usage"); usage.is_object()) {
      said_.usage = read_usage(usage);
      ++said_.usage_events;
      said_.usage_has_own_event = choices.is_array() && choices.empty();
    }
    if (!choices.is_array()) {
      said_.malformed = true;
      return;
    }
    for (const Json& choice : choices) read_choice(choice);
  }

  void read_error(const Json& json, const Json& error) {
    said_.is_error = true;
    const Json& inner = error.is_null() ? json : error;
    said_.error_shape = error.is_object() ? "openai" : error.is_string() ? "text" : "flat";
    said_.error_message = error.is_string() ? error.get<std::string>() : text_in(inner, "message");
    said_.error_type = text_in(inner, "type");
    said_.error_code = part_of(inner, "code").dump();
  }

 private:
  void read_choice(const Json& choice) {
    indices_.insert(count_in(choice, "index").value_or(0));
    said_.choices = indices_.size();
    if (const std::string finish = text_in(choice, "finish_reason"); !finish.empty()) said_.finish = finish;
    const Json& delta = part_of(choice, "delta");
    const Json& part = delta.is_object() ? delta : part_of(choice, "message");
    if (const std::string role = text_in(part, "role"); !role.empty() && said_.role.empty()) {
      said_.role = role;
      said_.first_has_role = said_.events <= 1;
    }
    said_.text += text_in(part, "content");
    said_.text += text_in(choice, "text");
    read_reasoning(part);
    const Json& calls = part_of(part, "tool_calls");
    if (calls.is_array() && !calls.empty()) {
      ++said_.call_pieces;
      for (const Json& call : calls) read_call(call, delta.is_object());
    }
    const Json& tokens = part_of(part_of(choice, "logprobs"), "content");
    if (!tokens.is_array()) return;
    said_.logprobs += tokens.size();
    if (!tokens.empty() && part_of(tokens[0], "top_logprobs").is_array()) said_.top_logprobs = part_of(tokens[0], "top_logprobs").size();
  }

  void read_reasoning(const Json& part) {
    const bool old_name = part.is_object() && part.contains("reasoning_content") && part["reasoning_content"].is_string();
    const bool new_name = part.is_object() && part.contains("reasoning") && part["reasoning"].is_string();
    if (!old_name && !new_name) return;
    said_.reasoning_field = old_name && new_name ? "reasoning+reasoning_content" : old_name ? "reasoning_content" : "reasoning";
    said_.reasoning += text_in(part, old_name ? "reasoning_content" : "reasoning");
  }

  void read_call(const Json& call, bool is_piece) {
    const auto index = is_piece ? static_cast<std::size_t>(count_in(call, "index").value_or(0)) : said_.calls.size();
    constexpr std::size_t calls_max = 128;
    if (index >= calls_max) return;
    if (index >= said_.calls.size()) said_.calls.resize(index + 1);
    ToolCall& known = said_.calls[index];
    const Json& function = part_of(call, "function");
    if (known.id.empty()) known.id = text_in(call, "id");
    if (known.name.empty()) known.name = text_in(function, "name");
    known.arguments += text_in(function, "arguments");
  }

  Said& said_;
  std::set<std::int64_t> indices_;
};

}  // namespace

Said read_answer(const Answer& answer) {
  Said said{.status = answer.status, .trouble = answer.trouble, .was_left = answer.was_left};
  said.is_stream = answer.content_type.starts_with("text/event-stream");
  said.comments = answer.comments;
  said.ttft_ms = answer.ttft_ms;
  said.total_ms = answer.total_ms;
  said.body = answer.body;
  Reading reading{said};
  if (said.is_stream) {
    for (const std::string& event : answer.events) {
      ++said.events;
      if (event == "[DONE]") said.done = true;
      else reading.document(Json::parse(event, nullptr, false));
    }
    return said;
  }
  const Json json = Json::parse(answer.body, nullptr, false);
  if (answer.status == 200) {
    if (json.is_object() && (json.contains("choices") || json.contains("error"))) reading.document(json);
  } else if (json.is_object()) {
    reading.read_error(json, part_of(json, "error"));
  } else {
    said.is_error = answer.status >= 400;
    said.error_shape = "none";
  }
  return said;
}

}  // namespace bellwether::parity
