// The door before one upstream, on one lane: who may begin an attempt now, who waits for a place, who is sent away. What is counted
// and decided is relay/concurrency.h's; the waiting is here.
#pragma once

#include <deque>
#include <utility>

#include "base/result.h"
#include "net/pool.h"
#include "net/signal.h"
#include "net/task.h"
#include "relay/concurrency.h"

namespace bellwether::gateway {

/// Lives on its lane's loop as long as the lane. `concurrency` outlives every place.
class Gate {
 public:
  Gate(net::Loop& loop, relay::Concurrency& concurrency) : loop_{loop}, concurrency_{concurrency} {}
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  /// A place for one attempt; given back when it goes out of scope. Move-only.
  class Place {
   public:
    explicit Place(Gate& gate) : gate_{&gate} {}
    Place(Place&& other) noexcept : gate_{std::exchange(other.gate_, nullptr)} {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (gate_ != nullptr) gate_->leave();
    }

   private:
    Gate* gate_;
  };

  /// At once where there is room; else first come, first served. Fails with overloaded where too many wait already or no place came
  /// free in the time that one may wait (at most until `until`), with caller_gone where `waiting.cancel` was called.
  [[nodiscard]] net::Prompt<Result<Place>> enter(TimePoint until, net::Pool::Waiting& waiting);

  [[nodiscard]] const relay::Concurrency& concurrency() const { return concurrency_; }

 private:
  [[nodiscard]] net::Task<Result<Place>> wait_for_place(TimePoint until, net::Pool::Waiting& waiting);
  void leave();

  net::Loop& loop_;
  relay::Concurrency& concurrency_;
  std::deque<net::Signal*> queue_;
};

}  // namespace bellwether::gateway
