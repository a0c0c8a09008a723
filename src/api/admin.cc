#include "api/admin.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>
#include <chrono>

#include "accounts/constant_time.h"
#include "api/failure_reply.h"
#include "base/id.h"
#include "json/reader.h"

namespace bellwether::api {
namespace {

using http::Method;

enum class Room : std::uint8_t { metrics, live, ready, upstreams, keys, reload };

struct Endpoint {
  std::string_view path;  ///< One that ends in '/' stands for everything below it.
  Room room;
  bool changes;  ///< Only through the Unix socket, or with the admin token.
  std::array<Method, 2> methods;
};

constexpr std::array endpoints{Endpoint{"/metrics", Room::metrics, false, {Method::get, Method::get}},
                               Endpoint{"/livez", Room::live, false, {Method::get, Method::get}},
                               Endpoint{"/healthz", Room::live, false, {Method::get, Method::get}},
                               Endpoint{"/readyz", Room::ready, false, {Method::get, Method::get}},
                               Endpoint{"/admin/upstreams", Room::upstreams, false, {Method::get, Method::get}},
                               Endpoint{"/admin/keys", Room::keys, true, {Method::get, Method::post}},
                               Endpoint{"/admin/keys/", Room::keys, true, {Method::delete_, Method::post}},
                               Endpoint{"/admin/reload", Room::reload, true, {Method::post, Method::post}}};

Result<const Endpoint*> find_endpoint(const http::RequestHead& head) {
  const Method method = head.method == Method::head ? Method::get : head.method;
  for (const Endpoint& endpoint : endpoints) {
    const bool below = endpoint.path.ends_with('/') && head.path.size() > endpoint.path.size() && head.path.starts_with(endpoint.path);
    if (head.path != endpoint.path && !below) continue;
    if (method == endpoint.methods[0] || method == endpoint.methods[1]) return &endpoint;
    return failed(Reason::method_not_allowed, PublicText{"This URL does not take that method."});
  }
  return failed(Reason::endpoint_unknown, PublicText{"Unknown request URL. The admin port has /metrics, /livez, /readyz, /healthz and /admin/upstreams."});
}

/// Whether the head shows the token. Digests are compared, all of them, so that time says nothing about the token.
bool shows_token(const http::RequestHead& head, const accounts::Digest& token) {
  const std::string_view given = head.fields.find("authorization").value_or("");
  constexpr std::string_view scheme = "Bearer ";
  if (!given.starts_with(scheme)) return false;
  const accounts::Digest digest = accounts::digest_of(given.substr(scheme.size()));
  return accounts::same_in_constant_time<sizeof(accounts::Digest)>(digest.data(), token.data());
}

void append_time(std::string& out, std::string_view name, WallTime time) {
  out += ",\"";
  out += name;
  out += "\":\"" + to_rfc3339(time) + "\"";
}

void append_key_members(std::string& out, const accounts::Key& key, std::string_view text) {
  out += "\"id\":";
  json::append_quoted(out, key.id);
  if (!text.empty()) {
    out += ",\"key\":";
    json::append_quoted(out, text);
  }
  out += ",\"name\":";
  json::append_quoted(out, key.name);
  out += ",\"account\":";
  json::append_quoted(out, key.account);
  out += ",\"hint\":";
  json::append_quoted(out, key.hint);
  out += ",\"models\":[";
  for (std::size_t i = 0; i < key.models.size(); ++i) {
    if (i > 0) out += ',';
    json::append_quoted(out, key.models[i]);
  }
  out += ']';
  append_time(out, "created_at", key.created);
  if (key.expires) append_time(out, "expires_at", *key.expires);
  if (key.revoked) append_time(out, "revoked_at", *key.revoked);
}

}  // namespace

std::string key_json(const accounts::Key& key, std::string_view text) {
  std::string out = R"({"schema":"bellwether.key/1",)";
  append_key_members(out, key, text);
  return out += '}';
}

std::string keys_json(const std::vector<accounts::Key>& keys) {
  std::string out = R"({"schema":"bellwether.keys/1","keys":[)";
  for (std::size_t i = 0; i < keys.size(); ++i) {
    out += i > 0 ? ",{" : "{";
    append_key_members(out, keys[i], {});
    out += '}';
  }
  return out += "]}";
}

std::string upstreams_json(const std::vector<relay::TargetState>& states) {
  const auto ms = [](Duration duration) { return std::chrono::ceil<std::chrono::milliseconds>(duration).count(); };
  std::string out = R"({"schema":"bellwether.upstreams/1","upstreams":[)";
  for (std::size_t i = 0; i < states.size(); ++i) {
    const relay::TargetState& state = states[i];
    const bool closed = state.state == relay::Breaker::State::closed;
    if (i == 0 || states[i - 1].upstream != state.upstream) {
      out += i > 0 ? "]},{" : "{";
      out += "\"name\":";
      json::append_quoted(out, state.upstream);
      out += fmt::format(R"(,"outstanding":{},"waiting":{},"concurrency_limit":{},"retries_total":{},"retries_refused_total":{},"models":[)", state.outstanding,
                         state.waiting, state.concurrency_limit == UINT32_MAX ? "null" : std::to_string(state.concurrency_limit), state.retries_total,
                         state.retries_refused_total);
    } else {
      out += ',';
    }
    out += "{\"model\":";
    json::append_quoted(out, state.model);
    out += fmt::format(R"(,"state":"{}","cause":{},"failures_in_a_row":{},"opened_total":{},"open_for_ms":{},"busy_for_ms":{}}})", name_of(state.state),
                       closed ? "null" : fmt::format("\"{}\"", name_of(state.cause)), state.failures_in_a_row, state.opened_total, ms(state.open_for),
                       ms(state.busy_for));
  }
  return out += states.empty() ? "]}" : "]}]}";
}

std::string to_json(const accounts::KeyWish& wish) {
  nlohmann::json json{{"name", wish.name}, {"account", wish.account}, {"models", wish.models}};
  if (wish.expires_in) json["expires_in_ms"] = std::chrono::duration_cast<std::chrono::milliseconds>(*wish.expires_in).count();
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<accounts::KeyWish> key_wish_from_json(std::string_view body) {
  const nlohmann::json json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object()) return failed(Reason::request_malformed, PublicText{"The body must be a JSON object."});
  accounts::KeyWish wish;
  try {
    wish.name = json.value("name", "");
    wish.account = json.value("account", "default");
    wish.models = json.value("models", std::vector<std::string>{});
    constexpr std::int64_t milliseconds_max = std::int64_t{1000} * 3600 * 24 * 36500;
    if (const std::int64_t in = json.value("expires_in_ms", std::int64_t{-1}); in >= 0 && in <= milliseconds_max)
      wish.expires_in = std::chrono::milliseconds(in);
  } catch (const nlohmann::json::exception&) {
    return failed(Reason::request_malformed, PublicText{"name and account are strings, models is an array of strings, expires_in_ms is an integer."});
  }
  return wish;
}

Result<void> Admin::admit(const http::RequestHead& head) {
  BW_TRY(endpoint, find_endpoint(head));
  if (endpoint->changes && door_ == AdminDoor::tcp && !shows_token(head, token_))
    return failed(
        Reason::key_rejected,
        PublicText{"Keys and reloads take the admin token of the data directory (--admin-token-file), or the Unix socket there: use 'bellwether key'."});
  return {};
}

net::Task<Result<Admin::Answer>> Admin::keys(const net::Request& request, std::string_view rest) {
  const auto made = [](const accounts::MadeKey& key) { return Answer{.body = key_json(key.key, key.text)}; };
  if (rest.empty()) {
    if (request.head.method != Method::post) co_return Answer{.body = keys_json(control_.keys())};
    BW_CO_TRY(wish, key_wish_from_json(request.body));
    BW_CO_TRY(key, co_await control_.create_key(std::move(wish)));
    co_return made(key);
  }
  constexpr std::string_view rotate = "/rotate";
  const bool rotates = request.head.method == Method::post && rest.ends_with(rotate);
  if (rotates) rest.remove_suffix(rotate.size());
  const auto which = http::percent_decode(rest);
  if (!which || (!rotates && request.head.method != Method::delete_)) co_return failed(Reason::endpoint_unknown);
  if (rotates) {
    BW_CO_TRY(key, co_await control_.rotate_key(*which));
    co_return made(key);
  }
  BW_CO_TRY(key, co_await control_.revoke_key(*which));
  co_return Answer{.body = key_json(key)};
}

net::Task<Result<Admin::Answer>> Admin::answer(const net::Request& request) {
  BW_CO_TRY(endpoint, find_endpoint(request.head));
  switch (endpoint->room) {
    case Room::metrics: co_return Answer{.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = control_.metrics_page()};
    case Room::live: co_return Answer{.body = R"({"status":"ok"})"};
    case Room::ready:
      switch (control_.state()) {
        case Control::State::ready: co_return Answer{.body = R"({"status":"ready"})"};
        case Control::State::starting: co_return Answer{.status = 503, .body = R"({"status":"starting"})"};
        case Control::State::draining: co_return Answer{.status = 503, .body = R"({"status":"draining"})"};
      }
      break;
    case Room::upstreams: co_return Answer{.body = upstreams_json(control_.upstreams())};
    case Room::keys: {
      std::string_view rest = request.head.path.substr(std::string_view("/admin/keys").size());
      if (rest == "/") co_return failed(Reason::endpoint_unknown);  // Of no key: a name that was lost on its way.
      if (!rest.empty()) rest.remove_prefix(1);
      co_return co_await keys(request, rest);
    }
    case Room::reload:
      if (Result<void> reloaded = control_.reload(); !reloaded) co_return std::unexpected(std::move(reloaded).error());
      co_return Answer{.body = R"({"status":"reloaded"})"};
  }
  co_return failed(Reason::endpoint_unknown);
}

net::Task<void> Admin::handle(net::Request& request, net::Reply& reply) {
  Result<Answer> result = co_await answer(request);
  if (!result) {
    co_await refuse(result.error(), &request.head, reply);
    co_return;
  }
  const std::array<net::ReplyField, 2> fields{net::ReplyField{"content-type", result->content_type}, net::ReplyField{"cache-control", "no-store"}};
  const std::array<std::string_view, 1> body{result->body};
  std::ignore = co_await reply.send(result->status, fields, body);
}

net::Task<void> Admin::refuse(const Failure& failure, const http::RequestHead*, net::Reply& reply) {
  Failure shown = failure;
  // Whoever may open the socket is the operator: they get the whole story.
  if (door_ == AdminDoor::unix_socket && shown.about.text.empty()) shown.about.text = shown.detail.text;
  const FailureReply told = reply_of(shown, {}, 0, {});
  const std::string id(RequestId::make(loop_.random()).text());
  const std::array<net::ReplyField, 2> fields{net::ReplyField{"content-type", "application/json"}, net::ReplyField{"x-request-id", id}};
  const std::array<std::string_view, 1> body{told.body};
  // Changes need the token or the socket's permission: without, that is a 403, whoever asks.
  const int status = failure.reason == Reason::key_rejected ? 403 : told.status;
  std::ignore = co_await reply.send(status, fields, body);
}

}  // namespace bellwether::api
