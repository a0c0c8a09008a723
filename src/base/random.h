// Random bits as a value that is passed in: seeded from the system in net/ and cli/, from a constant in tests.
#pragma once

#include <cstdint>

namespace bellwether {

/// SplitMix64 (Steele, Lea, Flood 2014). Fast and good enough for ids, jitter and spreading; never for keys or secrets.
/// Not thread-safe: each lane has its own.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_{seed} {}

  [[nodiscard]] std::uint64_t next() {
    std::uint64_t mixed = (state_ += 0x9e3779b97f4a7c15ULL);
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9ULL;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebULL;
    return mixed ^ (mixed >> 31);
  }

  /// Uniform in [0, bound); `bound` is at least 1. The bias is below 2⁻³² for bounds below 2³².
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) { return static_cast<std::uint64_t>((static_cast<unsigned __int128>(next()) * bound) >> 64); }

 private:
  std::uint64_t state_;
};

}  // namespace bellwether
