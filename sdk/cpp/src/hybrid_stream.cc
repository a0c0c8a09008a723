#include <deque>
#include <mutex>

#include "hybrid_sides.h"

namespace bellwether::inline v1 {

using client::Course;

namespace detail {
namespace {

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

}  // namespace

/// A stream over both sides. Told what its present side gave, it says what the caller gets.
class HybridStreaming {
 public:
  using Element = Result<ChatChunk>;
  /// An element, or the end.
  using Given = std::optional<Element>;

  HybridStreaming(std::shared_ptr<Hybrid> hybrid, ChatRequest request, CallOptions options)
      : hybrid_{std::move(hybrid)}, request_{std::move(request)}, options_{std::move(options)} {
    on_stop_.emplace(options_.stop, std::function<void()>{[source = stop_]() mutable { source.request_stop(); }});
    options_.stop = stop_.get_token();
  }

  [[nodiscard]] Given read() {
    std::optional<Given> given = begin();
    while (!given) given = judge(stream_->read());
    return *std::move(given);
  }
  /// False: what was asked for is there already.
  [[nodiscard]] bool wait(const std::shared_ptr<HybridStreaming>& self, std::coroutine_handle<> waiter) {
    {
      const std::lock_guard lock{mutex_};
      waiter_ = waiter;
      waits_ = false;
    }
    advance(self);
    const std::lock_guard lock{mutex_};
    waits_ = !arrived_;
    return waits_;
  }
  [[nodiscard]] Given take() {
    const std::lock_guard lock{mutex_};
    return *std::exchange(arrived_, std::nullopt);
  }
  void abandon() {
    {
      const std::lock_guard lock{mutex_};
      waiter_ = nullptr;
    }
    stop_.request_stop();
  }
  [[nodiscard]] Source source() const { return course_ ? course_->side() : Source::primary; }
  [[nodiscard]] double latency_ms() const { return latency_ms_; }

 private:
  static Detached advance(std::shared_ptr<HybridStreaming> self) {
    std::optional<Given> given = self->begin();
    while (!given) {
      Given read = co_await self->stream_->next();
      given = self->judge(std::move(read));
    }
    std::coroutine_handle<> waiter;
    {
      const std::lock_guard lock{self->mutex_};
      self->arrived_ = std::move(given);
      // Before `wait` has returned its coroutine is not suspended yet: then `wait` finds what arrived.
      if (self->waits_) waiter = std::exchange(self->waiter_, nullptr);
    }
    if (waiter) waiter.resume();
  }

  /// What is known without reading.
  [[nodiscard]] std::optional<Given> begin() {
    if (!course_) {
      course_.emplace(hybrid_->breaker(), now());
      ask_side();
    }
    if (opening_) return std::nullopt;
    if (!held_.empty()) return take_held();
    if (over_) return Given{};
    return std::nullopt;
  }
  [[nodiscard]] Given take_held() {
    Given first{std::move(held_.front())};
    held_.pop_front();
    return first;
  }
  void ask_side() {
    held_.clear();
    stream_.emplace(hybrid_->at(course_->side()).chat_stream(hybrid_->for_side(request_, course_->side()), options_));
  }
  /// What the caller gets of what a side gave; nothing: read on.
  [[nodiscard]] std::optional<Given> judge(Given read) {
    if (opening_) return judge_opening(std::move(read));
    if (!read) course_->answered();
    else if (!*read) course_->broke_off(read->error(), now());
    over_ = !read || !*read;
    return read;
  }
  [[nodiscard]] std::optional<Given> judge_opening(Given read) {
    latency_ms_ = course_->waited_ms(now());
    if (read && *read) {
      held_.push_back(*std::move(read));
      if (held_.size() < held_max && !says_something(*held_.back())) return std::nullopt;
      opening_ = false;
      course_->began_to_stream(now());
      return take_held();
    }
    Error trouble =
        read ? std::move(read->error()) : Error{.kind = ErrorKind::stream_cut, .code = "no_choices", .message = "The stream ended before anything was said."};
    if (std::optional<Error> told = course_->failed(std::move(trouble), now())) {
      opening_ = false;
      over_ = true;
      held_.clear();
      return Given{*std::move(told)};
    }
    ask_side();
    return std::nullopt;
  }

  const std::shared_ptr<Hybrid> hybrid_;
  const ChatRequest request_;
  CallOptions options_;
  std::stop_source stop_;
  std::optional<std::stop_callback<std::function<void()>>> on_stop_;

  // Of whoever reads.
  std::optional<Course> course_;
  std::optional<ChatStream> stream_;
  std::deque<Element> held_;
  bool opening_ = true;  ///< Nothing was said yet: the other side can still be asked.
  bool over_ = false;
  double latency_ms_ = 0;

  std::mutex mutex_;  ///< For all that follows.
  std::coroutine_handle<> waiter_;
  bool waits_ = false;  ///< The waiter is suspended.
  std::optional<Given> arrived_;
};

}  // namespace detail

HybridStream::HybridStream(std::shared_ptr<detail::HybridStreaming> streaming) noexcept : streaming_{std::move(streaming)} {}
HybridStream::HybridStream(HybridStream&&) noexcept = default;
HybridStream& HybridStream::operator=(HybridStream&&) noexcept = default;
HybridStream::~HybridStream() {
  if (streaming_) streaming_->abandon();
}
bool HybridStream::Next::await_suspend(std::coroutine_handle<> waiter) { return stream_->streaming_->wait(stream_->streaming_, waiter); }
std::optional<HybridStream::Element> HybridStream::Next::await_resume() { return stream_->streaming_->take(); }
std::optional<HybridStream::Element> HybridStream::read() { return streaming_->read(); }
Source HybridStream::source() const noexcept { return streaming_->source(); }
double HybridStream::latency_ms() const noexcept { return streaming_->latency_ms(); }

HybridStream HybridClient::chat_stream(const ChatRequest& request, const CallOptions& options) const {
  return HybridStream{std::make_shared<detail::HybridStreaming>(hybrid_, request, options)};
}

}  // namespace bellwether::inline v1
