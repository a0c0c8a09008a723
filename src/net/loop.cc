#include "net/loop.h"

#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <stdexcept>

#include "base/check.h"
#include "net/prefetch.h"
#include "net/spawn.h"

namespace bellwether::net {
namespace {

constexpr std::size_t padding = 64;  // json::padding; this room does not see json/.
// How many descriptors one turn of the loop hears of. More wait in the kernel; a turn must not starve deadlines.
constexpr int events_max = 256;

thread_local const Loop* running = nullptr;  ///< The loop of this thread, while it runs.

}  // namespace

void report_escape(std::string_view task, const std::exception_ptr& escaped) {
  try {
    std::rethrow_exception(escaped);
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "bellwether: bug: %.*s ended by an exception: %s\n", static_cast<int>(task.size()), task.data(), exception.what());
  } catch (...) {
    std::fprintf(stderr, "bellwether: bug: %.*s ended by an unknown exception\n", static_cast<int>(task.size()), task.data());
  }
}

Deadline::Deadline(Loop& loop) : loop_{loop}, slot_{loop.deadlines_.size()} { loop.deadlines_.push_back({TimePoint::max(), this}); }

Deadline::~Deadline() {
  std::vector<Loop::ArmedAt>& all = loop_.deadlines_;
  BW_CHECK(slot_ < all.size() && all[slot_].deadline == this);
  all[slot_] = all.back();
  all[slot_].deadline->slot_ = slot_;
  all.pop_back();
}

class Loop::Bell final : public Watched {
 public:
  explicit Bell(Loop& loop) : loop_{loop} {}
  void on_events(std::uint32_t) override {
    std::vector<Inbox::Work> work = loop_.inbox_->take();
    std::ranges::move(work, std::back_inserter(loop_.soon_));
  }

 private:
  Loop& loop_;
};

Loop::Loop(std::uint64_t seed)
    : random_{seed},
      scratch_{new char[scratch_bytes + padding]()},
      turn_{now()},
      tick_at_{turn_},
      wall_at_tick_{std::chrono::system_clock::now()},
      epoll_{::epoll_create1(EPOLL_CLOEXEC)},
      inbox_{std::make_shared<Inbox>()},
      bell_{std::make_unique<Bell>(*this)},
      events_{new epoll_event[events_max]} {
  if (!epoll_.is_open() || !watch(inbox_->fd(), *bell_)) throw std::runtime_error("cannot make an event loop: too many open files?");
}

Loop::~Loop() {
  end_roots();
  soon_.clear();  // What was posted and never ran; it may still use the rest.
}

void Loop::end_roots() {
  inbox_->close();
  while (!roots_.empty()) roots_.front().destroy();
}

bool Loop::watch(int fd, Watched& watched) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &watched;
  return ::epoll_ctl(epoll_.fd(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void Loop::forget(const Watched& watched) {
  for (int i = event_ + 1; i < event_count_; ++i)
    if (events_[i].data.ptr == &watched) events_[i].data.ptr = nullptr;
}

void Loop::unwatch(int fd, const Watched& watched) {
  forget(watched);
  ::epoll_ctl(epoll_.fd(), EPOLL_CTL_DEL, fd, nullptr);
}

void Loop::run() {
  running = this;
  while (!stopped_.load(std::memory_order_acquire)) {
    hear_of_events();
    if (turn_ - tick_at_ >= tick) {
      tick_at_ = turn_;
      wall_at_tick_ = std::chrono::system_clock::now();
      expire_deadlines();
    }
    wake_sleepers();
    run_what_is_soon();
  }
  running = nullptr;
}

void Loop::stop() {
  stopped_.store(true, std::memory_order_release);
  inbox_->knock();
}

void Loop::post(Inbox::Work work) {
  if (running == this) soon_.push_back(std::move(work));
  else inbox_->put(std::move(work));
}

int Loop::patience_ms() const {
  if (!soon_.empty() || !resumable_.empty()) return 0;
  const TimePoint next_tick = tick_at_ + tick;
  const TimePoint until = sleepers_.empty() ? next_tick : std::min(next_tick, sleepers_.begin()->first);
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, std::chrono::ceil<std::chrono::milliseconds>(tick).count()));
}

void Loop::hear_of_events() {
  event_count_ = std::max(0, ::epoll_wait(epoll_.fd(), events_.get(), events_max, patience_ms()));
  turn_ = now();
  for (event_ = 0; event_ < event_count_; ++event_) {
    if (event_ + 1 < event_count_) prefetch(events_[event_ + 1].data.ptr, 3);  // While this one is dealt with.
    if (auto* const watched = static_cast<Watched*>(events_[event_].data.ptr)) watched->on_events(events_[event_].events);
  }
  event_ = event_count_ = 0;
}

void Loop::run_what_is_soon() {
  // What these add is for the next turn, so that sockets get theirs.
  for (const std::coroutine_handle<> waiter : std::exchange(resumable_, {})) waiter.resume();
  for (Inbox::Work& work : std::exchange(soon_, {})) work();
}

void Loop::wake_sleepers() {
  if (sleepers_.empty()) return;
  while (!sleepers_.empty() && sleepers_.begin()->first <= turn_) {
    Sleep& over = *sleepers_.begin()->second;
    sleepers_.erase(sleepers_.begin());
    std::exchange(over.waiter_, nullptr).resume();
  }
}

void Loop::expire_deadlines() {
  for (std::size_t i = 0; i < deadlines_.size(); ++i) {
    if (deadlines_[i].at > turn_) continue;
    deadlines_[i].at = TimePoint::max();
    deadlines_[i].deadline->on_expired();
  }
}

std::string_view Loop::http_date() {
  const std::int64_t second = unix_seconds(wall_now());
  if (second != date_second_) {
    date_second_ = second;
    const std::time_t moment = second;
    std::tm utc{};
    gmtime_r(&moment, &utc);
    // RFC 9110 §5.6.7 wants English names whatever the locale is, so not strftime.
    static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::snprintf(date_.data(), date_.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT", days[utc.tm_wday], utc.tm_mday, months[utc.tm_mon],
                  (utc.tm_year + 1900) % 10000, utc.tm_hour, utc.tm_min, utc.tm_sec);
  }
  return {date_.data(), 29};
}

}  // namespace bellwether::net
