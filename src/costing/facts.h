// Facts about hardware and models that a cost rests on, each with its source. A scenario's own figures win over all of them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/money.h"

namespace bellwether::costing {

struct Gpu {
  std::string_view name;
  std::int32_t memory_gb;  ///< 10⁹ bytes, as vendors count.
  std::string_view source;
};

/// What a GPU costs for an hour, where a market price is known to us.
struct RentFact {
  std::string_view gpu;
  Money low, high;
  std::string_view source;
};

enum class Precision : std::uint8_t { bf16, fp8, int4 };

/// What the weights of a model need, from the least to the most that is reported for checkpoints of that precision.
struct Weights {
  std::string_view model;
  Precision precision;
  std::int32_t gb_min, gb_max;
  std::string_view source;
};

[[nodiscard]] std::span<const Gpu> gpus();
[[nodiscard]] std::span<const Weights> weights();
/// Without regard to case.
[[nodiscard]] const Gpu* find_gpu(std::string_view name);
[[nodiscard]] const RentFact* find_rent(std::string_view gpu);
[[nodiscard]] const Weights* find_weights(std::string_view model, Precision precision);
[[nodiscard]] std::string_view to_text(Precision precision);

/// Tokens a second, in and out together, that one node of 8 × H200 serves of mixed traffic by plain tensor parallelism: a judgement, not
/// a measurement, and wide for that reason. Whoever has such a node should measure it.
inline constexpr std::int64_t node_tokens_per_second_low = 1'000, node_tokens_per_second_high = 5'000;
/// The share of input tokens that DeepSeek's own service found in its cache (deepseek-ai/open-infra-index, day 6: 342 of 608 billion).
inline constexpr std::int64_t fleet_hit_share = 563'000;
/// Most of a node's greatest power (DGX H200 data sheet: 10.2 kW).
inline constexpr std::int64_t node_watts = 10'200;

}  // namespace bellwether::costing
