#include "cli/page_file.h"

#include <chrono>
#include <cstdio>

#include "cli/language.h"
#include "cli/version.h"
#include "costing/audit_facts.h"
#include "costing/calendar.h"
#include "report/audit_page.h"

namespace bellwether::cli {

report::Imprint imprint() {
  return {.version = std::string(version()), .day = costing::to_text(std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now()))};
}

bool write_page(const std::string& path, const std::string& page) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  const bool written = file != nullptr && std::fwrite(page.data(), 1, page.size(), file) == page.size();
  const bool closed = file != nullptr && std::fclose(file) == 0;
  if (written && closed) return true;
  std::fprintf(stderr, "bellwether: %s: cannot write this file\n", path.c_str());
  return false;
}

bool write_audit_page(const std::string& path, const std::string& audit_json, const std::string& language) {
  const auto facts = costing::read_audit(audit_json);
  if (!facts) {
    std::fprintf(stderr, "bellwether: no page was written: %s\n", facts.error().c_str());
    return false;
  }
  return write_page(path, report::audit_page(*facts, report::words_for(language_of(language)), imprint()));
}

}  // namespace bellwether::cli
