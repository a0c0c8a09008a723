// What holds for every reader of traces, whatever it is given: it tells the same however the bytes are cut, and ends.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "support/audit_told.h"

namespace bellwether::audit {

inline int fuzz_reader(Maker make, bool (*looks_like)(std::string_view), const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  static_cast<void>(looks_like(bytes));
  const ReadingContext context{.written = Instant(std::chrono::milliseconds(1'767'323'045'000))};
  const Told whole = told_by_maker(make, bytes, size + 1, context);
  BW_CHECK(told_by_maker(make, bytes, 1, context).all == whole.all);
  BW_CHECK(told_by_maker(make, bytes, 7, context).all == whole.all);
  return 0;
}

}  // namespace bellwether::audit
