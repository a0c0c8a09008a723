#include "relay/hedge.h"

#include <algorithm>
#include <bit>

namespace bellwether::relay {
namespace {

constexpr std::uint32_t known_min = 100;     // A 95th percentile of fewer rests on less than five requests.
constexpr std::uint32_t halve_at = 2'000;    // Then all counts are halved: the last few thousand requests decide.
constexpr std::uint32_t refresh_every = 32;  // Walking the buckets for each request would be the dearest part of it.
// Second attempts saved up in good times: more would let an upstream's bad minute double its load.
constexpr double allowance_max = 10;

std::size_t bucket_of(Duration time) {
  const auto quarters = static_cast<std::uint64_t>(std::max<std::int64_t>(1, time / std::chrono::microseconds(250)));
  // From 1 ms on: the power of two, and the two bits behind its first.
  if (quarters < 4) return 0;
  const int power = std::bit_width(quarters) - 1;
  return static_cast<std::size_t>((power - 2) * 4) + ((quarters >> (power - 2)) & 3);
}

/// The time where the bucket ends.
Duration end_of(std::size_t bucket) {
  const std::size_t power = bucket / 4 + 2;
  return std::chrono::microseconds(250) * static_cast<std::int64_t>((std::uint64_t{5} + bucket % 4) << (power - 2));
}

}  // namespace

void FirstTokenTimes::add(Duration time) {
  ++counts_[std::min(bucket_of(time), buckets - 1)];
  if (++count_ < halve_at) return;
  count_ = 0;
  for (std::uint32_t& count : counts_) count_ += count /= 2;
}

Duration FirstTokenTimes::percentile(std::uint32_t percent) const {
  const std::uint64_t wanted = (std::uint64_t{count_} * percent + 99) / 100;
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets; ++i) {
    seen += counts_[i];
    if (seen >= wanted && counts_[i] > 0) return end_of(i);
  }
  return Duration{};
}

std::optional<Duration> Hedge::begin() {
  allowance_ = std::min(allowance_max, allowance_ + policy_.extra_percent / 100.0);
  if (late_after_ == Duration{}) return std::nullopt;
  return late_after_;
}

bool Hedge::spend() {
  if (allowance_ < 1) return false;
  allowance_ -= 1;
  return true;
}

void Hedge::observe(Duration first_token) {
  times_.add(first_token);
  if (times_.count() >= known_min && times_.count() % refresh_every == 0) late_after_ = times_.percentile(policy_.percentile);
}

}  // namespace bellwether::relay
