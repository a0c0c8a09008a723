// Two places that can answer: a primary, and a fallback for when it cannot.
#pragma once

#include "bellwether/client.hpp"

namespace bellwether::inline v1 {

enum class Source : std::uint8_t { primary, fallback };

/// "primary" or "fallback".
[[nodiscard]] BELLWETHER_API const char* name_of(Source source) noexcept;

/// One side: where it is, and what it is asked for.
struct HybridSide {
  ClientOptions client = {};
  /// What to ask for here, whatever the caller names; empty: as the caller says, by way of `models`.
  std::string model = {};
  /// The caller's name and this side's; names that are not in it stay as they are.
  std::vector<std::pair<std::string, std::string>> models = {};
  /// Members to add to each request for this side where the caller did not set them.
  Extra body = {};
};

struct HybridOptions {
  HybridSide primary = {};
  HybridSide fallback = {};
  /// So many failures in a row, and the primary rests; or one that says how long it wants to be left alone (`retry-after`).
  int trip_after = 3;
  /// How long it rests; then one call probes it while the others still go to the fallback. A probe that fails doubles the time.
  std::chrono::milliseconds rest = std::chrono::seconds(10);
  std::chrono::milliseconds rest_max = std::chrono::minutes(5);
  /// Of either side by itself: none, for the other side is the second try.
  int max_retries = 0;
};

/// An answer, and who gave it.
struct HybridAnswer {
  ChatCompletion completion = {};
  Source source = Source::primary;
  double latency_ms = 0;  ///< What the caller waited in all, both sides included.

  [[nodiscard]] std::string_view text() const noexcept { return completion.text(); }
};

namespace detail {
class Hybrid;
class HybridPending;
class HybridStreaming;
}  // namespace detail

/// As Call, awaited by a coroutine: sends when it is, once.
class [[nodiscard]] BELLWETHER_API HybridCall {
 public:
  HybridCall(HybridCall&&) noexcept;
  HybridCall& operator=(HybridCall&&) noexcept;
  ~HybridCall();

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  [[nodiscard]] bool await_suspend(std::coroutine_handle<> waiter);
  [[nodiscard]] Result<HybridAnswer> await_resume();

 private:
  friend class HybridClient;
  explicit HybridCall(std::shared_ptr<detail::HybridPending> pending) noexcept;
  std::shared_ptr<detail::HybridPending> pending_;
};

/// As Stream. Moves to the fallback only while nothing was said; a cut after that is its last element, an error.
class [[nodiscard]] BELLWETHER_API HybridStream {
 public:
  using Element = Result<ChatChunk>;
  using Iterator = detail::ElementIterator<HybridStream, Element>;

  /// What `next` gives to be awaited.
  class BELLWETHER_API Next {
   public:
    explicit Next(HybridStream& stream) noexcept : stream_{&stream} {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    [[nodiscard]] bool await_suspend(std::coroutine_handle<> waiter);
    [[nodiscard]] std::optional<Element> await_resume();

   private:
    HybridStream* stream_;
  };

  HybridStream(HybridStream&&) noexcept;
  HybridStream& operator=(HybridStream&&) noexcept;
  ~HybridStream();

  [[nodiscard]] Iterator begin() {
    current_ = read();
    return Iterator{*this};
  }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }
  [[nodiscard]] std::optional<Element> read();
  /// As Stream::next.
  [[nodiscard]] Next next() noexcept { return Next{*this}; }

  /// Which side speaks; known with the first element.
  [[nodiscard]] Source source() const noexcept;
  /// To the first thing that was said.
  [[nodiscard]] double latency_ms() const noexcept;

 private:
  friend class HybridClient;
  friend Iterator;
  explicit HybridStream(std::shared_ptr<detail::HybridStreaming> streaming) noexcept;

  std::shared_ptr<detail::HybridStreaming> streaming_;
  std::optional<Element> current_;
};

/// Asks the primary, and the fallback when the primary cannot be reached, does not answer in time, or answers 429 or 5xx. The caller's own
/// mistakes (400, 401, 403, 404, 422 …) are told as they come, from whichever side said so. Where the primary rests and the fallback
/// fails, the primary is tried after all; where both fail, the error says what both said (`both_sides_failed`). A call's `timeout` and
/// `deadline` are for each side. Copies share what is known about the primary. Any thread.
class BELLWETHER_API HybridClient {
 public:
  explicit HybridClient(HybridOptions options);
  HybridClient(const HybridClient&);
  HybridClient(HybridClient&&) noexcept;
  HybridClient& operator=(const HybridClient&);
  HybridClient& operator=(HybridClient&&) noexcept;
  ~HybridClient();

  [[nodiscard]] Result<HybridAnswer> chat(const ChatRequest& request, const CallOptions& options = {}) const;
  /// As `Client::async_chat`.
  [[nodiscard]] HybridCall async_chat(const ChatRequest& request) const;
  [[nodiscard]] HybridCall async_chat(const ChatRequest& request, const CallOptions& options) const;
  [[nodiscard]] HybridStream chat_stream(const ChatRequest& request, const CallOptions& options = {}) const;

  /// Whether the primary is left alone at present, but for probes.
  [[nodiscard]] bool primary_rests() const;

 private:
  std::shared_ptr<detail::Hybrid> hybrid_;
};

}  // namespace bellwether::inline v1
