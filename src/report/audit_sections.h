// The sections about usage that the audit's page and the comparison's page share: tokens per day, and when in the week they come.
#pragma once

#include "costing/audit_facts.h"
#include "report/page.h"
#include "report/words.h"

namespace bellwether::report {

void add_usage_sections(Page& page, const costing::AuditFacts& facts, const Words& words);
/// What was read, as the source line under a figure.
[[nodiscard]] std::string sources_line(const costing::AuditFacts& facts);
/// "1,234,567" or, with bounds, "1.2M (1.1M–1.3M)"; the word for unknown.
[[nodiscard]] std::string figure_text(const costing::Figure& figure, const Words& words);

}  // namespace bellwether::report
