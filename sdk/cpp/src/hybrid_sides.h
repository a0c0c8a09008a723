// What the copies of a hybrid client share: a client for each side, and what is known about the primary.
#pragma once

#include "bellwether/hybrid.hpp"
#include "course.h"

namespace bellwether::inline v1::detail {

[[nodiscard]] inline client::Moment now() { return std::chrono::steady_clock::now(); }

class Hybrid {
 public:
  explicit Hybrid(HybridOptions options);

  [[nodiscard]] const Client& at(Source side) const { return side == Source::primary ? primary_ : fallback_; }
  [[nodiscard]] client::Breaker& breaker() { return breaker_; }
  /// What the caller asked, as this side wants it.
  [[nodiscard]] ChatRequest for_side(ChatRequest request, Source which) const;

 private:
  const HybridOptions options_;
  const Client primary_, fallback_;
  client::Breaker breaker_;
};

/// What to tell the caller of a side's answer; nothing if the other side is to be asked.
[[nodiscard]] std::optional<Result<HybridAnswer>> judge(client::Course& course, Result<ChatCompletion> answer);

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

}  // namespace bellwether::inline v1::detail
