// Comparing secrets: the time taken says nothing about where they differ. OpenSSL's CRYPTO_memcmp does so byte by byte, which every
// request would pay for twice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace bellwether::accounts {

/// Whether `size` bytes are equal; all of them are looked at.
template <std::size_t size>
[[nodiscard]] bool same_in_constant_time(const void* one, const void* other) {
  constexpr std::size_t word = sizeof(std::uint64_t);
  static_assert(size >= word);
  std::uint64_t difference = 0;
  const auto add = [&](std::size_t at) {
    std::uint64_t left = 0, right = 0;
    std::memcpy(&left, static_cast<const char*>(one) + at, word);
    std::memcpy(&right, static_cast<const char*>(other) + at, word);
    difference |= left ^ right;
    // The compiler may not know the sum so far, or it could stop early.
    asm volatile("" : "+r"(difference));
  };
  for (std::size_t at = 0; at + word <= size; at += word) add(at);
  add(size - word);
  return difference == 0;
}

}  // namespace bellwether::accounts
