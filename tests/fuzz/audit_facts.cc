// The JSON of an audit, as `roi --audit` reads it: every text is refused with words, or gives a page, a month or the reason why there is none.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "costing/audit_facts.h"
#include "report/audit_page.h"
#include "report/words.h"

using namespace bellwether;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto facts = costing::read_audit({reinterpret_cast<const char*>(data), size});
  if (!facts) {
    BW_CHECK(!facts.error().empty());
    return 0;
  }
  const std::string page = report::audit_page(*facts, report::words_for("en"), {.version = "0", .day = "2026-11-25"});
  BW_CHECK(page.ends_with("</html>\n"));
  if (const auto volume = costing::volume_of(*facts, "audit.json"); !volume) BW_CHECK(!volume.error().empty());
  if (const auto hours = costing::hours_of(*facts)) {
    std::int64_t sum = 0;
    for (const std::int64_t hour : *hours) sum += hour;
    BW_CHECK(sum > 0 && sum <= costing::weights_sum_max);
  }
  return 0;
}
