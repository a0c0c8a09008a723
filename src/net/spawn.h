// How a coroutine begins that nobody awaits.
#pragma once

#include <coroutine>
#include <exception>
#include <list>
#include <string_view>
#include <utility>

#include "net/loop.h"
#include "net/task.h"

namespace bellwether::net {

/// Says on standard error that an exception left a coroutine: a bug, but one connection's, so the lane goes on.
void report_escape(std::string_view task, const std::exception_ptr& escaped);

/// The outermost frame. Destroys itself when it ends; one that has not ended when its loop does is destroyed by the loop.
struct Root {
  class promise_type {
   public:
    template <class... Args>
    explicit promise_type(Loop& loop, Args&...) : loop_{loop}, place_{loop.roots_.insert(loop.roots_.end(), handle())} {}
    ~promise_type() { loop_.roots_.erase(place_); }
    promise_type(const promise_type&) = delete;
    promise_type& operator=(const promise_type&) = delete;

    [[nodiscard]] Root get_return_object() { return {handle()}; }
    [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
    [[nodiscard]] std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }

   private:
    [[nodiscard]] std::coroutine_handle<promise_type> handle() { return std::coroutine_handle<promise_type>::from_promise(*this); }

    Loop& loop_;
    std::list<std::coroutine_handle<>>::iterator place_;
  };

  std::coroutine_handle<> handle;
};

template <class Coroutine, class... Args>
Root run_root(Loop&, std::string_view task, Coroutine coroutine, Args... args) {
  try {
    co_await coroutine(args...);
  } catch (...) {
    report_escape(task, std::current_exception());
  }
}

/// Runs `coroutine(args...)` on the loop, soon. Arguments are moved into the task and live as long as it does, so the coroutine
/// may take them by reference. `task` must be a literal. On the loop's thread, or before it runs.
template <class Coroutine, class... Args>
void spawn(Loop& loop, std::string_view task, Coroutine coroutine, Args... args) {
  const Root root = run_root(loop, task, std::move(coroutine), std::move(args)...);
  loop.post([handle = root.handle] { handle.resume(); });
}

}  // namespace bellwether::net
