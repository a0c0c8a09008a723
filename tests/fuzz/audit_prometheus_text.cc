#include "audit/prometheus_text.h"
#include "support/audit_fuzz.h"

using namespace bellwether::audit;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz_reader(make_prometheus_text, looks_like_prometheus_text, data, size);
}
