// One thread's event loop and what lives on it: readiness of sockets, scratch memory, deadlines, sleeps, a clock, random bits.
// A lane (gateway/lane.h) is a loop with everything that requests need. All members are for the loop's own thread, but `post`,
// `inbox` and `stop`.
//
// The kernel is asked once for each descriptor (epoll, edge-triggered, both directions) and never again: what a socket is ready
// for is remembered beside it (docs/decisions/0007).
#pragma once

#include <array>
#include <atomic>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "net/inbox.h"
#include "net/socket.h"
#include "net/task.h"

struct epoll_event;

namespace bellwether::net {

class Loop;

/// Something that must happen by a point in time. Armed with a plain store and looked at by the loop's tick, because a timer that
/// is set anew for each phase of each request costs up to a tenth of it (performance.md).
/// Fires at most one tick (25 ms) late. Lives on one loop; immovable.
class Deadline {
 public:
  explicit Deadline(Loop& loop);
  virtual ~Deadline();
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  inline void arm(TimePoint at);
  inline void disarm();
  [[nodiscard]] inline TimePoint at() const;

 protected:
  /// Called once by the tick after the armed time; disarmed before the call. Must not destroy this or another Deadline.
  virtual void on_expired() = 0;

 private:
  friend class Loop;
  Loop& loop_;
  std::size_t slot_;  ///< Place in Loop::deadlines_.
};

/// What has a descriptor that the loop watches. Whoever is one says `forget` before it ends.
class Watched {
 public:
  /// `events` are epoll's (EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLHUP, EPOLLERR). May end this object.
  virtual void on_events(std::uint32_t events) = 0;

 protected:
  ~Watched() = default;
};

class Sleep;

class Loop {
 public:
  explicit Loop(std::uint64_t seed);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  [[nodiscard]] Random& random() { return random_; }
  [[nodiscard]] TimePoint now() const { return std::chrono::steady_clock::now(); }
  /// When the loop heard of what it is dealing with now: up to a few milliseconds ago on a busy loop, and free. Right for deadlines
  /// and for when something arrived (what came then and waits for its turn is our own delay).
  [[nodiscard]] TimePoint turn() const { return turn_; }
  /// The same by the wall's clock.
  [[nodiscard]] WallTime wall_now() const { return wall_at_tick_ + std::chrono::duration_cast<WallTime::duration>(turn_ - tick_at_); }
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

  /// Tells `watched` of every change of the descriptor's readiness, its present one first. False: the kernel has no room.
  [[nodiscard]] bool watch(int fd, Watched& watched);
  /// No further call of `watched`, whose descriptor is about to be closed.
  void forget(const Watched& watched);
  /// As `forget`, for a descriptor that another process or duplicate keeps open: closing it would not end the watch.
  void unwatch(int fd, const Watched& watched);

  /// Runs until `stop`. The calling thread becomes the lane's.
  void run();
  /// Any thread.
  void stop();
  /// Ends every coroutine that was spawned here, wherever it waits: for whoever owns what they use, before it goes. When `run` is over.
  void end_roots();
  /// Runs `work` on the loop's thread, soon. Any thread; what is posted from one thread keeps its order.
  void post(Inbox::Work work);
  /// Goes on with a coroutine, soon.
  void resume_soon(std::coroutine_handle<> waiter) { resumable_.push_back(waiter); }
  /// For those who may outlive the loop (a thread that looks up a name).
  [[nodiscard]] const std::shared_ptr<Inbox>& inbox() const { return inbox_; }

  /// To be awaited. Never early; late by up to a millisecond, which is what epoll_wait counts in. For seldom things: what every
  /// request needs is a Deadline.
  [[nodiscard]] inline Sleep sleep_until(TimePoint at);
  [[nodiscard]] inline Sleep sleep_for(Duration time);

  static constexpr std::size_t scratch_bytes = 64 * 1024;
  static constexpr Duration tick = std::chrono::milliseconds(25);

 private:
  friend class Deadline;
  friend class Sleep;
  friend struct Root;  // spawn.h

  using Sleepers = std::multimap<TimePoint, Sleep*>;
  struct ArmedAt {
    TimePoint at;
    Deadline* deadline;
  };
  class Bell;  ///< The inbox's.

  void hear_of_events();
  void run_what_is_soon();
  void wake_sleepers();
  void expire_deadlines();
  [[nodiscard]] int patience_ms() const;

  Random random_;
  std::unique_ptr<char[]> scratch_;
  std::string out_scratch_;
  std::string head_scratch_;
  std::vector<ArmedAt> deadlines_;  ///< In no order: all are looked at each tick, which costs a nanosecond apiece.
  TimePoint turn_;                  ///< When the turn in progress began.
  TimePoint tick_at_;               ///< When deadlines were last looked at, and what the wall's clock said then.
  WallTime wall_at_tick_;
  std::int64_t date_second_ = -1;
  std::array<char, 32> date_{};
  Socket epoll_;
  std::shared_ptr<Inbox> inbox_;
  std::unique_ptr<Bell> bell_;
  std::unique_ptr<epoll_event[]> events_;  ///< Of the turn in progress.
  int event_ = 0, event_count_ = 0;        ///< The one being told of, and how many there are.
  std::vector<Inbox::Work> soon_;          ///< Posted by this thread itself.
  std::vector<std::coroutine_handle<>> resumable_;
  Sleepers sleepers_;
  std::atomic<bool> stopped_{false};
  std::list<std::coroutine_handle<>> roots_;  ///< Every spawned coroutine that has not ended.
};

/// A coroutine that does nothing for a while: `co_await loop.sleep_for(…)`, or a named one that `end` wakes early.
class Sleep {
 public:
  Sleep(Loop& loop, TimePoint at) : loop_{loop}, at_{at} {}
  ~Sleep() {
    if (waiter_) loop_.sleepers_.erase(place_);  // Its frame is destroyed before its time.
  }
  Sleep(const Sleep&) = delete;
  Sleep& operator=(const Sleep&) = delete;

  void end() {
    if (!waiter_) return;
    loop_.sleepers_.erase(place_);
    loop_.resume_soon(std::exchange(waiter_, nullptr));
  }

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter) {
    waiter_ = waiter;
    place_ = loop_.sleepers_.emplace(at_, this);
  }
  void await_resume() const noexcept {}

 private:
  friend class Loop;
  Loop& loop_;
  TimePoint at_;
  Loop::Sleepers::iterator place_;
  std::coroutine_handle<> waiter_;
};

inline Sleep Loop::sleep_until(TimePoint at) { return {*this, at}; }
inline Sleep Loop::sleep_for(Duration time) { return {*this, now() + time}; }

inline void Deadline::arm(TimePoint at) { loop_.deadlines_[slot_].at = at; }
inline void Deadline::disarm() { arm(TimePoint::max()); }
inline TimePoint Deadline::at() const { return loop_.deadlines_[slot_].at; }

}  // namespace bellwether::net
