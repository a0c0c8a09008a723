// The framer: the same events however the bytes were cut.
#include <cstdint>
#include <string>
#include <vector>

#include "base/check.h"
#include "sse/framer.h"

using namespace bellwether;

namespace {

std::vector<std::string> events_of(std::string_view bytes, std::size_t step) {
  sse::Framer framer;
  std::vector<std::string> events;
  sse::Event event;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    framer.feed(bytes.substr(at, step));
    for (;;) {
      const sse::Framer::Status status = framer.next(event);
      if (status != sse::Framer::Status::event) break;
      if (event.has_data) events.emplace_back(event.data);
    }
  }
  if (framer.finish(event) && event.has_data) events.emplace_back(event.data);
  return events;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::vector<std::string> whole = events_of(bytes, bytes.size() + 1);
  BW_CHECK(whole == events_of(bytes, 1));
  BW_CHECK(whole == events_of(bytes, 3));
  return 0;
}
