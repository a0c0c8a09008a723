// vLLM's flags: how many words each takes, and whether Bellwether has to do with it.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace bellwether::importing {

enum class Takes : std::uint8_t {
  nothing,  ///< A switch; `--no-` before its name turns it off.
  one,
  some,   ///< One or more, up to the next flag.
  maybe,  ///< One or none.
};

struct VllmFlag {
  std::string_view name;  ///< With its hyphens: "--max-model-len".
  Takes takes;
};

/// By its name, whose underscores count as hyphens, or by its short form (`-tp`). Null: unknown.
[[nodiscard]] const VllmFlag* find_vllm_flag(std::string_view word);

/// All names, for "nearest is …".
[[nodiscard]] std::vector<std::string_view> vllm_flag_names();

}  // namespace bellwether::importing
