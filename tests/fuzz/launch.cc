// The command line of a vLLM, however it is written: every text is refused with words or gives a config that is valid.
#include <cstdint>
#include <string>
#include <tuple>

#include "base/check.h"
#include "config/read.h"
#include "importing/vllm.h"

using namespace bellwether;

namespace {

void check(const std::expected<importing::Launch, importing::Trouble>& launch) {
  if (!launch) return BW_CHECK(!launch.error().text.empty());
  const importing::Imported imported = importing::import_vllm(*launch);
  const auto any = [](const std::string&) { return std::optional<std::string>("secret"); };
  const config::SecretSource secrets{any, any};
  BW_CHECK(std::holds_alternative<config::Config>(config::read_config(imported.toml, "f.toml", secrets)));
  for (const importing::Finding& finding : imported.findings) BW_CHECK(!finding.text.empty() && !finding.field.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // One way of quoting for each text: looking for the nearest flag is most of the time, and the same in all.
  const auto quoting = static_cast<importing::Quoting>(size % 3);
  if (auto words = importing::split_words(text, quoting, {{"A", "a b"}, {"PORT", "8001"}}, {1, 1})) {
    const bool starts = importing::launch_from_words(*words).has_value();
    if (!starts)
      words->insert(words->begin(), {importing::Word{.text = "vllm", .at = {}, .unknown = {}, .variable = {}},
                                     importing::Word{.text = "serve", .at = {}, .unknown = {}, .variable = {}}});
    check(importing::launch_from_words(*std::move(words)));
  }
  check(importing::launch_from_systemd(text));
  check(importing::launch_from_process(text, text));
  return 0;
}
