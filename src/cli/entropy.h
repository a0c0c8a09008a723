// The system's randomness, for keys and seeds.
#pragma once

#include <cstdint>

#include "accounts/key_book.h"

namespace bellwether::cli {

[[nodiscard]] accounts::KeyEntropy key_entropy();
[[nodiscard]] std::uint64_t random_seed();

}  // namespace bellwether::cli
