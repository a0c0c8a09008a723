// The comparison as a page that a manager can forward: one file, one or two sheets of A4.
#pragma once

#include <string>

#include "costing/audit_facts.h"
#include "costing/comparison.h"
#include "report/imprint.h"
#include "report/words.h"

namespace bellwether::report {

/// `audit`: the days and hours behind the volume, or null where it was stated.
[[nodiscard]] std::string roi_page(const costing::Comparison& comparison, const costing::AuditFacts* audit, const Words& words, const Imprint& imprint);

}  // namespace bellwether::report
