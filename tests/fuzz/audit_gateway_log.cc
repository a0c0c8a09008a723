#include "audit/gateway_log.h"
#include "support/audit_fuzz.h"

using namespace bellwether::audit;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) { return fuzz_reader(make_gateway_log, looks_like_gateway_log, data, size); }
