#include "calling/alarm.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

namespace bellwether::calling {

Alarm::Alarm(net::Loop& loop) : loop_{loop}, timer_{::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)} {
  if (!timer_.is_open() || !loop_.watch(timer_.fd(), *this)) throw std::runtime_error("cannot make a timer: too many open files?");
}

Alarm::~Alarm() { loop_.forget(*this); }

void Alarm::set(TimePoint at) {
  // steady_clock is CLOCK_MONOTONIC. A time of zero would disarm it.
  const std::int64_t nanoseconds = std::max<std::int64_t>(at.time_since_epoch().count(), 1);
  constexpr std::int64_t second = 1'000'000'000;
  const itimerspec when{.it_interval = {}, .it_value = {.tv_sec = nanoseconds / second, .tv_nsec = nanoseconds % second}};
  ::timerfd_settime(timer_.fd(), TFD_TIMER_ABSTIME, &when, nullptr);
}

void Alarm::ring() {
  if (waiter_) loop_.resume_soon(std::exchange(waiter_, nullptr));
}

void Alarm::on_events(std::uint32_t) {
  std::uint64_t times = 0;
  if (::read(timer_.fd(), &times, sizeof times) == sizeof times) ring();
}

}  // namespace bellwether::calling
