#include "retry.h"

#include <algorithm>
#include <cmath>

namespace bellwether::client {
namespace {

constexpr double first_s = 0.5, longest_s = 8;
constexpr double jitter_max = 0.25;

}  // namespace

std::optional<std::chrono::nanoseconds> wait_before_retry(const Error& error, int retries, int retries_max, double share) {
  if (retries >= retries_max || !error.retryable() || error.kind == ErrorKind::stream_cut) return std::nullopt;
  if (error.retry_after && error.retry_after->count() > 0) return *error.retry_after;
  const double seconds = std::min(std::ldexp(first_s, std::min(retries, 10)), longest_s) * (1 - jitter_max * share);
  return std::chrono::nanoseconds{static_cast<std::int64_t>(seconds * 1e9)};
}

}  // namespace bellwether::client
