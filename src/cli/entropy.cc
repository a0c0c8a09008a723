#include "cli/entropy.h"

#include <sys/random.h>

#include "base/check.h"

namespace bellwether::cli {

accounts::KeyEntropy key_entropy() {
  accounts::KeyEntropy bytes;
  // Up to 256 bytes come whole once the kernel's pool is ready, for which this waits.
  BW_CHECK(::getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  return bytes;
}

std::uint64_t random_seed() {
  std::uint64_t seed = 0;
  BW_CHECK(::getrandom(&seed, sizeof seed, 0) == static_cast<ssize_t>(sizeof seed));
  return seed;
}

}  // namespace bellwether::cli
