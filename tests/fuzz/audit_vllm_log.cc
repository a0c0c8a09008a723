#include "audit/tally.h"
#include "audit/vllm_log.h"
#include "support/audit_fuzz.h"

using namespace bellwether::audit;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // What is told must also add up, whatever it is: bounds hold, and nothing is below zero.
  Tally tally{Zone{}};
  const auto reader = make_vllm_log({.source = tally.add_source("log", "vllm-log", 0)}, tally);
  reader->read({reinterpret_cast<const char*>(data), size});
  reader->finish();
  tally.end_source(0);
  const Report report = tally.report({});
  for (const Figure& figure : report.totals.of) BW_CHECK(figure.low >= 0 && figure.low <= figure.value && figure.value <= figure.high);
  return fuzz_reader(make_vllm_log, looks_like_vllm_log, data, size);
}
