// The only door to asio::co_spawn.
#pragma once

#include <cstdio>
#include <exception>
#include <string_view>
#include <utility>

#include "net/task.h"

namespace bellwether::net {

/// Says on standard error that an exception left a coroutine: a bug, but one connection's, so the lane goes on.
void report_escape(std::string_view task, const std::exception_ptr& escaped);

/// Runs `coroutine(args...)` on the lane of `executor`. Arguments are moved into the task and live as long as it does, so the
/// coroutine may take them by reference. `task` must be a literal.
template <class Coroutine, class... Args>
void spawn(Executor executor, std::string_view task, Coroutine coroutine, Args... args) {
  // The lambda itself is handed over, not its result: called here, its captures would die with this statement.
  auto run = [coroutine = std::move(coroutine), ... args = std::move(args)]() mutable -> Task<void> {
    // A cancelled wait reports an error code; without this the next await would throw past whoever has to settle.
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await coroutine(args...);
  };
  asio::co_spawn(executor, std::move(run), [task](const std::exception_ptr& escaped) {
    if (escaped) report_escape(task, escaped);
  });
}

}  // namespace bellwether::net
