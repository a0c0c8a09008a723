#include "audit/usage_jsonl.h"
#include "support/audit_fuzz.h"

using namespace bellwether::audit;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) { return fuzz_reader(make_usage_jsonl, looks_like_usage_jsonl, data, size); }
