#include "cli/endpoint.h"

#include <fmt/format.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/nearest.h"
#include "cli/cli.h"
#include "cli/entropy.h"
#include "config/read.h"
#include "net/spawn.h"
#include "store/data_folder.h"

namespace bellwether::cli {
namespace {

constexpr std::size_t models_told_max = 12;
constexpr std::size_t key_bytes_max = 8 * 1024;  // Tokens of identity providers have a few KiB.

std::unexpected<Failure> wrong(std::string text) { return failed(Reason::request_malformed, PublicText{std::move(text)}); }

Result<std::string> read_key(const KeyReference& reference) {
  std::string key, where;
  if (!reference.file.empty()) {
    where = reference.file;
    if (::access(reference.file.c_str(), R_OK) != 0) return wrong("cannot read the key's file " + reference.file);
    const auto text = store::read_file(reference.file);
    if (!text) return wrong(text.error().detail.text.str());
    key = *text;
    while (!key.empty() && (key.back() == '\n' || key.back() == '\r' || key.back() == ' ')) key.pop_back();
    if (key.empty()) return wrong("the key's file is empty: " + reference.file);
  } else if (!reference.variable.empty()) {
    where = reference.variable;
    const char* value = std::getenv(reference.variable.c_str());
    if (value == nullptr || *value == '\0') return wrong("the environment variable " + reference.variable + " is not set: it is to hold the key");
    key = value;
  } else if (reference.usual == UsualKey::environment) {
    for (const char* name : {"BELLWETHER_API_KEY", "HOLYSHEEP_API_KEY"}) {
      const char* value = std::getenv(name);
      if (value == nullptr || *value == '\0') continue;
      key = value;
      where = name;
      break;
    }
  }
  // It goes into a head: nothing that could end a line.
  const bool is_key = key.size() <= key_bytes_max && std::ranges::all_of(key, [](char letter) { return letter > ' ' && letter < 0x7f; });
  if (!is_key) return wrong("what " + where + " holds is no key: letters, digits and signs without a space are expected");
  return key;
}

}  // namespace

std::string shown_url(const std::string& url) {
  const std::size_t scheme = url.find("://");
  const std::size_t at = url.rfind('@');
  if (scheme == std::string::npos || at == std::string::npos) return url;
  return url.substr(0, scheme + 3) + url.substr(at + 1);
}

KeyReference second_key(const std::string& first_url, const KeyReference& first, const std::string& second_url, const KeyReference& second) {
  if (second.is_said()) return second;
  const auto one = config::parse_url(first_url), other = config::parse_url(second_url);
  const bool same_place = one && other && one->scheme == other->scheme && one->host == other->host && one->port == other->port;
  return same_place ? first : KeyReference{.variable = {}, .file = {}, .usual = UsualKey::none};
}

calling::Endpoint endpoint_of(const catalog::Upstream& upstream) {
  const catalog::Url& url = upstream.base_url;
  using Scheme = catalog::Url::Scheme;
  calling::Endpoint endpoint{.target = {}, .authority = "localhost", .path = url.path, .api_key = upstream.api_key};
  if (url.scheme == Scheme::unix_socket) {
    endpoint.target.socket_path = url.host;
    return endpoint;
  }
  endpoint.target = {.host = url.host, .port = url.port, .socket_path = {}, .tls = url.scheme == Scheme::https};
  endpoint.authority = url.host.find(':') == std::string::npos ? url.host : "[" + url.host + "]";
  if (url.port != (url.scheme == Scheme::https ? 443 : 80)) endpoint.authority += ":" + std::to_string(url.port);
  return endpoint;
}

Result<calling::Endpoint> endpoint_of(const std::string& text, const KeyReference& reference) {
  const auto url = config::parse_url(text);
  if (!url) return wrong("this is no URL such as http://127.0.0.1:8080/v1, https://api.example.com/v1 or unix:/run/llm.sock: " + shown_url(text));
  catalog::Upstream upstream;
  upstream.base_url = *url;
  // All dialects answer below /v1; a URL without a path is an omission.
  if (upstream.base_url.path.empty()) upstream.base_url.path = "/v1";
  BW_TRY(key, read_key(reference));
  upstream.api_key = key;
  return endpoint_of(upstream);
}

std::vector<std::string> model_names(std::string_view body) {
  std::vector<std::string> names;
  const nlohmann::json json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object() || !json.contains("data") || !json["data"].is_array()) return names;
  for (const nlohmann::json& model : json["data"])
    if (model.is_object() && model.contains("id") && model["id"].is_string()) names.push_back(model["id"]);
  return names;
}

Listed list_models(const calling::Endpoint& endpoint, Duration patience) {
  Listed listed;
  net::Loop loop{random_seed()};
  calling::Caller caller{loop, endpoint, 1};
  calling::Ongoing ongoing;
  net::spawn(loop, "models", [&]() -> net::Task<void> {
    const calling::Request request{.method = "GET", .path = "/models", .body = {}};
    listed.reply = co_await caller.call(request, patience, ongoing);
    loop.stop();
  });
  loop.run();
  listed.models = model_names(listed.reply.body);
  return listed;
}

std::optional<Refusal> refusal_of(const calling::Reply& reply, const std::string& url) {
  const std::string shown = shown_url(url);
  if (reply.status == 401 || reply.status == 403)
    return Refusal{exit_not_authorised,
                   fmt::format("{} refuses the key ({}): say by a flag in which variable or file its key is, or set BELLWETHER_API_KEY", shown, reply.status)};
  switch (reply.end) {
    case calling::End::unreachable: return Refusal{exit_upstream_unreachable, fmt::format("{} cannot be reached: {}", shown, reply.detail)};
    case calling::End::timed_out: return Refusal{exit_upstream_unreachable, fmt::format("{} does not answer: {}", shown, reply.detail)};
    case calling::End::complete:
    case calling::End::enough: break;
    default: return Refusal{exit_upstream_unreachable, fmt::format("{} does not answer as an HTTP server should: {}", shown, reply.detail)};
  }
  if (reply.status == 503) return Refusal{exit_upstream_unreachable, fmt::format("{} is not ready (503)", shown)};
  return std::nullopt;
}

Result<std::string> choose_model(const std::string& given, const std::vector<std::string>& models, const std::string& url) {
  const std::string shown = shown_url(url);
  if (!given.empty()) return given;
  if (models.size() == 1) return models.front();
  if (models.empty()) return wrong(shown + " lists no models: say which with --model NAME");
  std::string names;
  for (std::size_t i = 0; i < std::min(models.size(), models_told_max); ++i) names += (i > 0 ? ", " : "") + models[i];
  if (models.size() > models_told_max) names += fmt::format(" and {} more", models.size() - models_told_max);
  return wrong(shown + " has several models, say which with --model NAME: " + names);
}

}  // namespace bellwether::cli
