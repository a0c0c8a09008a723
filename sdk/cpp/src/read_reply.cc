#include "read_reply.h"

#include <array>
#include <bit>
#include <charconv>
#include <cstring>

#include "json/elements.h"
#include "json_object.h"

namespace bellwether::client {
namespace {

std::vector<ToolCall> tool_calls_of(const JsonObject& said) {
  std::vector<ToolCall> calls;
  for (const std::string_view raw : said.elements("tool_calls")) {
    const JsonObject call{raw};
    const JsonObject function = call.object("function");
    calls.push_back({.index = call.has("index") ? call.integer("index") : static_cast<std::int64_t>(calls.size()),
                     .id = call.text("id"),
                     .name = function.text("name"),
                     .arguments = function.text("arguments")});
  }
  return calls;
}

ReplyMessage message_of(const JsonObject& said) {
  ReplyMessage message{
      .role = said.text("role"), .content = said.text("content"), .reasoning = said.text("reasoning_content"), .refusal = said.text("refusal")};
  if (message.reasoning.empty()) message.reasoning = said.text("reasoning");
  message.tool_calls = tool_calls_of(said);
  return message;
}

std::optional<Usage> usage_of(const JsonObject& document) {
  if (!document.raw("usage").starts_with('{')) return std::nullopt;
  const JsonObject usage = document.object("usage");
  Usage read{.prompt_tokens = usage.integer("prompt_tokens"),
             .completion_tokens = usage.integer("completion_tokens"),
             .total_tokens = usage.integer("total_tokens"),
             .cached_tokens = usage.object("prompt_tokens_details").integer("cached_tokens"),
             .reasoning_tokens = usage.object("completion_tokens_details").integer("reasoning_tokens")};
  // DeepSeek's own word for it.
  if (read.cached_tokens == 0) read.cached_tokens = usage.integer("prompt_cache_hit_tokens");
  return read;
}

/// What answers of every kind have at their top.
template <class T>
void read_top(T& reply, const JsonObject& document) {
  reply.id = document.text("id");
  reply.created = document.integer("created");
  reply.model = document.text("model");
  reply.usage = usage_of(document);
  reply.x_latency_ms = document.number("x_latency_ms");
  reply.x_source = document.text("x_source");
}

/// Base64 of little-endian floats.
std::vector<float> floats_of_base64(std::string_view text) {
  std::string bytes;
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    std::uint32_t six = 0;
    if (c >= 'A' && c <= 'Z') six = static_cast<std::uint32_t>(c - 'A');
    else if (c >= 'a' && c <= 'z') six = static_cast<std::uint32_t>(c - 'a' + 26);
    else if (c >= '0' && c <= '9') six = static_cast<std::uint32_t>(c - '0' + 52);
    else if (c == '+') six = 62;
    else if (c == '/') six = 63;
    else break;
    bits = bits << 6 | six;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes += static_cast<char>(bits >> held & 0xff);
  }
  static_assert(std::endian::native == std::endian::little);
  std::vector<float> values(bytes.size() / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

std::vector<float> floats_of(std::string_view array) {
  std::vector<float> values;
  for (const std::string_view raw : json::elements(array)) {
    float value = 0;
    std::from_chars(raw.data(), raw.data() + raw.size(), value);
    values.push_back(value);
  }
  return values;
}

Model model_of(std::string_view raw) {
  const JsonObject object{raw};
  return {.id = object.text("id"), .created = object.integer("created"), .owned_by = object.text("owned_by"), .raw_json = std::string(raw)};
}

bool is_list(const JsonObject& document, std::string_view name) { return document.raw(name).starts_with('['); }

}  // namespace

template <>
std::optional<ChatCompletion> read_reply(std::string text) {
  pad(text);
  const std::optional<JsonObject> document = JsonObject::read(text);
  if (!document || !is_list(*document, "choices")) return std::nullopt;
  ChatCompletion reply;
  read_top(reply, *document);
  for (const std::string_view raw : document->elements("choices")) {
    const JsonObject choice{raw};
    reply.choices.push_back({.index = choice.integer("index"), .message = message_of(choice.object("message")), .finish_reason = choice.text("finish_reason")});
  }
  reply.raw_json = std::move(text);
  return reply;
}

template <>
std::optional<ChatChunk> read_reply(std::string text) {
  pad(text);
  const std::optional<JsonObject> document = JsonObject::read(text);
  if (!document || !is_list(*document, "choices")) return std::nullopt;
  ChatChunk chunk;
  read_top(chunk, *document);
  for (const std::string_view raw : document->elements("choices")) {
    const JsonObject choice{raw};
    chunk.choices.push_back({.index = choice.integer("index"), .delta = message_of(choice.object("delta")), .finish_reason = choice.text("finish_reason")});
  }
  chunk.raw_json = std::move(text);
  return chunk;
}

template <>
std::optional<Completion> read_reply(std::string text) {
  pad(text);
  const std::optional<JsonObject> document = JsonObject::read(text);
  if (!document || !is_list(*document, "choices")) return std::nullopt;
  Completion reply;
  read_top(reply, *document);
  for (const std::string_view raw : document->elements("choices")) {
    const JsonObject choice{raw};
    reply.choices.push_back({.index = choice.integer("index"), .text = choice.text("text"), .finish_reason = choice.text("finish_reason")});
  }
  reply.raw_json = std::move(text);
  return reply;
}

template <>
std::optional<Embeddings> read_reply(std::string text) {
  pad(text);
  const std::optional<JsonObject> document = JsonObject::read(text);
  if (!document || !is_list(*document, "data")) return std::nullopt;
  Embeddings reply{.model = document->text("model"), .usage = usage_of(*document)};
  for (const std::string_view raw : document->elements("data")) {
    const JsonObject one{raw};
    const std::string_view values = one.raw("embedding");
    reply.data.push_back({.index = one.integer("index"), .values = values.starts_with('"') ? floats_of_base64(one.text("embedding")) : floats_of(values)});
  }
  reply.raw_json = std::move(text);
  return reply;
}

template <>
std::optional<ModelList> read_reply(std::string text) {
  pad(text);
  const std::optional<JsonObject> document = JsonObject::read(text);
  if (!document || !is_list(*document, "data")) return std::nullopt;
  ModelList list;
  for (const std::string_view raw : document->elements("data")) list.data.push_back(model_of(raw));
  list.raw_json = std::move(text);
  return list;
}

template <>
std::optional<Model> read_reply(std::string text) {
  pad(text);
  const std::optional<JsonObject> document = JsonObject::read(text);
  if (!document || !document->has("id")) return std::nullopt;
  return model_of(text);
}

}  // namespace bellwether::client
