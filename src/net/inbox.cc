#include "net/inbox.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <stdexcept>
#include <utility>

namespace bellwether::net {

Inbox::Inbox() : bell_{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)} {
  if (!bell_.is_open()) throw std::runtime_error("cannot make an eventfd: too many open files?");
}

bool Inbox::put(Work work) {
  {
    const std::lock_guard lock{mutex_};
    if (!open_) return false;
    work_.push_back(std::move(work));
    if (work_.size() > 1) return true;  // The bell has been rung and not been heard yet.
  }
  knock();
  return true;
}

void Inbox::knock() {
  const std::uint64_t one = 1;
  // Fails only when the counter is full, and then the loop is being woken anyhow.
  [[maybe_unused]] const ssize_t written = ::write(bell_.fd(), &one, sizeof one);
}

std::vector<Inbox::Work> Inbox::take() {
  std::uint64_t rings;
  [[maybe_unused]] const ssize_t got = ::read(bell_.fd(), &rings, sizeof rings);
  const std::lock_guard lock{mutex_};
  return std::exchange(work_, {});
}

void Inbox::close() {
  std::vector<Work> dropped;
  const std::lock_guard lock{mutex_};
  open_ = false;
  dropped = std::exchange(work_, {});
}

}  // namespace bellwether::net
