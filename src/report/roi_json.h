// A comparison for programs: bellwether.roi/1, and a table for spreadsheets. In English and USD whatever the language: a contract.
#pragma once

#include <string>

#include "costing/comparison.h"

namespace bellwether::report {

enum class Detail : std::uint8_t { figures, with_explanation };

[[nodiscard]] std::string roi_json(const costing::Comparison& comparison, Detail detail);
/// A row for the own side and each candidate. Fields that a spreadsheet would take for a formula are quoted with a leading apostrophe.
[[nodiscard]] std::string roi_csv(const costing::Comparison& comparison);

}  // namespace bellwether::report
