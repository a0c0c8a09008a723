#include "bellwether/client.hpp"

#include <sys/random.h>

#include <array>
#include <cstdlib>
#include <random>

#include "key_check.h"
#include "pending.h"
#include "write_request.h"

namespace bellwether::inline v1 {
namespace {

using client::Ask;
using client::Operation;
using client::Wants;
using detail::Access;
using detail::Engine;
using detail::Pending;

using Fields = std::vector<std::pair<std::string, std::string>>;

Error invalid(std::string param, std::string message) {
  return {.kind = ErrorKind::invalid_argument, .code = "invalid_argument", .param = std::move(param), .message = std::move(message)};
}

/// A name is a token, a value holds no line end (RFC 9110 §5): anything else could smuggle a request in.
std::optional<Error> problem_with(const Fields& fields) {
  for (const auto& [name, value] : fields) {
    const bool is_token =
        !name.empty() && name.find_first_not_of("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == std::string::npos;
    if (!is_token || value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
      return invalid("headers", "The header field \"" + name + "\" cannot be sent: its name or its value holds a character that no field may hold.");
  }
  return std::nullopt;
}

bool is_sendable(std::string_view key) {
  for (const char c : key)
    if (static_cast<unsigned char>(c) <= ' ' || static_cast<unsigned char>(c) >= 0x7f) return false;
  return true;
}

std::shared_ptr<Engine> make_engine(ClientOptions options) {
  client::Settings settings{.url = {},
                            .api_key = options.api_key,
                            .headers = options.headers,
                            .timeout = options.timeout,
                            .connect_timeout = options.connect_timeout,
                            .deadline = options.deadline,
                            .retries_max = options.max_retries,
                            .connections_max = std::max<std::uint32_t>(1, options.connections_max),
                            .resume_on = std::move(options.resume_on)};
  std::optional<Error> refusal = problem_with(options.headers);
  auto url = client::read_base_url(options.base_url);
  if (const auto* why = std::get_if<std::string>(&url)) refusal = invalid("base_url", *why + ".");
  else settings.url = std::get<client::BaseUrl>(std::move(url));
  if (options.key_check == KeyCheck::checksum) {
    if (std::optional<std::string> why = client::problem_with_key(options.api_key))
      refusal = Error{.kind = ErrorKind::invalid_key, .code = "invalid_api_key", .param = "api_key", .message = *std::move(why)};
  } else if (!is_sendable(options.api_key)) {
    refusal = Error{.kind = ErrorKind::invalid_key,
                    .code = "invalid_api_key",
                    .param = "api_key",
                    .message = "The key was not sent: it holds white space or characters beyond ASCII."};
  }
  return std::make_shared<Engine>(std::move(settings), std::move(refusal));
}

/// 128 random bits, so that no two calls anywhere have the same.
std::string new_idempotency_key() {
  std::array<unsigned char, 16> bits{};
  if (::getrandom(bits.data(), bits.size(), 0) != static_cast<ssize_t>(bits.size())) {
    std::random_device device;
    for (unsigned char& byte : bits) byte = static_cast<unsigned char>(device());
  }
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text = "bw-";
  for (const unsigned char byte : bits) (text += digits[byte >> 4]) += digits[byte & 15];
  return text;
}

std::string percent_encode(std::string_view segment) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : segment) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) out += c;
    else ((out += '%') += digits[byte >> 4]) += digits[byte & 15];
  }
  return out;
}

std::unique_ptr<Pending> make_pending(const std::shared_ptr<Engine>& engine, const CallOptions& options, Ask ask, std::optional<Error> trouble) {
  const client::Settings& settings = engine->settings();
  ask.headers = options.headers;
  ask.timeout = options.timeout.value_or(std::chrono::ceil<std::chrono::milliseconds>(settings.timeout));
  ask.deadline = options.deadline.value_or(std::chrono::ceil<std::chrono::milliseconds>(settings.deadline));
  ask.retries_max = options.max_retries.value_or(settings.retries_max);
  ask.idempotency_key = options.idempotency_key.empty() ? new_idempotency_key() : options.idempotency_key;
  if (!trouble) trouble = problem_with(options.headers);
  if (!trouble) trouble = problem_with({{"idempotency-key", ask.idempotency_key}});
  if (!trouble && (ask.timeout.count() <= 0 || ask.deadline.count() <= 0)) trouble = invalid("timeout", "timeout and deadline must be longer than nothing.");
  auto operation = std::make_shared<Operation>(std::move(ask), settings.resume_on);
  auto pending = std::make_unique<Pending>(engine, std::move(operation), options.stop);
  if (trouble) pending->refuse(*std::move(trouble));
  return pending;
}

std::unique_ptr<Pending> post(const std::shared_ptr<Engine>& engine, const CallOptions& options, std::string path, client::Body body, Wants wants) {
  Ask ask{.method = "POST", .path = std::move(path), .body = {}, .headers = {}, .idempotency_key = {}, .wants = wants};
  if (auto* const trouble = std::get_if<Error>(&body)) return make_pending(engine, options, std::move(ask), std::move(*trouble));
  ask.body = std::get<std::string>(std::move(body));
  return make_pending(engine, options, std::move(ask), std::nullopt);
}

std::unique_ptr<Pending> get(const std::shared_ptr<Engine>& engine, const CallOptions& options, std::string path) {
  return make_pending(engine, options, {.method = "GET", .path = std::move(path), .body = {}, .headers = {}, .idempotency_key = {}}, std::nullopt);
}

}  // namespace

std::string env(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string{} : std::string(value);
}

ClientOptions ClientOptions::from_env() {
  ClientOptions options;
  options.api_key = env("HOLYSHEEP_API_KEY");
  if (std::string url = env("HOLYSHEEP_BASE_URL"); !url.empty()) options.base_url = std::move(url);
  return options;
}

Client::Client(ClientOptions options) : engine_{make_engine(std::move(options))} {}
Client::Client(const Client&) = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(const Client&) = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

const char* Client::version() noexcept { return BELLWETHER_CLIENT_VERSION; }

Call<ChatCompletion> Client::async_chat(const ChatRequest& request, const CallOptions& options) const {
  return Access::make<Call<ChatCompletion>>(post(engine_, options, "/chat/completions", write_request(request, Wants::reply), Wants::reply));
}
Call<Completion> Client::async_complete(const CompletionRequest& request, const CallOptions& options) const {
  return Access::make<Call<Completion>>(post(engine_, options, "/completions", write_request(request, Wants::reply), Wants::reply));
}
Call<Embeddings> Client::async_embed(const EmbeddingRequest& request, const CallOptions& options) const {
  return Access::make<Call<Embeddings>>(post(engine_, options, "/embeddings", client::write_request(request), Wants::reply));
}
Call<ModelList> Client::async_models(const CallOptions& options) const { return Access::make<Call<ModelList>>(get(engine_, options, "/models")); }
Call<Model> Client::async_model(std::string_view id, const CallOptions& options) const {
  return Access::make<Call<Model>>(get(engine_, options, "/models/" + percent_encode(id)));
}

Call<ChatCompletion> Client::async_chat(const ChatRequest& request) const { return async_chat(request, CallOptions{}); }
Call<Completion> Client::async_complete(const CompletionRequest& request) const { return async_complete(request, CallOptions{}); }
Call<Embeddings> Client::async_embed(const EmbeddingRequest& request) const { return async_embed(request, CallOptions{}); }
Call<ModelList> Client::async_models() const { return async_models(CallOptions{}); }
Call<Model> Client::async_model(std::string_view id) const { return async_model(id, CallOptions{}); }

Result<ChatCompletion> Client::chat(const ChatRequest& request, const CallOptions& options) const { return async_chat(request, options).get(); }
Result<Completion> Client::complete(const CompletionRequest& request, const CallOptions& options) const { return async_complete(request, options).get(); }
Result<Embeddings> Client::embed(const EmbeddingRequest& request, const CallOptions& options) const { return async_embed(request, options).get(); }
Result<ModelList> Client::models(const CallOptions& options) const { return async_models(options).get(); }
Result<Model> Client::model(std::string_view id, const CallOptions& options) const { return async_model(id, options).get(); }

ChatStream Client::chat_stream(const ChatRequest& request, const CallOptions& options) const {
  return Access::make<ChatStream>(post(engine_, options, "/chat/completions", write_request(request, Wants::events), Wants::events));
}
CompletionStream Client::complete_stream(const CompletionRequest& request, const CallOptions& options) const {
  return Access::make<CompletionStream>(post(engine_, options, "/completions", write_request(request, Wants::events), Wants::events));
}

}  // namespace bellwether::inline v1
