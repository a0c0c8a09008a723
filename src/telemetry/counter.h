// The smallest instrument: a count that one thread raises and any thread reads.
#pragma once

#include <atomic>
#include <cstdint>

namespace bellwether::telemetry {

/// A counter with a single writing thread: an increment is a plain load and store, without a locked instruction. Readers on
/// other threads see a recent value.
class Counter {
 public:
  void add(std::uint64_t amount = 1) { value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed); }
  void subtract(std::uint64_t amount = 1) { value_.store(value_.load(std::memory_order_relaxed) - amount, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

}  // namespace bellwether::telemetry
