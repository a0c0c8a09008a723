// An audit as a page: what was used, when, by which models, and what the figures rest on. Made from the audit's JSON, so that
// `audit --html` shows exactly what `audit --json` says.
#pragma once

#include <string>

#include "costing/audit_facts.h"
#include "report/imprint.h"
#include "report/words.h"

namespace bellwether::report {

[[nodiscard]] std::string audit_page(const costing::AuditFacts& facts, const Words& words, const Imprint& imprint);

}  // namespace bellwether::report
