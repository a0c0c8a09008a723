#include "net/loop.h"

#include <cstdio>
#include <ctime>

#include "base/check.h"
#include "net/spawn.h"

namespace bellwether::net {
namespace {

constexpr std::size_t padding = 64;  // json::padding; this room does not see json/.

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

Deadline::Deadline(Loop& loop) : loop_{loop}, slot_{loop.deadlines_.size()} { loop.deadlines_.push_back(this); }

Deadline::~Deadline() {
  std::vector<Deadline*>& all = loop_.deadlines_;
  BW_CHECK(slot_ < all.size() && all[slot_] == this);
  all[slot_] = all.back();
  all[slot_]->slot_ = slot_;
  all.pop_back();
}

// UNSAFE_IO: only this thread touches the reactor, so its locks are off; posting from other threads stays safe.
Loop::Loop(std::uint64_t seed) : random_{seed}, scratch_{new char[scratch_bytes + padding]()}, context_{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO} {}

Loop::~Loop() {
  while (!roots_.empty()) roots_.front().destroy();
}

void Loop::run() {
  spawn(*this, "deadline tick", [this] { return keep_ticking(); });
  context_.run();
}

Task<void> Loop::keep_ticking() {
  Timer timer{context_};
  for (;;) {
    timer.expires_after(tick);
    const auto [error] = co_await wait_for(timer);
    if (error) co_return;
    expire_deadlines();
  }
}

void Loop::expire_deadlines() {
  const TimePoint now = this->now();
  for (std::size_t i = 0; i < deadlines_.size(); ++i) {
    Deadline& deadline = *deadlines_[i];
    if (deadline.at_ > now) continue;
    deadline.disarm();
    deadline.on_expired();
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
