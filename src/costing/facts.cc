#include "costing/facts.h"

#include <algorithm>
#include <array>

#include "base/nearest.h"

namespace bellwether::costing {
namespace {

constexpr std::string_view data_sheet = "vendor's data sheet";
constexpr std::array gpu_table{
    Gpu{"H100", 80, data_sheet}, Gpu{"H800", 80, data_sheet},  Gpu{"A100", 80, data_sheet},    Gpu{"H200", 141, data_sheet},
    Gpu{"H20", 96, data_sheet},  Gpu{"B200", 180, data_sheet}, Gpu{"MI300X", 192, data_sheet}, Gpu{"L40S", 48, data_sheet},
};

constexpr std::int64_t cent = 10'000'000;
constexpr std::array rent_table{
    RentFact{"H100", Money{199 * cent}, Money{500 * cent}, "AIMultiple, on demand, May 2026 (median 2.95)"},
    RentFact{"H200", Money{250 * cent}, Money{700 * cent}, "Mercatus Compute, 2026 (long tail to hyperscaler)"},
};

// 671 B parameters and 14 B of the multi-token prediction module; FP8 is how DeepSeek ships them.
constexpr std::string_view deepseek_source = "DeepSeek-V3 model card: 685 B parameters in FP8; reported checkpoint sizes";
constexpr std::array weight_table{
    Weights{"deepseek-v3", Precision::fp8, 641, 720, deepseek_source},
    Weights{"deepseek-v3", Precision::int4, 335, 400, "reported AWQ and INT4 checkpoints of DeepSeek-V3"},
    Weights{"deepseek-v3", Precision::bf16, 1282, 1440, "twice the FP8 weights"},
};
/// Models of one size and architecture with DeepSeek-V3.
constexpr std::array<std::string_view, 5> same_as_v3{"deepseek-v3", "deepseek-r1", "deepseek-v3-0324", "deepseek-v3.1", "deepseek-v3.2"};

bool same(std::string_view left, std::string_view right) { return left.size() == right.size() && edit_distance(left, right) == 0; }

}  // namespace

std::span<const Gpu> gpus() { return gpu_table; }
std::span<const Weights> weights() { return weight_table; }

const Gpu* find_gpu(std::string_view name) {
  const auto found = std::ranges::find_if(gpu_table, [&](const Gpu& gpu) { return same(gpu.name, name); });
  return found == gpu_table.end() ? nullptr : &*found;
}

const RentFact* find_rent(std::string_view gpu) {
  const auto found = std::ranges::find_if(rent_table, [&](const RentFact& rent) { return same(rent.gpu, gpu); });
  return found == rent_table.end() ? nullptr : &*found;
}

const Weights* find_weights(std::string_view model, Precision precision) {
  if (const std::size_t slash = model.rfind('/'); slash != std::string_view::npos) model.remove_prefix(slash + 1);
  if (std::ranges::none_of(same_as_v3, [&](std::string_view name) { return same(name, model); })) return nullptr;
  const auto found = std::ranges::find_if(weight_table, [&](const Weights& one) { return one.precision == precision; });
  return found == weight_table.end() ? nullptr : &*found;
}

std::string_view to_text(Precision precision) {
  switch (precision) {
    case Precision::bf16: return "BF16";
    case Precision::fp8: return "FP8";
    case Precision::int4: return "INT4";
  }
  return "";
}

}  // namespace bellwether::costing
