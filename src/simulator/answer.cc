#include "simulator/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "base/random.h"
#include "json/reader.h"

namespace bellwether::simulator {
namespace {

constexpr std::int64_t created = 1'760'000'000;
constexpr std::size_t dimensions = 16;

std::string base64_of(std::string_view bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t left = std::min<std::size_t>(3, bytes.size() - at);
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) group = group << 8 | (i < left ? static_cast<unsigned char>(bytes[at + i]) : 0);
    for (std::size_t i = 0; i < 4; ++i) out += i <= left ? digits[group >> (18 - 6 * i) & 63] : '=';
  }
  return out;
}

}  // namespace

Shapes::Shapes(Flavor flavor, const Ask& ask, std::string_view model, std::string_view id)
    : flavor_{flavor}, endpoint_{ask.endpoint}, usage_asked_{ask.usage}, id_{id} {
  const bool chat = endpoint_ == Endpoint::chat;
  const std::string_view object = !chat ? "text_completion" : ask.stream ? "chat.completion.chunk" : "chat.completion";
  head_ = fmt::format(R"({{"id":"{}{}","object":"{}","created":{},"model":{},)", chat ? "chatcmpl-" : "cmpl-", id, object, created, json::quote(model));
  if (flavor_ == Flavor::openai) head_ += R"("service_tier":"default","system_fingerprint":"fp_50cad350e4",)";
  if (flavor_ == Flavor::deepseek) head_ += R"("system_fingerprint":"fp_8802369eaa",)";
  if (flavor_ == Flavor::llama_server) head_ += R"("system_fingerprint":"b10573-0000000",)";
}

void Shapes::append_chunk(std::string& out, std::uint64_t choice, std::string_view delta, std::string_view running_usage) const {
  out += head_;
  fmt::format_to(std::back_inserter(out), R"("choices":[{{"index":{},)", choice);
  if (endpoint_ == Endpoint::chat) {
    out += R"("delta":{)";
    out += delta;
    out += '}';
  } else {
    out += R"("text":)";
    out += delta;
  }
  out += R"(,"logprobs":null,"finish_reason":null)";
  if (flavor_ == Flavor::vllm) out += endpoint_ == Endpoint::chat ? R"(,"token_ids":null)" : R"(,"stop_reason":null)";
  out += "}]";
  if (!running_usage.empty()) {
    out += R"(,"usage":)";
    out += running_usage;
  } else if (flavor_ == Flavor::deepseek || (flavor_ == Flavor::openai && usage_asked_)) {
    out += R"(,"usage":null)";
  }
  out += '}';
}

void Shapes::append_role(std::string& out, std::uint64_t choice) const {
  switch (flavor_) {
    case Flavor::llama_server: return append_chunk(out, choice, R"("role":"assistant","content":null)", {});
    case Flavor::openai: return append_chunk(out, choice, R"("role":"assistant","content":"","refusal":null)", {});
    default: return append_chunk(out, choice, R"("role":"assistant","content":"")", {});
  }
}

/// What ends a choice's object.
void Shapes::append_finish_fields(std::string& out, const Finish& finish) const {
  out += R"(,"logprobs":null,"finish_reason":)";
  out += finish.reason.empty() ? "null" : json::quote(finish.reason);
  if (flavor_ == Flavor::vllm) out += R"(,"stop_reason":)" + (finish.stopped_by.empty() ? "null" : json::quote(finish.stopped_by));
  out += '}';
}

void Shapes::append_finish(std::string& out, std::uint64_t choice, const Finish& finish, std::string_view usage) const {
  out += head_;
  const std::string_view inside = endpoint_ != Endpoint::chat                                    ? R"("text":"")"
                                  : flavor_ == Flavor::llama_server || flavor_ == Flavor::openai ? R"("delta":{})"
                                                                                                 : R"("delta":{"content":""})";
  fmt::format_to(std::back_inserter(out), R"("choices":[{{"index":{},{})", choice, inside);
  append_finish_fields(out, finish);
  out += ']';
  if (!usage.empty()) {
    out += R"(,"usage":)";
    out += usage;
  } else if (flavor_ == Flavor::deepseek || (flavor_ == Flavor::openai && usage_asked_)) {
    out += R"(,"usage":null)";
  }
  out += '}';
}

void Shapes::append_usage(std::string& out, std::string_view usage) const {
  out += head_;
  out += R"("choices":[],"usage":)";
  out += usage;
  out += '}';
}

std::string Shapes::whole(std::span<const WholeChoice> choices, std::string_view usage) const {
  std::string out = head_;
  out += R"("choices":[)";
  for (std::size_t i = 0; i < choices.size(); ++i) {
    const auto& [content, reasoning, tool_calls, finish] = choices[i];
    fmt::format_to(std::back_inserter(out), R"({}{{"index":{},)", i > 0 ? "," : "", i);
    if (endpoint_ == Endpoint::chat) {
      fmt::format_to(std::back_inserter(out), R"("message":{{"role":"assistant","content":{})", tool_calls.empty() ? content : "null");
      if (!tool_calls.empty()) fmt::format_to(std::back_inserter(out), R"(,"tool_calls":{})", tool_calls);
      else if (flavor_ == Flavor::vllm) out += R"(,"refusal":null,"annotations":null,"audio":null,"function_call":null,"tool_calls":[])";
      if (!reasoning.empty()) fmt::format_to(std::back_inserter(out), R"(,"{}":{})", reasoning_field(flavor_), reasoning);
      out += '}';
    } else {
      fmt::format_to(std::back_inserter(out), R"("text":{})", content);
    }
    append_finish_fields(out, finish);
  }
  out += ']';
  if (!usage.empty()) fmt::format_to(std::back_inserter(out), R"(,"usage":{})", usage);
  if (flavor_ == Flavor::vllm) out += R"(,"prompt_logprobs":null,"kv_transfer_params":null)";
  if (flavor_ == Flavor::llama_server) out += R"(,"timings":{"cache_n":0,"prompt_n":1,"prompt_ms":1.0,"predicted_n":1,"predicted_ms":1.0})";
  return out + "}";
}

std::string Shapes::tool_begin(std::string_view tool) const {
  const std::string_view prefix = flavor_ == Flavor::vllm ? "chatcmpl-tool-" : "call_";
  return fmt::format(R"("tool_calls":[{{"index":0,"id":"{}{}","type":"function","function":{{"name":{},"arguments":""}}}}])", prefix, id_, json::quote(tool));
}

std::string Shapes::tool_piece(std::string_view piece_quoted) {
  return fmt::format(R"("tool_calls":[{{"index":0,"function":{{"arguments":{}}}}}])", piece_quoted);
}

std::string embeddings_json(Flavor flavor, const Ask& ask, std::string_view model, std::string_view usage) {
  std::string out = R"({"object":"list","data":[)";
  for (std::uint64_t input = 0; input < ask.inputs; ++input) {
    Random random{tokens_of(ask.question) + input};
    std::array<float, dimensions> values;
    for (float& value : values) value = static_cast<float>(random.below(2000)) / 1000.0F - 1.0F;
    if (input > 0) out += ',';
    fmt::format_to(std::back_inserter(out), R"({{"object":"embedding","index":{},"embedding":)", input);
    // llama-server gives numbers whatever it was asked for (wire.md §C.8).
    if (ask.base64 && flavor != Flavor::llama_server) {
      out += '"' + base64_of({reinterpret_cast<const char*>(values.data()), sizeof values}) + '"';
    } else {
      out += '[';
      for (std::size_t i = 0; i < values.size(); ++i) fmt::format_to(std::back_inserter(out), "{}{}", i > 0 ? "," : "", values[i]);
      out += ']';
    }
    out += '}';
  }
  fmt::format_to(std::back_inserter(out), R"(],"model":{},"usage":{}}})", json::quote(model), usage);
  return out;
}

}  // namespace bellwether::simulator
