// A vLLM's command line to a config of ours, with a verdict for every flag of it. Pure.
#pragma once

#include "importing/finding.h"
#include "importing/launch.h"

namespace bellwether::importing {

/// Always gives a config: what cannot be known of the launch is manual, and has a value that leads nowhere wrong.
[[nodiscard]] Imported import_vllm(const Launch& launch);

}  // namespace bellwether::importing
