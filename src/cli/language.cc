#include "cli/language.h"

#include <cstdlib>

namespace bellwether::cli {

std::string language_of(const std::string& given) {
  if (!given.empty()) return given;
  for (const char* variable : {"LC_ALL", "LANG"})
    if (const char* value = std::getenv(variable); value != nullptr && *value != '\0') return value;
  return "en";
}

}  // namespace bellwether::cli
