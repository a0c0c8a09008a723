// What a hosted API does with the parameters that vLLM takes. One table; pure.
#pragma once

#include <span>
#include <string_view>

#include "audit/reading.h"
#include "audit/report.h"

namespace bellwether::audit {

struct HostedRow {
  Feature feature{};
  std::string_view name;
  Hosted hosted{};
  std::string_view note;
};

/// For DeepSeek's API (api-docs.deepseek.com, 2026); others that speak OpenAI's differ in a row or two.
[[nodiscard]] std::span<const HostedRow> hosted_rows();

[[nodiscard]] std::string_view name_of(Hosted hosted);

}  // namespace bellwether::audit
