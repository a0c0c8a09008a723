#include "bellwether/call.hpp"

#include "pending.h"
#include "read_reply.h"

namespace bellwether::inline v1 {

using client::Item;
using detail::Pending;

template <class T>
Call<T>::Call(std::unique_ptr<Pending> pending) noexcept : pending_{std::move(pending)} {}
template <class T>
Call<T>::Call(Call&&) noexcept = default;
template <class T>
Call<T>& Call<T>::operator=(Call&&) noexcept = default;
template <class T>
Call<T>::~Call() = default;

template <class T>
Call<T>& Call<T>::start() & {
  pending_->start();
  return *this;
}

template <class T>
Result<T> Call<T>::get() {
  if (std::exchange(pending_->over, true))
    return Error{.kind = ErrorKind::invalid_argument, .code = "taken_twice", .message = "This call's answer was taken already."};
  Item item = pending_->take();
  if (item.kind != Item::Kind::reply) return std::move(item.error);
  const client::Operation& operation = pending_->operation();
  std::optional<T> reply = client::read_reply<T>(std::move(item.text));
  if (!reply)
    return Error{.kind = ErrorKind::internal_server,
                 .http_status = 200,
                 .code = "unreadable_reply",
                 .message = "The server's answer is not what the API promises.",
                 .request_id = operation.request_id(),
                 .attempts = operation.attempts()};
  if constexpr (requires { reply->attempts; }) {
    reply->request_id = operation.request_id();
    reply->attempts = operation.attempts();
  }
  return *std::move(reply);
}

template <class T>
void Call<T>::cancel() noexcept {
  pending_->cancel();
}

template <class T>
bool Call<T>::await_suspend(std::coroutine_handle<> waiter) {
  return !pending_->over && pending_->wait(waiter);
}

template <class T>
Result<T> Call<T>::await_resume() {
  return get();
}

template class Call<ChatCompletion>;
template class Call<Completion>;
template class Call<Embeddings>;
template class Call<ModelList>;
template class Call<Model>;

}  // namespace bellwether::inline v1
