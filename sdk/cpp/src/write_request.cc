#include "write_request.h"

#include <array>
#include <charconv>
#include <cmath>

#include "json/reader.h"
#include "json_object.h"

namespace bellwether::client {
namespace {

/// Writes the members of one object, and remembers the first that cannot be written.
class ObjectWriter {
 public:
  explicit ObjectWriter(std::optional<Error>& trouble) : trouble_{trouble} {}

  void text(std::string_view name, std::string_view value) {
    begin(name);
    json::append_quoted(out_, value);
  }
  void text_if_any(std::string_view name, std::string_view value) {
    if (!value.empty()) text(name, value);
  }
  void number(std::string_view name, const std::optional<std::int64_t>& value) {
    if (!value) return;
    begin(name);
    out_ += std::to_string(*value);
  }
  void number(std::string_view name, const std::optional<double>& value) {
    if (!value) return;
    if (!std::isfinite(*value)) return wrong(name, "is no finite number");
    std::array<char, 32> digits;
    begin(name);
    out_.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), *value).ptr);
  }
  void truth(std::string_view name, const std::optional<bool>& value) {
    if (value) raw(name, *value ? "true" : "false");
  }
  void texts(std::string_view name, const std::vector<std::string>& values) {
    begin(name);
    char before = '[';
    for (const std::string& value : values) {
      out_ += std::exchange(before, ',');
      json::append_quoted(out_, value);
    }
    out_ += values.empty() ? "[]" : "]";
  }
  /// What we wrote ourselves.
  void raw(std::string_view name, std::string_view value) {
    begin(name);
    out_ += value;
  }
  /// What the caller wrote.
  void checked(std::string_view name, std::string_view value) {
    if (!is_json_value(value)) return wrong(name, "is no JSON value");
    raw(name, value);
  }
  void checked_if_any(std::string_view name, std::string_view value) {
    if (!value.empty()) checked(name, value);
  }
  void extra(const Extra& members) {
    for (const auto& [name, value] : members) checked(name, value);
  }
  void wrong(std::string_view name, std::string_view why) {
    if (trouble_) return;
    trouble_ = Error{.kind = ErrorKind::invalid_argument,
                     .code = "invalid_request",
                     .param = std::string(name),
                     .message = "The request was not sent: its member \"" + std::string(name) + "\" " + std::string(why) + "."};
  }
  [[nodiscard]] std::string close() && { return std::move(out_ += out_.empty() ? "{}" : "}"); }

 private:
  void begin(std::string_view name) {
    out_ += out_.empty() ? '{' : ',';
    json::append_quoted(out_, name);
    out_ += ':';
  }

  std::string out_;
  std::optional<Error>& trouble_;
};

std::string tool_calls(const std::vector<ToolCall>& calls, std::optional<Error>& trouble) {
  std::string out = "[";
  for (const ToolCall& call : calls) {
    ObjectWriter function{trouble}, writer{trouble};
    function.text("name", call.name);
    function.text("arguments", call.arguments);
    writer.text("id", call.id);
    writer.text("type", "function");
    writer.raw("function", std::move(function).close());
    if (out.size() > 1) out += ',';
    out += std::move(writer).close();
  }
  return out += "]";
}

std::string messages(const std::vector<Message>& all, std::optional<Error>& trouble) {
  std::string out = "[";
  for (const Message& message : all) {
    ObjectWriter writer{trouble};
    writer.text("role", message.role);
    if (!message.content_json.empty()) writer.checked("content", message.content_json);
    else if (message.content.empty() && !message.tool_calls.empty()) writer.raw("content", "null");
    else writer.text("content", message.content);
    writer.text_if_any("name", message.name);
    writer.text_if_any("tool_call_id", message.tool_call_id);
    if (!message.tool_calls.empty()) writer.raw("tool_calls", tool_calls(message.tool_calls, trouble));
    writer.extra(message.extra);
    if (out.size() > 1) out += ',';
    out += std::move(writer).close();
  }
  return out += "]";
}

bool names(const Extra& extra, std::string_view name) {
  for (const auto& [key, value] : extra)
    if (key == name) return true;
  return false;
}

void stream_members(ObjectWriter& writer, const Extra& extra, Wants wants) {
  if (names(extra, "stream")) writer.wrong("stream", "is for the client to set: call chat or chat_stream");
  if (wants != Wants::events) return;
  writer.raw("stream", "true");
  if (!names(extra, "stream_options")) writer.raw("stream_options", R"({"include_usage":true})");
}

Body finish(ObjectWriter&& writer, std::optional<Error>& trouble) {
  if (trouble) return *std::move(trouble);
  return std::move(writer).close();
}

}  // namespace

Body write_request(const ChatRequest& request, Wants wants) {
  std::optional<Error> trouble;
  ObjectWriter writer{trouble};
  if (request.model.empty()) writer.wrong("model", "is empty");
  writer.text("model", request.model);
  writer.raw("messages", messages(request.messages, trouble));
  writer.number("temperature", request.temperature);
  writer.number("top_p", request.top_p);
  writer.number("max_tokens", request.max_tokens);
  writer.number("max_completion_tokens", request.max_completion_tokens);
  writer.number("n", request.n);
  if (!request.stop.empty()) writer.texts("stop", request.stop);
  writer.number("seed", request.seed);
  writer.number("presence_penalty", request.presence_penalty);
  writer.number("frequency_penalty", request.frequency_penalty);
  writer.truth("logprobs", request.logprobs);
  writer.number("top_logprobs", request.top_logprobs);
  writer.text_if_any("reasoning_effort", request.reasoning_effort);
  writer.checked_if_any("response_format", request.response_format);
  writer.checked_if_any("tools", request.tools);
  writer.checked_if_any("tool_choice", request.tool_choice);
  writer.text_if_any("user", request.user);
  stream_members(writer, request.extra, wants);
  writer.extra(request.extra);
  return finish(std::move(writer), trouble);
}

Body write_request(const CompletionRequest& request, Wants wants) {
  std::optional<Error> trouble;
  ObjectWriter writer{trouble};
  if (request.model.empty()) writer.wrong("model", "is empty");
  writer.text("model", request.model);
  writer.text("prompt", request.prompt);
  writer.number("max_tokens", request.max_tokens);
  writer.number("temperature", request.temperature);
  writer.number("top_p", request.top_p);
  writer.number("n", request.n);
  if (!request.stop.empty()) writer.texts("stop", request.stop);
  writer.number("seed", request.seed);
  writer.text_if_any("suffix", request.suffix);
  stream_members(writer, request.extra, wants);
  writer.extra(request.extra);
  return finish(std::move(writer), trouble);
}

Body write_request(const EmbeddingRequest& request) {
  std::optional<Error> trouble;
  ObjectWriter writer{trouble};
  if (request.model.empty()) writer.wrong("model", "is empty");
  if (request.input.empty()) writer.wrong("input", "is empty");
  writer.text("model", request.model);
  writer.texts("input", request.input);
  writer.number("dimensions", request.dimensions);
  // A quarter of the bytes of decimal numbers; servers that do not know it answer with those, which are read too.
  if (!names(request.extra, "encoding_format")) writer.text("encoding_format", "base64");
  writer.extra(request.extra);
  return finish(std::move(writer), trouble);
}

}  // namespace bellwether::client
