// Unpacking: the same bytes and the same fault however the packed ones are cut.
#include <cstdint>
#include <string>

#include "audit/inflate.h"
#include "base/check.h"

using namespace bellwether;

namespace {

struct Unpacked {
  std::uint64_t hash = 0, size = 0;
  bool has_fault = false;
  friend bool operator==(const Unpacked&, const Unpacked&) = default;
};

Unpacked unpack(audit::Packing packing, std::string_view bytes, std::size_t step) {
  const auto unpacker = audit::make_unpacker(packing);
  Unpacked result;
  for (std::size_t at = 0; at < bytes.size(); at += step)
    unpacker->feed(bytes.substr(at, step), [&](std::string_view piece) {
      BW_CHECK(piece.size() <= std::size_t{128} << 10);
      for (const char c : piece) result.hash = (result.hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
      result.size += piece.size();
    });
  unpacker->finish();
  result.has_fault = unpacker->fault().has_value();
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (audit::packing_of(bytes) == audit::Packing::none) return 0;
  const Unpacked whole = unpack(audit::packing_of(bytes), bytes, size + 1);
  BW_CHECK(whole.has_fault || unpack(audit::packing_of(bytes), bytes, 1) == whole);
  return 0;
}
