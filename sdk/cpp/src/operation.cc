#include "operation.h"

#include "net/inbox.h"
#include "net/signal.h"

namespace bellwether::client {
namespace {

// A reader that is slower than the server keeps at most this much: enough for a pause of seconds at a hundred tokens a second.
constexpr std::size_t bytes_max = 256 * 1024;

}  // namespace

Operation::~Operation() = default;

void Operation::begin(std::shared_ptr<net::Inbox> inbox, std::stop_token stop) {
  inbox_ = std::move(inbox);
  if (!stop.stop_possible()) return;
  on_stop_.emplace(std::move(stop), std::function<void()>{[weak = weak_from_this()] {
                     if (const std::shared_ptr<Operation> self = weak.lock()) self->cancel();
                   }});
}

void Operation::refuse(Error error) { put({Item::Kind::failure, {}, std::move(error)}); }

Item Operation::take() {
  std::unique_lock lock{mutex_};
  arrived_.wait(lock, [this] { return !items_.empty(); });
  Item item = std::move(items_.front());
  items_.pop_front();
  bytes_ -= item.text.size();
  if (told_full_ && bytes_ < bytes_max / 2) {
    told_full_ = false;
    lock.unlock();
    inbox_->put([self = shared_from_this()] {
      if (self->drained != nullptr) self->drained->wake(net::IoStatus::ok);
    });
  }
  return item;
}

bool Operation::has_item() const {
  const std::lock_guard lock{mutex_};
  return !items_.empty();
}

bool Operation::wait(std::coroutine_handle<> waiter) {
  const std::lock_guard lock{mutex_};
  if (!items_.empty()) return false;
  waiter_ = waiter;
  return true;
}

void Operation::cancel() {
  {
    const std::lock_guard lock{mutex_};
    if (cancelled_) return;
    cancelled_ = true;
  }
  if (!inbox_) return;
  inbox_->put([self = shared_from_this()] {
    if (self->interrupt) self->interrupt();
  });
}

void Operation::abandon() {
  {
    const std::lock_guard lock{mutex_};
    waiter_ = nullptr;
  }
  cancel();
}

std::string Operation::request_id() const {
  const std::lock_guard lock{mutex_};
  return request_id_;
}

int Operation::attempts() const {
  const std::lock_guard lock{mutex_};
  return attempts_;
}

void Operation::put(Item item) {
  std::unique_lock lock{mutex_};
  bytes_ += item.text.size();
  items_.push_back(std::move(item));
  wake(lock);
}

void Operation::wake(std::unique_lock<std::mutex>& lock) {
  arrived_.notify_one();
  if (!waiter_) return;
  if (resume_on_) {
    const std::coroutine_handle<> waiter = std::exchange(waiter_, nullptr);
    lock.unlock();
    resume_on_(waiter);
    return;
  }
  lock.unlock();
  // Not from within the work: the coroutine may do anything, end this operation included.
  inbox_->put([self = shared_from_this()] {
    std::unique_lock inner{self->mutex_};
    if (self->items_.empty()) return;  // Taken by whoever was resumed for an earlier item, and waits again.
    const std::coroutine_handle<> waiter = std::exchange(self->waiter_, nullptr);
    inner.unlock();
    if (waiter) waiter.resume();
  });
}

void Operation::tell(std::string request_id, int attempts) {
  const std::lock_guard lock{mutex_};
  request_id_ = std::move(request_id);
  attempts_ = attempts;
}

bool Operation::cancelled() const {
  const std::lock_guard lock{mutex_};
  return cancelled_;
}

bool Operation::full() {
  const std::lock_guard lock{mutex_};
  told_full_ = bytes_ >= bytes_max;
  return told_full_;
}

}  // namespace bellwether::client
