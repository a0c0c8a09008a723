#include "json/elements.h"

#include "json/cursor.h"

namespace bellwether::json {

std::vector<std::string_view> elements(std::string_view raw) {
  std::vector<std::string_view> found;
  Cursor cursor{raw};
  cursor.skip_space();
  if (!cursor.elements([&](std::string_view element) { found.push_back(element); })) found.clear();
  return found;
}

}  // namespace bellwether::json
