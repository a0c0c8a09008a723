#include "measuring/schedule.h"

#include <cmath>

namespace bellwether::measuring {
namespace {

Duration duration_of(double seconds) { return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds)); }

}  // namespace

Duration Schedule::next() {
  // By multiplication, so that a thousand additions' errors do not add up.
  if (arrivals_ == Arrivals::constant) return duration_of(static_cast<double>(count_++) / per_second_);
  const double uniform = (static_cast<double>(random_.next() >> 11) + 1) * 0x1p-53;  // Above 0, at most 1.
  seconds_ -= std::log(uniform) / per_second_;
  return duration_of(seconds_);
}

}  // namespace bellwether::measuring
