// A call that has sent nothing yet: awaited in a coroutine of any type, or waited for by a thread.
#pragma once

#include <coroutine>
#include <memory>
#include <utility>

#include "bellwether/completions.hpp"
#include "bellwether/embeddings.hpp"
#include "bellwether/export.hpp"
#include "bellwether/models.hpp"
#include "bellwether/result.hpp"

namespace bellwether::inline v1 {

/// Of the library's own making; nothing in it is for its users.
namespace detail {
class Pending;
struct Access;
}  // namespace detail

/// `co_await client.async_chat(request)` gives a Result<ChatCompletion>. The request is sent by `start`, `get` or `co_await`,
/// whichever comes first, and once; the answer is taken once. A coroutine goes on where ClientOptions::resume_on says; without
/// it, on the client's own thread, where it must not block. Destroying a call, or the coroutine that awaits it, cancels it.
template <class T>
class [[nodiscard]] BELLWETHER_API Call {
 public:
  Call(Call&&) noexcept;
  Call& operator=(Call&&) noexcept;
  ~Call();

  /// Sends now. For several calls at once from one thread: start all, then `get` each.
  Call& start() &;
  Call&& start() && { return std::move(start()); }
  /// Waits for the answer, blocking this thread.
  [[nodiscard]] Result<T> get();
  /// Ends the call soon; its result is an error of kind `cancelled`. Any thread, at any time before the answer was taken.
  void cancel() noexcept;

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  [[nodiscard]] bool await_suspend(std::coroutine_handle<> waiter);
  [[nodiscard]] Result<T> await_resume();

 private:
  friend struct detail::Access;
  explicit Call(std::unique_ptr<detail::Pending> pending) noexcept;

  std::unique_ptr<detail::Pending> pending_;
};

extern template class Call<ChatCompletion>;
extern template class Call<Completion>;
extern template class Call<Embeddings>;
extern template class Call<ModelList>;
extern template class Call<Model>;

}  // namespace bellwether::inline v1
