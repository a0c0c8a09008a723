#include <mutex>

#include "hybrid_sides.h"

namespace bellwether::inline v1 {

using client::Course;

namespace detail {
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

}  // namespace detail

HybridCall::HybridCall(std::shared_ptr<detail::HybridPending> pending) noexcept : pending_{std::move(pending)} {}
HybridCall::HybridCall(HybridCall&&) noexcept = default;
HybridCall& HybridCall::operator=(HybridCall&&) noexcept = default;
HybridCall::~HybridCall() {
  if (pending_) pending_->abandon();
}
bool HybridCall::await_suspend(std::coroutine_handle<> waiter) { return pending_->wait(waiter); }
Result<HybridAnswer> HybridCall::await_resume() { return pending_->take(); }

HybridCall HybridClient::async_chat(const ChatRequest& request) const { return async_chat(request, CallOptions{}); }
HybridCall HybridClient::async_chat(const ChatRequest& request, const CallOptions& options) const {
  return HybridCall{std::make_shared<detail::HybridPending>(hybrid_, request, options)};
}

}  // namespace bellwether::inline v1
