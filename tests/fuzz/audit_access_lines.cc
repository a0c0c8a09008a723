#include "audit/access_lines.h"
#include "support/audit_fuzz.h"

using namespace bellwether::audit;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz_reader(make_access_lines, looks_like_access_lines, data, size);
}
