#include "dialects/dialect.h"

#include <algorithm>

#include "base/check.h"
#include "dialects/errors.h"
#include "dialects/events.h"
#include "json/patch.h"

namespace bellwether::dialects {
namespace {

/// The body under the upstream's name for the model: nothing else of most requests changes.
void write_renamed(const chat::Request& request, std::string_view model, std::string& out) {
  const char* const end = request.body.data() + request.body.size();
  const char* const behind_model = request.model_raw.data() + request.model_raw.size();
  out.reserve(out.size() + request.body.size() + model.size() + 2);
  out.append(request.body.data(), request.model_raw.data());
  json::append_quoted(out, model);
  out.append(behind_model, end);
}

}  // namespace

std::string_view Dialect::path(chat::Endpoint endpoint) const {
  switch (endpoint) {
    case chat::Endpoint::completions: return "/completions";
    case chat::Endpoint::embeddings: return "/embeddings";
    case chat::Endpoint::chat_completions: break;
  }
  return "/chat/completions";
}

void Dialect::write_body(const chat::Request& request, const catalog::RouteEntry& entry, json::Reader& reader, std::string& out) const {
  if (!request.stream && entry.defaults.empty()) return write_renamed(request, entry.model, out);
  json::Patch patch{request.body};
  std::string model = json::quote(entry.model);
  if (model != request.model_raw) patch.replace(request.model_raw, std::move(model));
  if (request.stream) ask_for_usage(request, patch);
  if (!entry.defaults.empty()) {
    const auto members = reader.outline(request.body);
    BW_CHECK(members.has_value());  // read_request saw to that.
    for (const catalog::RequestDefault& value : entry.defaults)
      if (json::find(*members, value.name) == nullptr) patch.add_member(request.object, value.name, value.json);
  }
  patch.append_to(out);
}

std::string Dialect::continuation_path(std::string_view base) const { return std::string(base) + std::string(path(chat::Endpoint::chat_completions)); }

Dialect::Continued Dialect::continued(const chat::Unfinished& unfinished, std::span<const json::Member>) const {
  return {.message = R"({"role":"assistant","content":)" + json::quote(unfinished.text) + "}", .members = {}};
}

namespace {

/// Bounds on tokens that count from the answer's beginning, which the continuation does not see.
bool bounds_tokens(std::string_view name) { return name == "max_tokens" || name == "max_completion_tokens" || name == "min_tokens"; }

/// What is left of a bound; nothing where `raw` is no count (null).
std::optional<std::string> shrunk(std::string_view name, std::string_view raw, std::int64_t tokens) {
  const auto bound = json::to_integer(raw);
  if (!bound) return std::nullopt;
  return std::to_string(std::max<std::int64_t>(*bound - tokens, name == "min_tokens" ? 0 : 1));
}

}  // namespace

void Dialect::write_continuation(const chat::Request& request, const catalog::RouteEntry& entry, const chat::Unfinished& unfinished, json::Reader& reader,
                                 std::string& out) const {
  BW_CHECK(prefill() != Prefill::none && !unfinished.text.empty());
  const auto members = reader.outline(request.body);
  const json::Member* const messages = members ? json::find(*members, "messages") : nullptr;
  BW_CHECK(messages != nullptr && messages->raw.ends_with(']'));  // read_request saw to that.
  const Continued continued = this->continued(unfinished, *members);

  json::Patch patch{request.body};
  std::string model = json::quote(entry.model);
  if (model != request.model_raw) patch.replace(request.model_raw, std::move(model));
  patch.replace({messages->raw.data() + messages->raw.size() - 1, 0}, "," + continued.message);
  if (request.stream) ask_for_usage(request, patch);
  const auto is_ours = [&](std::string_view name) { return std::ranges::find(continued.members, name, &Member::name) != continued.members.end(); };
  for (const json::Member& member : *members) {
    if (!bounds_tokens(member.key)) continue;
    if (auto left = shrunk(member.key, member.raw, unfinished.tokens)) patch.replace(member.raw, *std::move(left));
  }
  for (const Member& ours : continued.members) {
    const json::Member* const given = json::find(*members, ours.name);
    if (given == nullptr) patch.add_member(request.object, ours.name, ours.json);
    else if (given->raw != ours.json) patch.replace(given->raw, ours.json);
  }
  for (const catalog::RequestDefault& value : entry.defaults) {
    if (is_ours(value.name) || json::find(*members, value.name) != nullptr) continue;
    const auto left = bounds_tokens(value.name) ? shrunk(value.name, value.json, unfinished.tokens) : std::nullopt;
    patch.add_member(request.object, value.name, left ? *left : value.json);
  }
  patch.append_to(out);
}

Failure Dialect::read_refused_continuation(int status, std::string_view body, json::Reader& reader) const {
  return as_refused_continuation(read_refusal(status, body, reader));
}

void Dialect::ask_for_usage(const chat::Request& request, json::Patch& patch) const {
  const bool running = wants_running_usage();
  const std::string_view both = running ? R"({"include_usage":true,"continuous_usage_stats":true})" : R"({"include_usage":true})";
  if (request.stream_options_raw.empty()) return patch.add_member(request.object, "stream_options", both);
  if (request.stream_options_raw == "null") return patch.replace(request.stream_options_raw, std::string(both));
  if (request.include_usage_raw.empty()) patch.add_member(request.stream_options_raw, "include_usage", "true");
  else if (request.include_usage_raw != "true") patch.replace(request.include_usage_raw, "true");
  if (!running) return;
  if (request.running_usage_raw.empty()) patch.add_member(request.stream_options_raw, "continuous_usage_stats", "true");
  else if (request.running_usage_raw != "true") patch.replace(request.running_usage_raw, "true");
}

Failure Dialect::read_refusal(int status, std::string_view body, json::Reader& reader) const { return failure_of(status, read_error(body, reader)); }

Result<chat::ReplyFacts> Dialect::read_reply(chat::Endpoint, std::string_view body, json::Reader& reader) const {
  if (!json::is_utf8(body)) return failed(Reason::upstream_broken, std::string("the reply is not UTF-8"));
  const auto members = reader.outline(body);
  if (!members) return failed(Reason::upstream_broken, std::string("the reply is no JSON object, or was cut"));
  if (const json::Member* error = json::find(*members, "error"); error != nullptr && error->raw != "null") {
    const UpstreamError read = read_error(body, reader);
    return std::unexpected(failure_of(read.status_in_body.value_or(500), read));
  }
  chat::ReplyFacts facts;
  if (const json::Member* model = json::find(*members, "model"); model != nullptr && model->kind == json::Kind::string) facts.model_raw = model->raw;
  if (const json::Member* usage = json::find(*members, "usage")) facts.usage = read_usage(usage->raw, metering::Basis::reported);
  if (!facts.usage)
    if (const json::Member* choices = json::find(*members, "choices")) facts.said_bytes = bytes_said(choices->raw);
  facts.is_signed = std::ranges::any_of(*members, [](const json::Member& member) { return chat::is_signature(member.key); });
  return facts;
}

chat::EventFacts Dialect::read_event(std::string_view data, json::Reader& reader) const { return dialects::read_event(data, reader); }

}  // namespace bellwether::dialects
