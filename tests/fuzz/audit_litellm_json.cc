#include "audit/litellm_spend.h"
#include "support/audit_fuzz.h"

using namespace bellwether::audit;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz_reader(make_litellm_json, looks_like_litellm_json, data, size);
}
