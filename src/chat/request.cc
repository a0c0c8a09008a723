#include "chat/request.h"

#include <fmt/format.h>

#include <algorithm>

#include "json/cursor.h"

namespace bellwether::chat {
namespace {

using json::Kind;
using json::Member;

std::unexpected<Failure> wrong(std::string_view param, std::string text) {
  return failed(Reason::request_malformed, PublicText{std::move(text)}, std::string(param));
}

std::string_view article_and_name(Kind kind) {
  switch (kind) {
    case Kind::object: return "an object";
    case Kind::array: return "an array";
    case Kind::string: return "a string";
    case Kind::number: return "a number";
    case Kind::boolean: return "a boolean";
    case Kind::null: break;
  }
  return "null";
}

std::unexpected<Failure> wrong_type(std::string_view param, std::string_view expected, Kind got) {
  return wrong(param, fmt::format("Invalid type for '{}': expected {}, but got {} instead.", param, expected, article_and_name(got)));
}

std::unexpected<Failure> missing(std::string_view param) { return wrong(param, fmt::format("Missing required parameter: '{}'.", param)); }

Result<void> read_model(const Member& member, Request& request) {
  if (member.kind != Kind::string) return wrong_type("model", "a string", member.kind);
  auto name = json::unquote(member.raw);
  if (!name || name->empty()) return wrong("model", "The parameter 'model' is empty.");
  request.model = *std::move(name);
  request.model_raw = member.raw;
  return {};
}

Result<bool> read_flag(std::string_view name, const Member& member) {
  if (member.kind == Kind::null) return false;
  if (member.kind != Kind::boolean) return wrong_type(name, "a boolean", member.kind);
  return member.raw == "true";
}

Result<std::int64_t> read_count(const Member& member) {
  if (member.kind != Kind::number) return wrong_type(member.key, "an integer", member.kind);
  const auto value = json::to_integer(member.raw);
  if (!value) return wrong(member.key, fmt::format("Invalid value for '{}': expected an integer.", member.key));
  if (*value < 0) return wrong(member.key, fmt::format("Invalid value for '{}': it is negative.", member.key));
  return *value;
}

Result<void> read_stream_options(std::string_view raw, Request& request) {
  request.stream_options_raw = raw;
  if (raw == "null") return {};
  json::Reader nested;  // Rare enough not to be kept: only streams that ask for usage come here.
  BW_TRY(members, nested.outline(raw));
  if (const Member* member = json::find(members, "include_usage")) {
    BW_TRY(asked, read_flag("stream_options.include_usage", *member));
    request.usage_asked = asked;
    request.include_usage_raw = member->raw;
  }
  if (const Member* member = json::find(members, "continuous_usage_stats")) {
    BW_TRY(asked, read_flag("stream_options.continuous_usage_stats", *member));
    request.running_usage_asked = asked;
    request.running_usage_raw = member->raw;
  }
  return {};
}

/// The members that decide what is done: two of one name could be taken differently here and upstream.
bool decides(std::string_view key) {
  return key == "model" || key == "stream" || key == "stream_options" || key == "messages" || key == "prompt" || key == "input" || key == "encoding_format";
}

bool asks_for_something(const Member& member) {
  return member.kind != Kind::null && member.raw != "false" && member.raw != "0" && member.raw != "{}" && member.raw != "[]";
}

bool is_plain_text_format(std::string_view raw) {
  if (!raw.starts_with('{')) return false;
  json::Reader nested;  // As rare as JSON mode.
  const auto members = nested.outline(raw);
  if (!members) return false;
  const Member* type = json::find(*members, "type");
  return type != nullptr && type->raw == "\"text\"";
}

/// What this member says against a continuation (wire.md §F.2).
Obstacle obstacle_of(const Member& member) {
  const std::string_view key = member.key;
  switch (key.empty() ? '\0' : key.front()) {
    case 'n':
    case 'b':
    case 'u':
      if (key == "n" || key == "best_of") return asks_for_something(member) && member.raw != "1" ? Obstacle::several_choices : Obstacle::none;
      if (key == "use_beam_search" && asks_for_something(member)) return Obstacle::several_choices;
      break;
    case 'l':
    case 't':
    case 'p':
    case 'r':
      if (key == "response_format" && asks_for_something(member) && !is_plain_text_format(member.raw)) return Obstacle::constrained;
      if ((key == "logprobs" || key == "top_logprobs" || key == "prompt_logprobs" || key == "return_token_ids" || key == "return_tokens_as_token_ids") &&
          asks_for_something(member))
        return Obstacle::logprobs;
      break;
    case 'g':
    case 's':
    case 'j':
      if ((key == "grammar" || key == "structured_outputs" || key == "json_schema" || key.starts_with("guided_")) && asks_for_something(member))
        return Obstacle::constrained;
      break;
    case 'e':
      if (key == "echo" && asks_for_something(member)) return Obstacle::echo;
      break;
    case 'a':
    case 'm':
      if (key == "audio" && asks_for_something(member)) return Obstacle::audio;
      if (key == "modalities" && member.raw.find("audio") != std::string_view::npos) return Obstacle::audio;
      break;
    default: break;
  }
  return Obstacle::none;
}

/// Of an array each text, or each array of tokens, is a prompt; an array of numbers is one.
std::int64_t prompts_in(std::string_view raw) {
  std::int64_t prompts = 0;
  json::Cursor{raw}.elements([&](std::string_view element) {
    if (element.front() == '"' || element.front() == '[') ++prompts;
  });
  return std::max<std::int64_t>(1, prompts);
}

Result<void> read_member(const Member& member, Request& request) {
  const std::string_view key = member.key;
  if (key == "model") return read_model(member, request);
  if (key == "stream") {
    BW_TRY(stream, read_flag("stream", member));
    request.stream = stream && request.endpoint != Endpoint::embeddings;
  } else if (key == "stream_options") {
    if (member.kind != Kind::object && member.kind != Kind::null) return wrong_type("stream_options", "an object", member.kind);
    return read_stream_options(member.raw, request);
  } else if (key == "messages" && request.endpoint == Endpoint::chat_completions) {
    if (member.kind != Kind::array) return wrong_type("messages", "an array", member.kind);
    if (member.raw.find_first_not_of(" \t\r\n", 1) == member.raw.size() - 1)
      return wrong("messages", "Invalid value for 'messages': there are no messages; at least one is needed.");
    request.content_raw = member.raw;
  } else if (key == "prompt" && request.endpoint == Endpoint::completions) {
    if (member.kind != Kind::string && member.kind != Kind::array) return wrong_type("prompt", "a string or an array", member.kind);
    request.content_raw = member.raw;
    request.prompts = prompts_in(member.raw);
  } else if (key == "input" && request.endpoint == Endpoint::embeddings) {
    if (member.kind != Kind::string && member.kind != Kind::array) return wrong_type("input", "a string or an array", member.kind);
    request.content_raw = member.raw;
  } else if (key == "max_completion_tokens" || (key == "max_tokens" && !request.output_tokens_max)) {
    if (member.kind == Kind::null) return {};
    BW_TRY(count, read_count(member));
    request.output_tokens_max = count;
  } else if (key == "n") {
    if (member.kind == Kind::null) return {};
    BW_TRY(count, read_count(member));
    request.choices = count;
  } else if (key == "encoding_format" && request.endpoint == Endpoint::embeddings) {
    request.base64_asked = json::unquote(member.raw) == "base64";
  }
  return {};
}

}  // namespace

Result<Request> read_request(Endpoint endpoint, std::string_view body, json::Reader& reader) {
  BW_TRY(members, reader.members(body));
  Request request;
  request.endpoint = endpoint;
  request.body = body;
  const std::size_t open = body.find('{'), close = body.rfind('}');
  request.object = body.substr(open, close - open + 1);
  if (endpoint != Endpoint::chat_completions) request.obstacle = Obstacle::other_endpoint;
  for (std::size_t i = 0; i < members.size(); ++i) {
    const Member& member = members[i];
    if (decides(member.key) && json::find(members.first(i), member.key) != nullptr)
      return wrong(member.key, fmt::format("The parameter '{}' is given twice.", member.key));
    if (Result<void> read = read_member(member, request); !read) return std::unexpected(std::move(read).error());
    if (request.obstacle == Obstacle::none) request.obstacle = obstacle_of(member);
  }
  if (request.model_raw.empty()) return missing("model");
  if (request.content_raw.empty()) return missing(endpoint == Endpoint::chat_completions ? "messages" : endpoint == Endpoint::completions ? "prompt" : "input");
  return request;
}

}  // namespace bellwether::chat
