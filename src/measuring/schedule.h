// When the requests of an open load are to leave: by the clock alone, however the endpoint does. Pure: a seed gives the same schedule.
#pragma once

#include <cstdint>

#include "base/random.h"
#include "base/time.h"

namespace bellwether::measuring {

enum class Arrivals : std::uint8_t {
  constant,  ///< Evenly.
  poisson    ///< As independent callers arrive: gaps of an exponential distribution.
};

class Schedule {
 public:
  /// `per_second` is above 0.
  Schedule(Arrivals arrivals, double per_second, std::uint64_t seed) : arrivals_{arrivals}, per_second_{per_second}, random_{seed} {}

  /// When the next request leaves, counted from the beginning. The first constant one leaves at 0.
  [[nodiscard]] Duration next();

 private:
  Arrivals arrivals_;
  double per_second_;
  Random random_;
  std::uint64_t count_ = 0;
  double seconds_ = 0;  ///< Of the last Poisson arrival.
};

}  // namespace bellwether::measuring
