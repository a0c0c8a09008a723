// The scan of a JSON body: what it finds lies within the text, and taking members out and putting them in keeps it JSON.
#include <cstdint>
#include <string>
#include <tuple>

#include "base/check.h"
#include "json/patch.h"
#include "json/reader.h"

using namespace bellwether;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  text.reserve(text.size() + json::padding);
  static json::Reader reader;
  static json::Reader second;
  std::ignore = second.outline(text);
  std::ignore = json::unquote(text);
  std::string quoted = json::quote(text);
  const auto back = json::unquote(quoted);
  BW_CHECK(back.has_value());
  const auto members = reader.members(text);
  if (!members) return 0;
  // What passes validation passes the cheaper reading too.
  BW_CHECK(second.outline(text).has_value());
  for (const json::Member& member : *members) {
    BW_CHECK(member.raw.data() >= text.data() && member.raw.data() + member.raw.size() <= text.data() + text.size());
    if (member.kind == json::Kind::string) BW_CHECK(json::unquote(member.raw).has_value());
  }
  const std::size_t open = text.find('{'), close = text.rfind('}');
  const std::string_view object = std::string_view(text).substr(open, close - open + 1);
  json::Patch patch{text};
  if (!members->empty()) patch.replace(members->front().raw, "\"x\"");
  patch.add_member(object, "added", quoted);
  std::string patched = patch.apply();
  BW_CHECK(patched.size() == patch.size());
  patched.reserve(patched.size() + json::padding);
  const auto again = second.members(patched);
  BW_CHECK(again.has_value());
  BW_CHECK(json::find(*again, "added") != nullptr);
  return 0;
}
