#include <deque>

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

HybridStream::HybridStream(std::unique_ptr<detail::HybridStreaming> streaming) noexcept : streaming_{std::move(streaming)} {}
HybridStream::HybridStream(HybridStream&&) noexcept = default;
HybridStream& HybridStream::operator=(HybridStream&&) noexcept = default;
HybridStream::~HybridStream() = default;
std::optional<HybridStream::Element> HybridStream::read() { return streaming_->read(); }
Source HybridStream::source() const noexcept { return streaming_->source(); }
double HybridStream::latency_ms() const noexcept { return streaming_->latency_ms(); }

HybridStream HybridClient::chat_stream(const ChatRequest& request, const CallOptions& options) const {
  return HybridStream{std::make_unique<detail::HybridStreaming>(hybrid_, request, options)};
}

}  // namespace bellwether::inline v1
