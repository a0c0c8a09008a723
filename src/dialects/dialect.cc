#include "dialects/dialect.h"

#include <algorithm>

#include "dialects/errors.h"
#include "dialects/events.h"
#include "json/patch.h"

namespace bellwether::dialects {

std::string_view Dialect::path(chat::Endpoint endpoint) const {
  switch (endpoint) {
    case chat::Endpoint::completions: return "/completions";
    case chat::Endpoint::embeddings: return "/embeddings";
    case chat::Endpoint::chat_completions: break;
  }
  return "/chat/completions";
}

void Dialect::write_body(const chat::Request& request, const catalog::RouteEntry& entry, std::string& out) const {
  json::Patch patch{request.body};
  std::string model = json::quote(entry.model);
  if (model != request.model_raw) patch.replace(request.model_raw, std::move(model));
  if (request.stream) ask_for_usage(request, patch);
  for (const catalog::RequestDefault& value : entry.defaults) {
    const bool set_by_caller = std::ranges::find(request.member_names, value.name) != request.member_names.end();
    if (!set_by_caller) patch.add_member(request.object, value.name, value.json);
  }
  patch.append_to(out);
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
  const auto members = reader.outline(body);
  if (!members) return failed(Reason::upstream_broken, std::string("the reply is no JSON object, or was cut"));
  if (const json::Member* error = json::find(*members, "error"); error != nullptr && error->raw != "null") {
    const UpstreamError read = read_error(body, reader);
    return std::unexpected(failure_of(read.status_in_body.value_or(500), read));
  }
  chat::ReplyFacts facts;
  if (const json::Member* model = json::find(*members, "model"); model != nullptr && model->kind == json::Kind::string) facts.model_raw = model->raw;
  if (const json::Member* usage = json::find(*members, "usage")) facts.usage = read_usage(usage->raw, metering::Basis::reported);
  return facts;
}

chat::EventFacts Dialect::read_event(std::string_view data, json::Reader& reader) const { return dialects::read_event(data, reader); }

}  // namespace bellwether::dialects
