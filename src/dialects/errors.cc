#include "dialects/errors.h"

#include <algorithm>
#include <array>

namespace bellwether::dialects {
namespace {

constexpr std::size_t message_bytes_max = 2'000;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  return out;
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// Masks what looks like a key: vendors quote ours back at us when they refuse it.
std::string masked(std::string text) {
  for (const std::string_view prefix : {"sk-", "hs_", "Bearer "}) {
    for (std::size_t at = text.find(prefix); at != std::string::npos; at = text.find(prefix, at + prefix.size())) {
      std::size_t end = at + prefix.size();
      while (end < text.size() && text[end] > ' ' && text[end] < 0x7F && std::string_view(",;\"'()[]{}<>").find(text[end]) == std::string_view::npos) ++end;
      if (end - at >= prefix.size() + 8) text.replace(at + prefix.size(), end - at - prefix.size(), "…");
    }
  }
  return text;
}

std::string bounded(std::string text, std::size_t bytes_max = message_bytes_max) {
  if (text.size() <= bytes_max) return text;
  std::size_t size = bytes_max;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  text.resize(size);
  return text + "…";
}

std::string text_of(const json::Member* member) {
  if (member == nullptr || member->kind == json::Kind::null) return {};
  if (member->kind == json::Kind::string) return json::unquote(member->raw).value_or("");
  return std::string(member->raw);
}

void read_members(std::span<const json::Member> members, UpstreamError& error) {
  error.message = text_of(json::find(members, "message"));
  error.type = text_of(json::find(members, "type"));
  error.param = text_of(json::find(members, "param"));
  if (const json::Member* code = json::find(members, "code")) {
    error.code = text_of(code);
    if (const auto number = json::to_integer(code->raw); number && *number >= 400 && *number <= 599) error.status_in_body = static_cast<int>(*number);
  }
}

/// The message up to where it begins to quote the request: validators show what they were given (wire.md §A.3.2). What a caller wrote
/// must not decide what an error means, and belongs into no log.
std::string_view own_words(std::string_view message) {
  constexpr std::array marks{"'input':", "\"input\":", "input_value=", "'ctx':", "\"ctx\":"};
  std::size_t end = message.size();
  for (const std::string_view mark : marks) end = std::min(end, message.find(mark));
  return message.substr(0, end);
}

/// Whether an upstream says that it has no such model. A 404 is about little else; a 400 may be about anything, and counts only where
/// that is how the message begins.
bool says_model_is_missing(int status, std::string_view message, std::string_view code) {
  if (code == "model_not_found") return true;
  const std::string words = lower(own_words(message));
  const bool begins = words.starts_with("model ") || words.starts_with("the model ");
  const bool speaks = status == 404 ? contains(words, "model") : begins;
  return (speaks && (contains(words, "does not exist") || contains(words, "not found"))) || words.starts_with("model not exist");
}

/// What a log may say of a refused request: nothing that a caller wrote, so the message is left out.
std::string outline_of(const UpstreamError& error) {
  constexpr std::size_t word_bytes_max = 64;
  std::string out;
  const auto add = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) out.append(out.empty() ? ": " : ", ").append(name).append(" ").append(bounded(std::string(value), word_bytes_max));
  };
  add("type", error.type);
  add("code", error.code);
  add("param", error.param);
  return masked(out);
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

}  // namespace

UpstreamError read_error(std::string_view body, json::Reader& reader) {
  UpstreamError error;
  body = trimmed(body);
  // Gemini's compatibility layer wraps its error in an array (wire.md §D.5).
  if (body.starts_with('[') && body.ends_with(']')) body = trimmed(body.substr(1, body.size() - 2));
  const auto members = reader.outline(body);
  if (!members) {
    // Not JSON. A page's markup says nothing to a caller, nor does JSON that was cut; plain text may.
    if (body.find_first_of("<{[") != 0) error.message = std::string(body.substr(0, body.find('\n')));
    return error;
  }
  const json::Member* nested = json::find(*members, "error");
  if (nested == nullptr) {
    const json::Member* detail = json::find(*members, "detail");
    if (detail != nullptr) error.message = text_of(detail);
    else read_members(*members, error);
    return error;
  }
  if (nested->kind == json::Kind::object) {
    json::Reader inner;
    if (const auto parts = inner.outline(nested->raw)) read_members(*parts, error);
  } else {
    error.message = text_of(nested);
  }
  return error;
}

bool is_about_context_length(std::string_view message, std::string_view type, std::string_view code) {
  if (code == "context_length_exceeded" || type == "exceed_context_size_error") return true;
  const std::string text = lower(own_words(message));
  constexpr std::array phrases{
      "maximum context length",  "exceeds the available context size", "longer than the maximum model length",
      "prompt is too long",      "exceeds the context window",         "cannot be greater than max_model_len",
      "context length exceeded",
  };
  return std::ranges::any_of(phrases, [&](std::string_view phrase) { return contains(text, phrase); });
}

bool is_about_content(std::string_view message, std::string_view type, std::string_view code) {
  if (code == "content_filter" || code == "content_policy_violation" || code == "data_inspection_failed" || type == "content_filter") return true;
  const std::string text = lower(own_words(message));
  // DeepSeek's; OpenAI's and Azure's; DashScope's; Moonshot's; what a vLLM behind a guard says.
  constexpr std::array phrases{"content exists risk", "content management policy", "inappropriate content", "considered high risk", "content filter"};
  return std::ranges::any_of(phrases, [&](std::string_view phrase) { return contains(text, phrase); });
}

bool is_about_loading(std::string_view message) {
  const std::string text = lower(message);
  constexpr std::array phrases{"loading model", "model is loading", "is currently loading", "currently scaling", "is starting up"};
  return std::ranges::any_of(phrases, [&](std::string_view phrase) { return contains(text, phrase); });
}

Failure as_refused_continuation(Failure failure) {
  switch (failure.reason) {
    case Reason::upstream_refused:
    case Reason::content_filtered:
    case Reason::context_too_long:
    case Reason::upstream_lacks_model:  // Some are served without DeepSeek's /beta.
    case Reason::upstream_broken: break;
    default: return failure;
  }
  return {.reason = Reason::cannot_continue, .detail = std::move(failure.detail)};
}

Failure failure_of(int status, const UpstreamError& error) {
  const std::string text = bounded(masked(error.message));
  const std::string own = bounded(masked(std::string(own_words(error.message))));
  Failure failure{.reason = Reason::upstream_down, .detail = {"status " + std::to_string(status) + (own.empty() ? "" : ": " + own)}};
  const bool model_missing = says_model_is_missing(status, error.message, error.code);
  switch (status) {
    case 401:
    case 402:
    case 403: failure.reason = Reason::upstream_denied_us; return failure;
    case 404: failure.reason = model_missing ? Reason::upstream_lacks_model : Reason::upstream_broken; return failure;
    case 405: failure.reason = Reason::upstream_broken; return failure;
    case 408: failure.reason = Reason::upstream_timeout; return failure;
    case 409: return failure;
    case 429:
      // Ours, not the caller's: the account with the vendor is empty.
      failure.reason = error.code == "insufficient_quota" || error.type == "insufficient_quota" ? Reason::upstream_denied_us : Reason::upstream_busy;
      return failure;
    default: break;
  }
  if (status == 503 && is_about_loading(error.message)) failure.reason = Reason::upstream_loading;
  if (status >= 500) return failure;
  if (status < 400) {
    failure.reason = Reason::upstream_broken;
    return failure;
  }
  if (status == 400 && model_missing) {
    failure.reason = Reason::upstream_lacks_model;
    return failure;
  }
  failure.about = {text};
  failure.detail = {"status " + std::to_string(status) + outline_of(error)};
  failure.param = bounded(error.param);
  if (is_about_context_length(error.message, error.type, error.code)) {
    failure.reason = Reason::context_too_long;
    failure.http_status = 400;
    if (failure.param.empty()) failure.param = "messages";
    return failure;
  }
  const bool about_content = is_about_content(error.message, error.type, error.code);
  failure.reason = about_content ? Reason::content_filtered : Reason::upstream_refused;
  failure.http_status = status == 422 ? 400 : status;
  // An integer is the status again, which is no code in OpenAI's sense.
  if (!error.status_in_body) failure.code = bounded(error.code);
  // DeepSeek's is invalid_request_error whatever it is about: a code that does not speak of the content becomes OpenAI's.
  if (about_content && !is_about_content({}, {}, failure.code)) failure.code = "content_filter";
  return failure;
}

}  // namespace bellwether::dialects
