// A client of Bellwether, or of anything that speaks OpenAI's API.
//
//     bellwether::Client client{{.base_url = "http://127.0.0.1:8080/v1", .api_key = bellwether::env("HOLYSHEEP_API_KEY")}};
//     auto answer = client.chat({.model = "deepseek-chat", .messages = {bellwether::user("안녕하세요")}});
//     if (answer) std::cout << answer->text();
#pragma once

#include <chrono>
#include <coroutine>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "bellwether/call.hpp"
#include "bellwether/stream.hpp"

namespace bellwether::inline v1 {

/// The value of an environment variable; empty where it is not set.
[[nodiscard]] BELLWETHER_API std::string env(const char* name);

inline constexpr const char* default_base_url = "http://127.0.0.1:8080/v1";

/// Whether a key is looked at before it is sent. Keys of Bellwether hold a checksum, so a typo is found without a request.
enum class KeyCheck : std::uint8_t {
  checksum,  ///< Prefix `hs_`, length and checksum must fit.
  none,      ///< Anything goes, an empty key too (no `authorization` is sent then): for a server that is not Bellwether.
};

/// Constant for a client's life. Nothing here is read from the environment, unless `from_env` is asked to.
struct BELLWETHER_API ClientOptions {
  /// `http://` or `https://` with host, port and path; or `unix:/run/bellwether.sock`, with `/v1` as its path.
  std::string base_url = default_base_url;
  std::string api_key = {};
  KeyCheck key_check = KeyCheck::checksum;
  /// The longest wait for the next byte, as `timeout` of OpenAI's SDKs.
  std::chrono::milliseconds timeout = std::chrono::minutes(10);
  /// DNS, TCP and TLS together.
  std::chrono::milliseconds connect_timeout = std::chrono::seconds(5);
  /// All of a call: its attempts, the waits between them and the whole answer.
  std::chrono::milliseconds deadline = std::chrono::hours(1);
  /// After the first attempt.
  int max_retries = 2;
  /// Further calls wait for a free one; 0 is taken for 1.
  std::uint32_t connections_max = 256;
  /// Added to every request.
  std::vector<std::pair<std::string, std::string>> headers = {};
  /// Where coroutines go on: is given each handle that is to be resumed, on the client's thread, and should pass it to an
  /// executor: `[&](std::coroutine_handle<> h) { asio::post(io, h); }`. Empty: they go on right there, on the client's thread.
  /// A coroutine that was handed over must not be destroyed before it went on.
  std::function<void(std::coroutine_handle<>)> resume_on = {};

  /// `HOLYSHEEP_API_KEY` and, where it is set, `HOLYSHEEP_BASE_URL`. No other variable; never one of OpenAI's.
  [[nodiscard]] static ClientOptions from_env();
};

/// What one call wants otherwise than its client.
struct CallOptions {
  std::stop_token stop = {};  ///< Cancels the call, promptly, wherever it is.
  std::optional<std::chrono::milliseconds> timeout = {};
  std::optional<std::chrono::milliseconds> deadline = {};
  std::optional<int> max_retries = {};
  std::string idempotency_key = {};  ///< Empty: a random one. The same for all attempts of the call, so that it is charged once.
  std::vector<std::pair<std::string, std::string>> headers = {};
};

namespace detail {
class Engine;
}

/// Copies share one connection pool and one background thread, which is made for the first call and ends with the last copy.
/// Every member may be called from any thread. After a fork the child needs a client of its own: one that was used before it
/// says so (invalid_argument). Nothing throws but std::bad_alloc.
///
/// Retries: connection errors, timeouts, 408, 409, 429 and 5xx, `max_retries` times, after `retry-after-ms` or `retry-after` where
/// these are at most 120 s (longer: no retry), else 0.5 s, 1 s, 2 s … up to 8 s, each less up to a quarter. `x-should-retry` overrules the status.
/// Once a stream's reply has begun, nothing is repeated.
class BELLWETHER_API Client {
 public:
  explicit Client(ClientOptions options);
  Client(const Client&);
  Client(Client&&) noexcept;
  Client& operator=(const Client&);
  Client& operator=(Client&&) noexcept;
  ~Client();

  /// One answer, waited for by this thread.
  [[nodiscard]] Result<ChatCompletion> chat(const ChatRequest& request, const CallOptions& options = {}) const;
  [[nodiscard]] Result<Completion> complete(const CompletionRequest& request, const CallOptions& options = {}) const;
  [[nodiscard]] Result<Embeddings> embed(const EmbeddingRequest& request, const CallOptions& options = {}) const;
  [[nodiscard]] Result<ModelList> models(const CallOptions& options = {}) const;
  [[nodiscard]] Result<Model> model(std::string_view id, const CallOptions& options = {}) const;

  /// A streamed answer; the usage comes with it.
  [[nodiscard]] ChatStream chat_stream(const ChatRequest& request, const CallOptions& options = {}) const;
  [[nodiscard]] CompletionStream complete_stream(const CompletionRequest& request, const CallOptions& options = {}) const;

  /// The same, to be awaited. With g++ 12 build the request before the line that awaits: that compiler miscompiles or rejects
  /// braces within a co_await expression (which is also why these have overloads rather than a default argument).
  [[nodiscard]] Call<ChatCompletion> async_chat(const ChatRequest& request) const;
  [[nodiscard]] Call<ChatCompletion> async_chat(const ChatRequest& request, const CallOptions& options) const;
  [[nodiscard]] Call<Completion> async_complete(const CompletionRequest& request) const;
  [[nodiscard]] Call<Completion> async_complete(const CompletionRequest& request, const CallOptions& options) const;
  [[nodiscard]] Call<Embeddings> async_embed(const EmbeddingRequest& request) const;
  [[nodiscard]] Call<Embeddings> async_embed(const EmbeddingRequest& request, const CallOptions& options) const;
  [[nodiscard]] Call<ModelList> async_models() const;
  [[nodiscard]] Call<ModelList> async_models(const CallOptions& options) const;
  [[nodiscard]] Call<Model> async_model(std::string_view id) const;
  [[nodiscard]] Call<Model> async_model(std::string_view id, const CallOptions& options) const;

  /// The library's version, such as "0.1.0".
  [[nodiscard]] static const char* version() noexcept;

 private:
  std::shared_ptr<detail::Engine> engine_;
};

}  // namespace bellwether::inline v1
