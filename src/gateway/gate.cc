#include "gateway/gate.h"

#include <algorithm>
#include <string>

namespace bellwether::gateway {

net::Prompt<Result<Gate::Place>> Gate::enter(TimePoint until, net::Pool::Waiting& waiting) {
  switch (concurrency_.enter()) {
    case relay::Entry::admit: return Result<Place>{Place{*this}};
    case relay::Entry::shed: return Result<Place>{failed(Reason::overloaded, std::string("too many requests wait for this upstream"))};
    case relay::Entry::wait: break;
  }
  return wait_for_place(until, waiting);
}

net::Task<Result<Gate::Place>> Gate::wait_for_place(TimePoint until, net::Pool::Waiting& waiting) {
  net::Signal signal{loop_};
  queue_.push_back(&signal);
  waiting.cancel = [&signal] { signal.wake(net::IoStatus::cancelled); };
  const net::IoStatus woken = co_await signal.wait(std::min(until, loop_.turn() + concurrency_.queue_for()));
  waiting.cancel = nullptr;
  const auto place = std::ranges::find(queue_, &signal);
  if (place == queue_.end()) {
    // `leave` let us in; whatever else woke us came too late to matter, and the place is given back if nobody wants it.
    Place taken{*this};
    if (woken == net::IoStatus::cancelled) co_return failed(Reason::caller_gone, std::string("while waiting for a place"));
    co_return std::move(taken);
  }
  queue_.erase(place);
  concurrency_.give_up_waiting();
  if (woken == net::IoStatus::cancelled) co_return failed(Reason::caller_gone, std::string("while waiting for a place"));
  co_return failed(Reason::overloaded, std::string("no place before this upstream came free in time"));
}

void Gate::leave() {
  concurrency_.leave();
  while (!queue_.empty() && concurrency_.has_place_for_waiting()) {
    concurrency_.enter_from_queue();
    net::Signal* const next = queue_.front();
    queue_.pop_front();
    next->wake(net::IoStatus::ok);
  }
}

}  // namespace bellwether::gateway
