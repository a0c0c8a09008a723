#include "api/callers.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <exception>
#include <optional>
#include <string>

#include "api/models.h"
#include "gateway/reply_fields.h"
#include "gateway/serve_chat.h"

namespace bellwether::api {
namespace {

using http::Method;

enum class Door : std::uint8_t { open, caller_key };
enum class Room : std::uint8_t { chat_completions, completions, embeddings, models, model, health };

/// Everything that the callers' port answers. Adding an endpoint is adding a row.
struct Endpoint {
  Method method;
  std::string_view path;  ///< One that ends in '/' stands for everything below it.
  Door door;
  Room room;
  std::string_view label;  ///< For counters and the log.
};

constexpr std::array endpoints{
    Endpoint{Method::post, "/v1/chat/completions", Door::caller_key, Room::chat_completions, "/v1/chat/completions"},
    Endpoint{Method::post, "/v1/completions", Door::caller_key, Room::completions, "/v1/completions"},
    Endpoint{Method::post, "/v1/embeddings", Door::caller_key, Room::embeddings, "/v1/embeddings"},
    Endpoint{Method::get, "/v1/models", Door::caller_key, Room::models, "/v1/models"},
    Endpoint{Method::get, "/v1/models/", Door::caller_key, Room::model, "/v1/models/{id}"},
    Endpoint{Method::get, "/healthz", Door::open, Room::health, "/healthz"},
};

bool covers(const Endpoint& endpoint, std::string_view path) {
  if (!endpoint.path.ends_with('/')) return path == endpoint.path;
  return path.size() > endpoint.path.size() && path.starts_with(endpoint.path);
}

std::string_view allowed_on(std::string_view path) {
  const auto* const endpoint = std::ranges::find_if(endpoints, [&](const Endpoint& each) { return covers(each, path); });
  if (endpoint == endpoints.end()) return {};
  return endpoint->method == Method::post ? "POST" : "GET, HEAD";
}

Result<const Endpoint*> find_endpoint(Method method, std::string_view path) {
  // HEAD is GET without the body (RFC 9110 §9.3.2).
  if (method == Method::head) method = Method::get;
  const Endpoint* other_method = nullptr;
  for (const Endpoint& endpoint : endpoints) {
    if (!covers(endpoint, path)) continue;
    if (endpoint.method == method) return &endpoint;
    other_method = &endpoint;
  }
  if (other_method != nullptr)
    return failed(Reason::method_not_allowed,
                  PublicText{std::string("This URL takes ") + (other_method->method == Method::post ? "POST" : "GET") + " and no other method."});
  constexpr std::size_t path_bytes_max = 200;
  return failed(Reason::endpoint_unknown, PublicText{"Unknown request URL: " + std::string(path.substr(0, path_bytes_max)) +
                                                     ". The API is below /v1, for example /v1/chat/completions."});
}

// A body of this size or less is read before the key is looked at: it is there anyhow, and the key is checked once, in the walk.
constexpr std::uint64_t unasked_bytes_max = 16 * 1024;

constexpr std::size_t client_request_id_bytes_max = 512;  // OpenAI's own bound (wire.md §C.4).

/// The caller's own id for this request, if it is printable ASCII of a sane length.
std::string client_request_id_of(const http::Fields& fields) {
  const std::string_view id = fields.find("x-client-request-id").value_or("");
  if (id.empty() || id.size() > client_request_id_bytes_max) return {};
  for (const char c : id)
    if (c < ' ' || c > '~') return {};
  return std::string(id);
}

int retry_count_of(const http::Fields& fields) {
  const auto field = fields.find("x-stainless-retry-count");
  int count = -1;
  if (field) std::from_chars(field->data(), field->data() + field->size(), count);
  return count;
}

chat::Endpoint generating(Room room) {
  if (room == Room::completions) return chat::Endpoint::completions;
  if (room == Room::embeddings) return chat::Endpoint::embeddings;
  return chat::Endpoint::chat_completions;
}

net::Task<Result<void>> send_json(gateway::Trail& trail, net::Reply& reply, std::string_view body) {
  const gateway::ReplyFields fields{trail, "application/json"};
  trail.status = 200;
  const std::array<std::string_view, 1> parts{body};
  std::ignore = co_await reply.send(200, fields.all(), parts);
  co_return Result<void>{};
}

net::Task<Result<void>> serve_models(gateway::Lane& lane, Room room, net::Request& request, net::Reply& reply, gateway::Trail& trail) {
  trail.pinned = lane.pinned();
  trail.keys = lane.keys();
  BW_CO_TRY(caller, trail.keys->authenticate(request.head.fields.find("authorization").value_or(""), trail.at, lane.key_memo()));
  trail.key = caller.key;
  if (room == Room::models) co_return co_await send_json(trail, reply, models_json(*trail.pinned->revision, caller));
  const std::string_view segment = request.head.path.substr(std::string_view("/v1/models/").size());
  BW_CO_TRY(body, model_json(*trail.pinned->revision, caller, segment));
  co_return co_await send_json(trail, reply, body);
}

net::Task<Result<void>> serve(gateway::Lane& lane, Room room, net::Request& request, net::Reply& reply, gateway::Trail& trail) {
  switch (room) {
    case Room::health: return send_json(trail, reply, R"({"status":"ok"})");
    case Room::models:
    case Room::model: return serve_models(lane, room, request, reply, trail);
    default: return gateway::serve_chat(lane, generating(room), request, reply, trail);
  }
}

gateway::Trail begin_trail(gateway::Lane& lane, const http::RequestHead* head) {
  gateway::Trail trail;
  trail.id = RequestId::make(lane.loop().random());
  trail.at = lane.loop().wall_now();
  trail.read_at = lane.loop().turn();
  if (head != nullptr) {
    trail.client_request_id = client_request_id_of(head->fields);
    trail.retry_count = retry_count_of(head->fields);
  }
  return trail;
}

std::string_view label_of(Method method) {
  switch (method) {
    case Method::get: return "GET";
    case Method::head: return "HEAD";
    case Method::post: return "POST";
    case Method::put: return "PUT";
    case Method::patch: return "PATCH";
    case Method::delete_: return "DELETE";
    case Method::options: return "OPTIONS";
    case Method::other: break;
  }
  return "other";
}

}  // namespace

Result<void> Callers::admit(const http::RequestHead& head) {
  BW_TRY(endpoint, find_endpoint(head.method, head.path));
  if (head.expects_other) return failed(Reason::expectation_failed);
  if (head.encoded) return failed(Reason::encoding_unknown);
  const bool costly = head.framing.chunked || head.framing.length.value_or(0) > unasked_bytes_max || head.expects_continue;
  if (endpoint->door == Door::caller_key && costly) {
    const auto caller = lane_.keys()->authenticate(head.fields.find("authorization").value_or(""), lane_.loop().wall_now(), lane_.key_memo());
    if (!caller) return std::unexpected(caller.error());
  }
  return {};
}

net::Task<void> Callers::handle(net::Request& request, net::Reply& reply) {
  lane_.metrics().requests_in_flight.add();
  gateway::Trail trail = begin_trail(lane_, &request.head);
  trail.read_at = request.read_at;
  trail.method = label_of(request.head.method);
  std::optional<Failure> failure;
  std::string_view allowed;
  try {
    const Result<const Endpoint*> endpoint = find_endpoint(request.head.method, request.head.path);
    if (endpoint) {
      trail.endpoint = (*endpoint)->label;
      Result<void> served = co_await serve(lane_, (*endpoint)->room, request, reply, trail);
      if (!served) failure = std::move(served).error();
    } else {
      failure = endpoint.error();
      allowed = allowed_on(request.head.path);
    }
  } catch (const std::exception& exception) {
    failure = Failure{.reason = Reason::internal, .detail = {exception.what()}};
  }
  if (failure) co_await tell(*failure, allowed, trail, reply);
  finish(trail, reply);
  lane_.metrics().requests_in_flight.subtract();
}

net::Task<void> Callers::refuse(const Failure& failure, const http::RequestHead* head, net::Reply& reply) {
  gateway::Trail trail = begin_trail(lane_, head);
  trail.keys = lane_.keys();
  trail.pinned = lane_.pinned();
  if (head != nullptr) {
    trail.method = label_of(head->method);
    if (const auto endpoint = find_endpoint(head->method, head->path)) trail.endpoint = (*endpoint)->label;
  }
  std::string_view allowed;
  if (head != nullptr) allowed = allowed_on(head->path);
  co_await tell(failure, allowed, trail, reply);
  finish(trail, reply);
}

net::Task<void> Callers::tell(const Failure& failure, std::string_view allowed, gateway::Trail& trail, net::Reply& reply) {
  trail.failed = true;
  trail.failure = failure.reason;
  trail.detail = failure.detail.text;
  const std::string_view model = trail.model != nullptr ? std::string_view(trail.model->id) : std::string_view{};
  if (reply.caller_gone() || failure.reason == Reason::caller_gone) {
    trail.caller_gone = true;
    trail.status = 499;
    reply.abort();
    co_return;
  }
  if (reply.started()) {
    // The error first, so that SDKs raise it; then the connection ends within the body, so that nobody else can think it complete.
    std::ignore = co_await reply.write(event_of(failure, model, trail.attempts, compat_));
    reply.abort();
    lane_.metrics().streams_cut_by_upstream.add();
    co_return;
  }
  const FailureReply answer = reply_of(failure, model, trail.attempts, compat_);
  gateway::ReplyFields fields{trail, "application/json"};
  if (!answer.retry_after.empty()) fields.add("retry-after", answer.retry_after);
  if (!answer.retry_after_ms.empty()) fields.add("retry-after-ms", answer.retry_after_ms);
  if (failure.reason == Reason::encoding_unknown) fields.add("accept-encoding", "identity");  // RFC 9110 §15.5.16
  if (failure.reason == Reason::key_rejected) fields.add("www-authenticate", "Bearer");       // §15.5.2
  if (failure.reason == Reason::method_not_allowed) fields.add("allow", allowed);             // §15.5.6
  if (answer.never_retry) fields.add("x-should-retry", "false");
  trail.status = answer.status;
  const std::array<std::string_view, 1> parts{answer.body};
  std::ignore = co_await reply.send(answer.status, fields.all(), parts);
}

void Callers::finish(gateway::Trail& trail, const net::Reply& reply) {
  telemetry::RequestRecord record;
  record.request_id = trail.id.text();
  record.client_request_id = trail.client_request_id;
  record.endpoint = trail.endpoint;
  record.method = trail.method;
  if (trail.key != nullptr) {
    record.key_id = trail.key->id;
    record.account = trail.key->account;
  }
  if (trail.model != nullptr) record.model = trail.model->id;
  if (trail.upstream != nullptr) record.upstream = trail.upstream->name;
  record.status = trail.status;
  if (trail.failed) record.failure = name_of(trail.failure);
  record.detail = trail.detail;
  record.stream = trail.stream;
  record.caller_gone = trail.caller_gone || reply.caller_gone();
  record.attempts = trail.attempts;
  record.retry_count = trail.retry_count;
  record.usage = trail.usage;
  record.legs = trail.legs;
  record.total = lane_.loop().now() - trail.read_at;
  record.overhead = std::max<Duration>(record.total - trail.waited_for_upstream - reply.waited(), Duration{});
  if (trail.first_token_at != TimePoint{}) record.first_token = trail.first_token_at - trail.read_at;
  record.at = trail.at;
  if (record.caller_gone && trail.stream) lane_.metrics().streams_cut_by_caller.add();
  lane_.record(record);
}

void Callers::on_connection_opened() {
  lane_.metrics().connections_open.add();
  lane_.metrics().connections_total.add();
}

void Callers::on_connection_closed() { lane_.metrics().connections_open.subtract(); }

void Callers::on_connection_refused(const RequestId& id) {
  lane_.metrics().connections_refused.add();
  telemetry::RequestRecord record;
  record.request_id = id.text();
  record.status = meaning_of(Reason::overloaded).http_status;
  record.failure = name_of(Reason::overloaded);
  record.detail = "too many connections are open (limits.connections)";
  record.at = lane_.loop().wall_now();
  lane_.record(record);
}

}  // namespace bellwether::api
