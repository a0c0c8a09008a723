// A comparison for a terminal.
#pragma once

#include <string>

#include "costing/comparison.h"
#include "report/roi_json.h"
#include "report/words.h"

namespace bellwether::report {

/// Columns are aligned by what a terminal shows: a Korean letter is two columns wide.
[[nodiscard]] std::string roi_text(const costing::Comparison& comparison, const Words& words, Detail detail);

}  // namespace bellwether::report
