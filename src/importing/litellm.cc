#include "importing/litellm.h"

#include <algorithm>

#include "importing/litellm_keys.h"
#include "importing/litellm_reader.h"

namespace bellwether::importing {

Outcome LitellmReader::read() {
  if (!root_.is_map()) return trouble(root_.at, "LiteLLM's config is a map with model_list in it; this is none");
  Section root{root_, "", findings_};
  // In this order, because router_settings go before litellm_settings where both say the same.
  root.with("router_settings", [&](const YamlMember& member) { router_settings(member); });
  root.with("litellm_settings", [&](const YamlMember& member) { litellm_settings(member); });
  root.with("general_settings", [&](const YamlMember& member) { general_settings(member); });
  root.with("environment_variables", [&](const YamlMember& member) { environment_variables(member); });
  const YamlMember* const models = root.take("model_list");
  // A common idiom: what several deployments share, said once at the top and used by its alias. LiteLLM does not look at it there.
  for (const YamlMember& member : root_.members)
    if (member.value.anchored && member.key != "model_list" && !member.key.ends_with("_settings"))
      root.with(member.key,
                [&](const YamlMember& found) { root.tell(found, Verdict::exact, "only the place of an anchor: its alias brings it to where it counts"); });
  root.end(litellm_root_keys(), "a LiteLLM key");
  if (models == nullptr) return trouble(root_.at, "there is no model_list: LiteLLM's config names its models there");
  model_list(*models);
  routes();
  draft_.comments = {"Made by `bellwether import litellm`. What its verdicts call manual is still to be done.",
                     "Callers' keys: `bellwether key create`. All settings: docs/configuration.md."};
  const bool some_openai = std::ranges::any_of(
      draft_.upstreams, [](const UpstreamDraft& upstream) { return upstream.dialect == "openai" && upstream.base_url.starts_with("http://"); });
  if (some_openai)
    advice_.emplace_back(
        "an upstream of dialect \"openai\" that is a vLLM or llama-server is better told so (dialect = \"vllm\"): its broken streams can then be continued");
  std::vector<std::string> once;
  for (std::string& text : advice_)
    if (std::ranges::find(once, text) == once.end()) once.push_back(std::move(text));
  std::ranges::stable_sort(findings_, [](const Finding& a, const Finding& b) { return std::pair(a.at.line, a.at.column) < std::pair(b.at.line, b.at.column); });
  const bool serves = !draft_.upstreams.empty();
  return Imported{serves ? draft_.toml() : std::string{}, std::move(findings_), std::move(once), draft_.variables()};
}

Outcome import_litellm(std::string_view yaml) {
  const auto root = read_yaml(yaml);
  if (!root) return std::unexpected(root.error());
  return LitellmReader{*root}.read();
}

}  // namespace bellwether::importing
