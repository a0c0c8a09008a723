#include "bellwether/hybrid.hpp"

#include <algorithm>
#include <deque>
#include <mutex>

#include "course.h"

namespace bellwether::inline v1 {

using client::Breaker;
using client::Course;

const char* name_of(Source source) noexcept { return source == Source::primary ? "primary" : "fallback"; }

namespace detail {
namespace {

client::Moment now() { return std::chrono::steady_clock::now(); }

// A stream's first chunks that say only who speaks are held back, for until something is said the other side can still be asked.
// No server sends more than one or two.
constexpr std::size_t held_max = 8;

bool says_something(const ChatChunk& chunk) {
  if (chunk.usage || chunk.choices.empty()) return true;
  for (const ChunkChoice& choice : chunk.choices) {
    const ReplyMessage& said = choice.delta;
    if (!said.content.empty() || !said.reasoning.empty() || !said.refusal.empty() || !said.tool_calls.empty() || !choice.finish_reason.empty()) return true;
  }
  return false;
}

HybridOptions with_retries(HybridOptions options) {
  options.primary.client.max_retries = options.fallback.client.max_retries = options.max_retries;
  // A coroutine goes on at one place, whichever side answers.
  if (!options.fallback.client.resume_on) options.fallback.client.resume_on = options.primary.client.resume_on;
  return options;
}

}  // namespace

/// What the copies of a client share.
class Hybrid {
 public:
  explicit Hybrid(HybridOptions options)
      : options_{with_retries(std::move(options))},
        primary_{options_.primary.client},
        fallback_{options_.fallback.client},
        breaker_{std::max(1, options_.trip_after), std::max(options_.rest, client::Span{1}),
                 std::max(options_.rest_max, std::max(options_.rest, client::Span{1}))} {}

  [[nodiscard]] const Client& at(Source side) const { return side == Source::primary ? primary_ : fallback_; }
  [[nodiscard]] Breaker& breaker() { return breaker_; }

  /// What the caller asked, as this side wants it.
  [[nodiscard]] ChatRequest for_side(ChatRequest request, Source which) const {
    const HybridSide& side = which == Source::primary ? options_.primary : options_.fallback;
    for (const auto& [from, to] : side.models)
      if (request.model == from) {
        request.model = to;
        break;
      }
    if (!side.model.empty()) request.model = side.model;
    for (const auto& member : side.body) {
      const bool is_set = std::any_of(request.extra.begin(), request.extra.end(), [&](const auto& set) { return set.first == member.first; });
      if (!is_set) request.extra.push_back(member);
    }
    return request;
  }

 private:
  const HybridOptions options_;
  const Client primary_, fallback_;
  Breaker breaker_;
};

namespace {

/// The outcome of a side's answer: what to tell the caller, or nothing if the other side is to be asked.
std::optional<Result<HybridAnswer>> judge(Course& course, Result<ChatCompletion> answer) {
  const client::Moment at = now();
  if (answer && !answer->choices.empty()) {
    course.answered();
    return HybridAnswer{std::move(*answer), course.side(), course.waited_ms(at)};
  }
  Error error = answer ? Error{.kind = ErrorKind::internal_server, .http_status = 200, .code = "no_choices", .message = "The answer has no choices."}
                       : std::move(answer.error());
  if (std::optional<Error> told = course.failed(std::move(error), at)) return *std::move(told);
  return std::nullopt;
}

/// A coroutine that nobody awaits; its frame ends with it.
struct Detached {
  struct promise_type {
    Detached get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
  };
};

}  // namespace

/// A call over both sides, on its way.
class HybridPending : public std::enable_shared_from_this<HybridPending> {
 public:
  HybridPending(std::shared_ptr<Hybrid> hybrid, ChatRequest request, CallOptions options)
      : hybrid_{std::move(hybrid)}, request_{std::move(request)}, options_{std::move(options)} {
    on_stop_.emplace(options_.stop, std::function<void()>{[source = stop_]() mutable { source.request_stop(); }});
    options_.stop = stop_.get_token();
  }

  /// False: the result is there already.
  [[nodiscard]] bool wait(std::coroutine_handle<> waiter) {
    {
      const std::lock_guard lock{mutex_};
      if (std::exchange(sent_, true)) return false;
      waiter_ = waiter;
    }
    drive(shared_from_this());
    const std::lock_guard lock{mutex_};
    waits_ = !result_;
    if (!waits_) waiter_ = nullptr;
    return waits_;
  }
  [[nodiscard]] Result<HybridAnswer> take() {
    const std::lock_guard lock{mutex_};
    if (std::optional<Result<HybridAnswer>> result = std::exchange(result_, std::nullopt)) return *std::move(result);
    return Error{.kind = ErrorKind::invalid_argument, .code = "taken_twice", .message = "This call's answer was taken already."};
  }
  void abandon() {
    {
      const std::lock_guard lock{mutex_};
      waiter_ = nullptr;
    }
    stop_.request_stop();
  }

 private:
  static Detached drive(std::shared_ptr<HybridPending> self) {
    Course course{self->hybrid_->breaker(), now()};
    std::optional<Result<HybridAnswer>> outcome;
    while (!outcome) {
      Result<ChatCompletion> answer =
          co_await self->hybrid_->at(course.side()).async_chat(self->hybrid_->for_side(self->request_, course.side()), self->options_);
      outcome = judge(course, std::move(answer));
    }
    std::coroutine_handle<> waiter;
    {
      const std::lock_guard lock{self->mutex_};
      self->result_ = std::move(outcome);
      // Before `wait` has returned its coroutine is not suspended yet: then `wait` finds the result.
      if (self->waits_) waiter = std::exchange(self->waiter_, nullptr);
    }
    if (waiter) waiter.resume();
  }

  const std::shared_ptr<Hybrid> hybrid_;
  const ChatRequest request_;
  CallOptions options_;
  std::stop_source stop_;
  std::optional<std::stop_callback<std::function<void()>>> on_stop_;

  std::mutex mutex_;  ///< For all that follows.
  std::coroutine_handle<> waiter_;
  bool sent_ = false;
  bool waits_ = false;  ///< The waiter is suspended.
  std::optional<Result<HybridAnswer>> result_;
};

/// A stream over both sides.
class HybridStreaming {
 public:
  HybridStreaming(std::shared_ptr<Hybrid> hybrid, ChatRequest request, CallOptions options)
      : hybrid_{std::move(hybrid)}, request_{std::move(request)}, options_{std::move(options)} {}

  [[nodiscard]] std::optional<Result<ChatChunk>> read() {
    if (!course_) begin();
    if (!held_.empty()) {
      Result<ChatChunk> first = std::move(held_.front());
      held_.pop_front();
      return first;
    }
    if (over_) return std::nullopt;
    std::optional<Result<ChatChunk>> element = stream_->read();
    if (!element) course_->answered();
    else if (!*element) course_->broke_off(element->error(), now());
    over_ = !element || !*element;
    return element;
  }
  [[nodiscard]] Source source() const { return course_ ? course_->side() : Source::primary; }
  [[nodiscard]] double latency_ms() const { return latency_ms_; }

 private:
  /// Asks one side and then perhaps the other, until one says something.
  void begin() {
    course_.emplace(hybrid_->breaker(), now());
    for (;;) {
      held_.clear();
      stream_.emplace(hybrid_->at(course_->side()).chat_stream(hybrid_->for_side(request_, course_->side()), options_));
      std::optional<Error> trouble = hold();
      latency_ms_ = course_->waited_ms(now());
      if (!trouble) return course_->began_to_stream(now());
      std::optional<Error> told = course_->failed(*std::move(trouble), now());
      if (!told) continue;
      held_.clear();
      held_.push_back(*std::move(told));
      over_ = true;
      return;
    }
  }
  /// Reads until something is said. The error, if there is one before that.
  [[nodiscard]] std::optional<Error> hold() {
    while (held_.size() < held_max) {
      std::optional<Result<ChatChunk>> element = stream_->read();
      if (!element) return Error{.kind = ErrorKind::stream_cut, .code = "no_choices", .message = "The stream ended before anything was said."};
      if (!*element) return std::move(element->error());
      held_.push_back(*std::move(element));
      if (says_something(*held_.back())) break;
    }
    return std::nullopt;
  }

  const std::shared_ptr<Hybrid> hybrid_;
  const ChatRequest request_;
  const CallOptions options_;
  std::optional<Course> course_;
  std::optional<ChatStream> stream_;
  std::deque<Result<ChatChunk>> held_;
  bool over_ = false;
  double latency_ms_ = 0;
};

}  // namespace detail

HybridCall::HybridCall(std::shared_ptr<detail::HybridPending> pending) noexcept : pending_{std::move(pending)} {}
HybridCall::HybridCall(HybridCall&&) noexcept = default;
HybridCall& HybridCall::operator=(HybridCall&&) noexcept = default;
HybridCall::~HybridCall() {
  if (pending_) pending_->abandon();
}
bool HybridCall::await_suspend(std::coroutine_handle<> waiter) { return pending_->wait(waiter); }
Result<HybridAnswer> HybridCall::await_resume() { return pending_->take(); }

HybridStream::HybridStream(std::unique_ptr<detail::HybridStreaming> streaming) noexcept : streaming_{std::move(streaming)} {}
HybridStream::HybridStream(HybridStream&&) noexcept = default;
HybridStream& HybridStream::operator=(HybridStream&&) noexcept = default;
HybridStream::~HybridStream() = default;
std::optional<HybridStream::Element> HybridStream::read() { return streaming_->read(); }
Source HybridStream::source() const noexcept { return streaming_->source(); }
double HybridStream::latency_ms() const noexcept { return streaming_->latency_ms(); }

HybridClient::HybridClient(HybridOptions options) : hybrid_{std::make_shared<detail::Hybrid>(std::move(options))} {}
HybridClient::HybridClient(const HybridClient&) = default;
HybridClient::HybridClient(HybridClient&&) noexcept = default;
HybridClient& HybridClient::operator=(const HybridClient&) = default;
HybridClient& HybridClient::operator=(HybridClient&&) noexcept = default;
HybridClient::~HybridClient() = default;

Result<HybridAnswer> HybridClient::chat(const ChatRequest& request, const CallOptions& options) const {
  Course course{hybrid_->breaker(), detail::now()};
  for (;;) {
    Result<ChatCompletion> answer = hybrid_->at(course.side()).chat(hybrid_->for_side(request, course.side()), options);
    if (std::optional<Result<HybridAnswer>> outcome = detail::judge(course, std::move(answer))) return *std::move(outcome);
  }
}

HybridCall HybridClient::async_chat(const ChatRequest& request) const { return async_chat(request, CallOptions{}); }

HybridCall HybridClient::async_chat(const ChatRequest& request, const CallOptions& options) const {
  return HybridCall{std::make_shared<detail::HybridPending>(hybrid_, request, options)};
}

HybridStream HybridClient::chat_stream(const ChatRequest& request, const CallOptions& options) const {
  return HybridStream{std::make_unique<detail::HybridStreaming>(hybrid_, request, options)};
}

bool HybridClient::primary_rests() const { return hybrid_->breaker().resting(); }

}  // namespace bellwether::inline v1
