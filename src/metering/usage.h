// What a request consumed. Arithmetic only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bellwether::metering {

/// Where a count comes from, from the strongest to the weakest. A figure that nobody counted never passes for one that was.
enum class Basis : std::uint8_t {
  reported,   ///< The upstream's own final count.
  running,    ///< The upstream's running count, up to where the stream broke.
  estimated,  ///< Ours.
  unknown,    ///< Nothing to go by; the counts are zero and mean nothing.
};

[[nodiscard]] std::string_view name_of(Basis basis);

/// Token counts in normal form (wire.md §H): input includes cached, output includes reasoning.
struct Usage {
  std::int64_t input = 0;
  std::int64_t cached_input = 0;
  std::int64_t output = 0;
  std::int64_t reasoning_output = 0;
  Basis basis = Basis::unknown;
  /// The upstream's figures could not be true (negative, cached above input, beyond tokens_max) and were clamped.
  bool absurd = false;

  friend bool operator==(const Usage&, const Usage&) = default;
};

/// More tokens than any model of today takes or gives in one request; a larger figure is an upstream's mistake.
inline constexpr std::int64_t tokens_max = 100'000'000;

/// Where nobody counts tokens: four bytes a token is OpenAI's rule of thumb for English. Marked as an estimate wherever it shows.
inline constexpr std::size_t bytes_per_token = 4;
[[nodiscard]] Usage estimate(std::size_t request_bytes, std::int64_t output_tokens);

/// What two legs of a request consumed together. The basis is the weaker of the two.
[[nodiscard]] Usage operator+(const Usage& one, const Usage& other);

/// The figures brought into range; `absurd` is set where anything had to be changed.
[[nodiscard]] Usage plausible(Usage reported);

}  // namespace bellwether::metering
