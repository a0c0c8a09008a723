// One thread's event loop and what lives on it: scratch memory, deadlines, a clock, random bits. A lane (gateway/lane.h) is a
// loop with everything that requests need. All members are for the loop's own thread, but `post` and `stop`.
#pragma once

#include <array>
#include <coroutine>
#include <cstddef>
#include <list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "net/task.h"

namespace bellwether::net {

class Loop;

/// Something that must happen by a point in time. Armed with a plain store and looked at by the loop's tick, because a timer of
/// the reactor that is set anew for each phase of each request costs up to a tenth of it (performance.md).
/// Fires at most one tick (25 ms) late. Lives on one loop; immovable.
class Deadline {
 public:
  explicit Deadline(Loop& loop);
  virtual ~Deadline();
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  void arm(TimePoint at) { at_ = at; }
  void disarm() { at_ = TimePoint::max(); }
  [[nodiscard]] TimePoint at() const { return at_; }

 protected:
  /// Called once by the tick after the armed time; disarmed before the call. Must not destroy this or another Deadline.
  virtual void on_expired() = 0;

 private:
  friend class Loop;
  Loop& loop_;
  std::size_t slot_;  ///< Place in Loop::deadlines_.
  TimePoint at_ = TimePoint::max();
};

class Loop {
 public:
  explicit Loop(std::uint64_t seed);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  [[nodiscard]] Executor executor() { return context_.get_executor(); }
  [[nodiscard]] asio::io_context& context() { return context_; }
  [[nodiscard]] Random& random() { return random_; }
  [[nodiscard]] TimePoint now() const { return std::chrono::steady_clock::now(); }
  [[nodiscard]] WallTime wall_now() const { return std::chrono::system_clock::now(); }
  /// The value of a `Date` field, formatted once a second.
  [[nodiscard]] std::string_view http_date();

  /// 64 KiB for whoever reads a socket right now, with json::padding bytes behind them. The contents last until the next
  /// co_await: every coroutine of the lane shares it, which is why an open stream holds no read buffer.
  [[nodiscard]] std::span<char> scratch() { return {scratch_.get(), scratch_bytes}; }
  /// For assembling what is written next; the same rule. Its capacity stays.
  [[nodiscard]] std::string& out_scratch() {
    out_scratch_.clear();
    return out_scratch_;
  }

  /// The same, for the heads of replies and requests, which are assembled while a body lies in `out_scratch`.
  [[nodiscard]] std::string& head_scratch() {
    head_scratch_.clear();
    return head_scratch_;
  }

  /// Runs until `stop`. The calling thread becomes the lane's.
  void run();
  /// Any thread.
  void stop() { context_.stop(); }
  /// Runs `function` on the loop's thread. Any thread.
  template <class Function>
  void post(Function function) {
    asio::post(context_, std::move(function));
  }

  static constexpr std::size_t scratch_bytes = 64 * 1024;
  static constexpr Duration tick = std::chrono::milliseconds(25);

 private:
  friend class Deadline;
  friend struct Root;  // spawn.h
  [[nodiscard]] Task<void> keep_ticking();
  void expire_deadlines();

  Random random_;
  std::unique_ptr<char[]> scratch_;
  std::string out_scratch_;
  std::string head_scratch_;
  std::vector<Deadline*> deadlines_;  ///< In no order: all are looked at each tick, which costs nanoseconds apiece.
  std::int64_t date_second_ = -1;
  std::array<char, 32> date_{};
  std::list<std::coroutine_handle<>> roots_;  ///< Every spawned coroutine that has not ended.
  asio::io_context context_;                  ///< Last, so that it goes first: handlers that die with it still use the rest.
};

}  // namespace bellwether::net
