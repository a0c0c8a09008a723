// The comparison as a page that a manager can forward: one file, one or two sheets of A4.
#pragma once

#include <string>

#include "costing/audit_facts.h"
#include "costing/comparison.h"
#include "report/words.h"

namespace bellwether::report {

/// Who made a page, and when; in the footer.
struct Imprint {
  std::string version, day;
};

/// `audit`: the days and hours behind the volume, or null where it was stated.
[[nodiscard]] std::string roi_page(const costing::Comparison& comparison, const costing::AuditFacts* audit, const Words& words, const Imprint& imprint);

}  // namespace bellwether::report
