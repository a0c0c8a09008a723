// LiteLLM's YAML: every text is refused with words or gives a config that is valid and a verdict for each field.
#include <cstdint>
#include <set>
#include <string>
#include <tuple>

#include "base/check.h"
#include "config/read.h"
#include "importing/litellm.h"
#include "importing/report.h"
#include "importing/vllm.h"
#include "importing/yaml.h"

using namespace bellwether;

namespace {

void check_config(const std::string& toml) {
  const auto any = [](const std::string&) { return std::optional<std::string>("secret"); };
  const config::SecretSource secrets{any, any};
  const config::ReadResult result = config::read_config(toml, "f.toml", secrets);
  BW_CHECK(std::holds_alternative<config::Config>(result));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const importing::Outcome outcome = importing::import_litellm(text)) {
    std::multiset<std::string> told;
    for (const importing::Finding& finding : outcome->findings) {
      BW_CHECK(!finding.text.empty());
      told.insert(finding.field);
    }
    for (const std::string& leaf : importing::leaves_of(*importing::read_yaml(text))) BW_CHECK(told.contains(leaf));
    if (!outcome->toml.empty()) check_config(outcome->toml);
    std::ignore = importing::verdict_table(*outcome, "f");
    std::ignore = importing::to_json(*outcome, "litellm", "f");
  } else {
    BW_CHECK(!outcome.error().text.empty());
  }
  if (const auto launch = importing::launch_from_compose(text, "")) check_config(importing::import_vllm(*launch).toml);
  return 0;
}
