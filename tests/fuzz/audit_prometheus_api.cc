#include "audit/prometheus_api.h"
#include "support/audit_fuzz.h"

using namespace bellwether::audit;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz_reader(make_prometheus_api, looks_like_prometheus_api, data, size);
}
