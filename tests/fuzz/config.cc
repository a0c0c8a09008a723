// The config file: every text is read or refused with words.
#include <cstdint>
#include <string>
#include <tuple>

#include "base/check.h"
#include "config/read.h"

using namespace bellwether;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const config::SecretSource secrets{.environment = [](const std::string&) { return std::optional<std::string>("secret-value"); },
                                     .file = [](const std::string&) { return std::optional<std::string>("secret-value\n"); }};
  const config::ReadResult result = config::read_config(text, "f.toml", secrets);
  if (const auto* problems = std::get_if<std::vector<config::Problem>>(&result)) {
    BW_CHECK(!problems->empty());
    for (const config::Problem& problem : *problems) {
      BW_CHECK(!problem.text.empty());
      BW_CHECK(text.find("secret-value") != std::string_view::npos || config::to_text(problem).find("secret-value") == std::string::npos);
    }
  }
  std::ignore = config::parse_url(text);
  std::ignore = config::parse_listen(text);
  std::ignore = config::parse_duration(text);
  std::ignore = config::parse_bytes(text);
  return 0;
}
