// The events of a stream, one a line: a stencil says of each what reading it says.
#include <algorithm>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "dialects/dialect.h"
#include "dialects/stencil.h"
#include "support/event_facts.h"

using namespace bellwether;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const dialects::Dialect& dialect = dialects::dialect_of(catalog::DialectName::vllm);
  static json::Reader reader, second;
  dialects::Stencil stencil{dialect};
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string event(text.substr(at, end - at));
    event.reserve(event.size() + json::padding);
    const chat::EventFacts facts = stencil.read(event, reader);
    BW_CHECK(support::is_same(facts, dialect.read_event(event, second)));
    at = end + 1;
  }
  return 0;
}
