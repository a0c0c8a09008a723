#include "dialects/events.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "dialects/errors.h"
#include "json/cursor.h"

namespace bellwether::dialects {
namespace {

using json::Cursor;

/// The key without its quotes. Not unescaped: the keys looked for hold no escapes.
std::string_view name_of(std::string_view key_raw) { return key_raw.substr(1, key_raw.size() - 2); }

bool is_text(std::string_view raw) { return raw.size() > 2 && raw.front() == '"'; }

bool is_empty_array(std::string_view raw) { return raw.size() >= 2 && raw.find_first_not_of(" \t\r\n", 1) == raw.size() - 1; }

void read_delta(std::string_view delta, chat::EventFacts& facts) {
  Cursor{delta}.members([&](std::string_view key_raw, std::string_view raw) {
    const std::string_view key = name_of(key_raw);
    if (key == "content") {
      facts.text_raw = raw;
      facts.text = facts.text || is_text(raw);
    } else if (key == "role") {
      facts.role_raw = raw;
      facts.role_key_raw = key_raw;
    } else if (key == "reasoning_content" || key == "reasoning") {
      if (!is_text(raw)) return;
      facts.reasoning = true;
      facts.reasoning_raw = raw;
    } else if (key == "refusal") {
      facts.refusal = facts.refusal || is_text(raw);
    } else if (key == "tool_calls" || key == "function_call") {
      const bool call = (raw.front() == '[' && !is_empty_array(raw)) || raw.front() == '{';
      if (call) facts.in_tool_call = true;
    }
  });
}

void read_choice(std::string_view choice, chat::EventFacts& facts) {
  std::int64_t index = 0;
  bool ended = false;
  Cursor{choice}.members([&](std::string_view key_raw, std::string_view raw) {
    const std::string_view key = name_of(key_raw);
    if (key == "delta") {
      read_delta(raw, facts);
    } else if (key == "text") {
      facts.text_raw = raw;
      facts.text = facts.text || is_text(raw);
    } else if (key == "index") {
      index = json::to_integer(raw).value_or(0);
    } else if (key == "logprobs") {
      if (raw != "null") facts.logprobs = true;
    } else if (key == "finish_reason" && raw.front() == '"') {
      ended = true;
      // DeepSeek's word for running out of capacity; vLLM's for a request that was broken off (wire.md §B.5, A.3.4).
      facts.interrupted = facts.interrupted || raw == "\"insufficient_system_resource\"" || raw == "\"aborted\"" || raw == "\"abort\"" || raw == "\"error\"";
    }
  });
  const auto place = static_cast<std::size_t>(std::clamp<std::int64_t>(index, 0, static_cast<std::int64_t>(facts.spoken.size()) - 1));
  facts.spoken.set(place);
  if (ended) facts.ended.set(place);
  facts.finished = facts.finished || ended;
  facts.other_choice = facts.other_choice || index != 0;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::optional<metering::Usage> read_usage(std::string_view raw, metering::Basis basis) {
  if (!raw.starts_with('{')) return std::nullopt;
  metering::Usage usage{.basis = basis};
  const auto count = [&](std::string_view number, std::int64_t& into) {
    const auto value = json::to_integer(number);
    if (value) into = *value;
    else if (number != "null") usage.absurd = true;
  };
  std::int64_t cache_hit = -1;
  Cursor{raw}.members([&](std::string_view key_raw, std::string_view value) {
    const std::string_view key = name_of(key_raw);
    if (key == "prompt_tokens") count(value, usage.input);
    else if (key == "completion_tokens") count(value, usage.output);
    else if (key == "prompt_cache_hit_tokens") count(value, cache_hit);
    else if (key == "prompt_tokens_details")
      Cursor{value}.members([&](std::string_view name, std::string_view number) {
        if (name_of(name) == "cached_tokens") count(number, usage.cached_input);
      });
    else if (key == "completion_tokens_details")
      Cursor{value}.members([&](std::string_view name, std::string_view number) {
        if (name_of(name) == "reasoning_tokens") count(number, usage.reasoning_output);
      });
  });
  if (cache_hit >= 0) usage.cached_input = cache_hit;
  return metering::plausible(usage);
}

std::size_t bytes_said(std::string_view choices) {
  constexpr std::array said{"content", "text", "reasoning", "reasoning_content", "refusal", "tool_calls"};
  std::size_t bytes = 0;
  const auto add = [&](std::string_view key_raw, std::string_view raw) {
    if (std::ranges::find(said, name_of(key_raw)) != said.end() && (is_text(raw) || (raw.front() == '[' && !is_empty_array(raw)))) bytes += raw.size();
  };
  Cursor{choices}.elements([&](std::string_view choice) {
    Cursor{choice}.members([&](std::string_view key_raw, std::string_view raw) {
      if (name_of(key_raw) == "message") Cursor{raw}.members(add);
      else add(key_raw, raw);
    });
  });
  return bytes;
}

chat::EventFacts read_event(std::string_view data, json::Reader& reader) {
  using Kind = chat::EventFacts::Kind;
  chat::EventFacts facts;
  data = trimmed(data);
  if (data == "[DONE]") {
    facts.kind = Kind::done;
    return facts;
  }
  const auto broken = [&](std::string_view why) {
    facts.kind = Kind::broken;
    facts.failure = Failure{.reason = Reason::upstream_broken, .detail = {std::string(why)}};
    return facts;
  };
  // SDKs raise what no caller catches for bytes that are no text (Python: UnicodeDecodeError).
  if (!json::is_utf8(data)) return broken("an event of the stream is not UTF-8");
  const auto members = reader.outline(data);
  if (!members) return broken("an event of the stream is no JSON object");
  const json::Member* choices = nullptr;
  const json::Member* usage = nullptr;
  const json::Member* error = nullptr;
  for (const json::Member& member : *members) {
    if (member.key == "choices") choices = &member;
    else if (member.key == "usage") usage = &member;
    else if (member.key == "model" && member.kind == json::Kind::string) facts.model_raw = member.raw;
    else if (chat::is_signature(member.key)) facts.is_signed = true;
    else if (member.key == "error" && member.kind != json::Kind::null) error = &member;
  }
  if (error != nullptr) {
    facts.kind = Kind::error;
    const UpstreamError read = read_error(data, reader);
    facts.failure = failure_of(read.status_in_body.value_or(500), read);
    return facts;
  }
  const bool has_choices = choices != nullptr && choices->kind == json::Kind::array && !is_empty_array(choices->raw);
  if (has_choices) {
    facts.kind = Kind::delta;
    facts.choices_raw = choices->raw;
    std::size_t count = 0;
    Cursor{choices->raw}.elements([&](std::string_view choice) {
      read_choice(choice, facts);
      if (++count > 1) facts.other_choice = true;
    });
    facts.first_token = facts.text || facts.reasoning || facts.refusal || facts.in_tool_call;
  }
  if (usage != nullptr) {
    facts.usage_raw = usage->raw;
    facts.usage_key_raw = usage->key_raw;
    // On a chunk that finishes the counts are final (DeepSeek); on another they are running (vLLM).
    const bool final = !has_choices || facts.finished;
    facts.usage = read_usage(usage->raw, final ? metering::Basis::reported : metering::Basis::running);
    if (!has_choices && facts.usage) facts.kind = Kind::usage;
  }
  return facts;
}

}  // namespace bellwether::dialects
