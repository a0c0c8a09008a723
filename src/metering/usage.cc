#include "metering/usage.h"

#include <algorithm>

namespace bellwether::metering {

std::string_view name_of(Basis basis) {
  switch (basis) {
    case Basis::reported: return "reported";
    case Basis::running: return "running";
    case Basis::estimated: return "estimated";
    case Basis::unknown: break;
  }
  return "unknown";
}

Usage estimate(std::size_t request_bytes, std::int64_t output_tokens) {
  return {.input = static_cast<std::int64_t>(request_bytes / bytes_per_token), .output = output_tokens, .basis = Basis::estimated};
}

Usage operator+(const Usage& one, const Usage& other) {
  return {.input = one.input + other.input,
          .cached_input = one.cached_input + other.cached_input,
          .output = one.output + other.output,
          .reasoning_output = one.reasoning_output + other.reasoning_output,
          .basis = std::max(one.basis, other.basis),
          .absurd = one.absurd || other.absurd};
}

Usage plausible(Usage reported) {
  Usage usage = reported;
  usage.input = std::clamp<std::int64_t>(reported.input, 0, tokens_max);
  usage.output = std::clamp<std::int64_t>(reported.output, 0, tokens_max);
  usage.cached_input = std::clamp<std::int64_t>(reported.cached_input, 0, usage.input);
  usage.reasoning_output = std::clamp<std::int64_t>(reported.reasoning_output, 0, usage.output);
  usage.absurd = reported.absurd || !(usage == reported);
  return usage;
}

}  // namespace bellwether::metering
