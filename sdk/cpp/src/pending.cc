#include "pending.h"

namespace bellwether::inline v1::detail {

using client::Item;

void Pending::start() {
  if (std::exchange(started_, true)) return;
  engine_->start(operation_, stop_);
}

Item Pending::take() {
  start();
  // Whoever was resumed finds an item; anyone else might wait for this very thread.
  if (!std::exchange(resumed_, false) && engine_->is_own_thread() && !operation_->has_item()) {
    return {Item::Kind::failure,
            {},
            {.kind = ErrorKind::invalid_argument,
             .code = "would_wait_for_itself",
             .message = "A blocking call on the client's own thread would wait for itself: co_await it, or give ClientOptions::resume_on an executor."}};
  }
  return operation_->take();
}

bool Pending::wait(std::coroutine_handle<> waiter) {
  start();
  resumed_ = true;
  return operation_->wait(waiter);
}

void Pending::cancel() noexcept { operation_->cancel(); }

}  // namespace bellwether::inline v1::detail
