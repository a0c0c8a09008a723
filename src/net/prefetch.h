// A hint to the processor: these bytes are wanted soon. Where a thousand streams take turns, each one's state has left the cache when its turn comes.
#pragma once

#include <cstddef>

namespace bellwether::net {

/// Begins to fetch `lines` cache lines from `at` on. Any address will do, null too: nothing is read and nothing fails.
inline void prefetch(const void* at, std::size_t lines) {
  constexpr std::size_t line_size = 64;
  for (std::size_t i = 0; i < lines; ++i) __builtin_prefetch(static_cast<const char*>(at) + i * line_size);
}

}  // namespace bellwether::net
