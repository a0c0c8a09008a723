// Where other threads leave work for a loop. Outlives the loop for as long as somebody may still write to it: what comes after
// the loop's end is dropped.
#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "net/socket.h"

namespace bellwether::net {

class Inbox {
 public:
  using Work = std::move_only_function<void()>;

  Inbox();
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  /// Any thread. False if the loop has ended; `work` is destroyed then.
  bool put(Work work);
  /// Wakes the loop with nothing to do. Any thread.
  void knock();

  /// Readable when something was put since the last `take`. Loop's thread.
  [[nodiscard]] int fd() const { return bell_.fd(); }
  [[nodiscard]] std::vector<Work> take();
  /// From now on everything is dropped, what lies here included.
  void close();

 private:
  Socket bell_;  ///< An eventfd.
  std::mutex mutex_;
  std::vector<Work> work_;
  bool open_ = true;
};

}  // namespace bellwether::net
