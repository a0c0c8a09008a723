// LiteLLM's model_list: each deployment becomes an upstream, or shares one with another of the same address, key and settings, and an
// entry of its model's route.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/money.h"
#include "config/read.h"
#include "importing/litellm_keys.h"
#include "importing/litellm_reader.h"
#include "importing/scalars.h"

namespace bellwether::importing {
namespace {

using enum Verdict;

constexpr std::string_view a_litellm_key = "a LiteLLM key";
constexpr std::string_view left_out = "belongs to a deployment that is left out";
constexpr std::size_t upstreams_max = 1'000, models_max = 10'000;  // config/

/// The part of a host that people call the machine by: "gpu-1" of "gpu-1.internal", "mistral" of "api.mistral.ai".
std::string short_name(const catalog::Url& url) {
  if (url.scheme == catalog::Url::Scheme::unix_socket) return "local";
  const bool is_address = url.host.find_first_not_of("0123456789.") == std::string::npos || url.host.find(':') != std::string::npos;
  if (is_address) return url.host;
  std::string_view host = url.host;
  for (const std::string_view usual : {"api.", "www."})
    if (host.starts_with(usual)) host.remove_prefix(usual.size());
  return std::string(host.substr(0, host.find('.')));
}

/// DeepSeek's API shut deepseek-chat and deepseek-reasoner down on 2026-07-24: both are deepseek-flash now, without and with thinking.
std::string_view thinking_of_retired(const UpstreamDraft& upstream, std::string_view model) {
  if (!upstream.base_url.starts_with("https://api.deepseek.com")) return {};
  if (model == "deepseek-chat") return "disabled";
  return model == "deepseek-reasoner" ? "enabled" : "";
}

LitellmModel model_of(const Yaml& params) {
  const Yaml* const custom = params.find("custom_llm_provider");
  return provider_of(params.find("model")->text, custom != nullptr ? custom->text : "");
}

}  // namespace

void LitellmReader::model_list(const YamlMember& member) {
  if (!member.value.is_list() || (!member.value.items.empty() && !holds_maps(member.value)))
    return tell_leaves(findings_, member.value, member.key, member.at, unsupported, "this is no list of deployments");
  if (member.value.items.empty()) return tell(member.key, member.at, unsupported, "it is empty");
  for (std::size_t i = 0; i < member.value.items.size(); ++i) deployment(member.value.items[i], fmt::format("model_list[{}]", i));
}

void LitellmReader::leave_out(const Yaml& entry, const std::string& path, std::string_view field, std::string_view why) {
  std::vector<Finding> all;
  tell_leaves(all, entry, path, entry.at, unsupported, left_out);
  for (Finding& finding : all)
    if (finding.field == fmt::format("{}.{}", path, field)) finding.text = why;
  findings_.insert(findings_.end(), all.begin(), all.end());
}

/// What keeps a deployment out of the config; nothing where it can be in it.
std::optional<LitellmReader::Obstacle> LitellmReader::obstacle_to(const Yaml& entry) const {
  constexpr std::string_view model_field = "litellm_params.model", no_name = "a model's name has 1 to 200 bytes and no control characters";
  const Yaml* const params = entry.find("litellm_params");
  const Yaml* const name = entry.find("model_name");
  const Yaml* const model = params != nullptr && params->is_map() ? params->find("model") : nullptr;
  if (name == nullptr || !name->is_scalar() || !is_model_name(name->text)) return Obstacle{"model_name", std::string(no_name)};
  if (model == nullptr || !model->is_scalar() || model->text.empty())
    return Obstacle{"model_name", "it has no litellm_params.model, so LiteLLM itself would refuse it"};
  const bool room = draft_.upstreams.size() < upstreams_max && (groups_.size() < models_max || std::ranges::find(groups_, name->text) != groups_.end());
  if (!room) return Obstacle{"model_name", fmt::format("a config has at most {} upstreams and {} models", upstreams_max, models_max)};
  if (environment_reference(*model)) return Obstacle{model_field, "the model's name comes from the environment: write it into the file"};
  const LitellmModel resolved = model_of(*params);
  if (resolved.provider == nullptr)
    return Obstacle{model_field, "no provider known to us stands before the name; where it speaks OpenAI's API, write openai/ before it and give api_base"};
  if (resolved.provider->speaks == Speaks::foreign) return Obstacle{model_field, fmt::format("{}: {}", resolved.provider->name, resolved.provider->why)};
  if (!is_model_name(resolved.name)) return Obstacle{model_field, std::string(no_name)};
  return std::nullopt;
}

void LitellmReader::deployment(const Yaml& entry, const std::string& path) {
  if (!entry.is_map()) return tell_leaves(findings_, entry, path, entry.at, unsupported, "this is no map with model_name and litellm_params");
  if (const auto obstacle = obstacle_to(entry)) return leave_out(entry, path, obstacle->field, obstacle->why);
  const Yaml* const params_map = entry.find("litellm_params");
  const Yaml* const name = entry.find("model_name");
  const LitellmModel resolved = model_of(*params_map);
  const bool wildcard = name->text.find('*') != std::string::npos || resolved.name.find('*') != std::string::npos;

  Section section{entry, path, findings_};
  const YamlMember* const name_member = section.take("model_name");
  const YamlMember* const params_member = section.take("litellm_params");
  const YamlMember* const info = section.take("model_info");
  const std::string params_path = section.path_of(*params_member);
  Section params{*params_map, params_path, findings_};
  UpstreamDraft upstream{.dialect = std::string(resolved.provider->dialect)};
  const YamlMember& model_member = *params.take("model");
  const auto base_url = address(params, *resolved.provider, upstream);
  const bool own_address = params_map->find("api_base") != nullptr || params_map->find("base_url") != nullptr;
  key(params, *resolved.provider, own_address, upstream);
  upstream_settings(params, upstream);
  Deployment made{.group = name->text, .entry = {.model = resolved.name}};
  defaults(params, made.entry);
  shares(params, made);
  Prices prices_read;
  prices(params, prices_read);
  const bool has_custom = params.take("custom_llm_provider") != nullptr;
  if (has_custom) params.tell(*params.take("custom_llm_provider"), exact, fmt::format("dialect = \"{}\"", upstream.dialect));
  params.end(litellm_params_keys(), a_litellm_key);
  if (info != nullptr && info->value.is_map()) information(info->value, section.path_of(*info), prices_read);
  else if (info != nullptr) section.tell(*info, info->value.is_off() ? exact : unsupported, info->value.is_off() ? "empty: nothing to do" : "this is no map");
  section.end(litellm_entry_keys(), a_litellm_key);
  settle_prices(prices_read, made);

  const std::string provider_name =
      resolved.provider->base_url == upstream.base_url ? std::string(resolved.provider->name) : short_name(*config::parse_url(upstream.base_url));
  std::string beside;  // What the verdict on `model` says besides.
  if (const std::string_view thinking = thinking_of_retired(upstream, made.entry.model); !thinking.empty()) {
    beside = fmt::format("; DeepSeek shut {} down on 2026-07-24, and this is what answers as it did", made.entry.model);
    made.entry.model = "deepseek-flash";
    if (std::ranges::none_of(made.entry.request, [](const auto& member) { return member.first == "thinking"; }))
      made.entry.request.emplace_back("thinking", fmt::format("{{ type = \"{}\" }}", thinking));
  }
  if (resolved.provider->speaks == Speaks::openai_too)
    beside = fmt::format("; {} speaks OpenAI's dialect, but what LiteLLM mends of its answers stays as it is", resolved.provider->name);
  made.entry.upstream = adopt(std::move(upstream), base_url ? provider_name : std::string(resolved.provider->name));
  if (wildcard) {
    wildcards_.push_back(section.path_of(*name_member));
    wildcard_places_[wildcards_.back()] = name_member->at;
    params.tell(model_member, approximate, fmt::format("upstream \"{}\"", made.entry.upstream));
    for (const auto& [field, at] : made.price_fields) tell(field, at, manual, "a price stands with a model that has a name");
    return;
  }
  params.tell(model_member, beside.empty() ? exact : approximate,
              fmt::format("upstream \"{}\", where the model is called {}{}", made.entry.upstream, made.entry.model, beside));
  section.tell(*name_member, exact, fmt::format("[model.\"{}\"]", made.group));
  if (std::ranges::find(groups_, made.group) == groups_.end()) groups_.push_back(made.group);
  deployments_.push_back(std::move(made));
}

void LitellmReader::price_field(Section& section, std::string_view name, std::optional<std::string>& into, Prices& prices) {
  section.with(name, [&](const YamlMember& member) {
    if (member.value.kind == Yaml::Kind::null) return section.tell(member, exact, "not set");
    const auto price = member.value.is_scalar() ? per_million(member.value.text) : std::nullopt;
    if (!price) return section.tell(member, manual, "no price in USD per token; it would be a part of price of the model, per million tokens");
    if (into && *into != price->usd) return section.tell(member, approximate, "litellm_params say another price, and go before it");
    into = price->usd;
    prices.rounded = prices.rounded || !price->exact;
    prices.fields.emplace_back(section.path_of(member), member.at);
  });
}

void LitellmReader::prices(Section& section, Prices& into) {
  price_field(section, "input_cost_per_token", into.input, into);
  price_field(section, "output_cost_per_token", into.output, into);
  price_field(section, "cache_read_input_token_cost", into.cached_input, into);
}

void LitellmReader::settle_prices(Prices& prices, Deployment& deployment) {
  if (prices.fields.empty()) return;
  const auto amount = [](const std::string& usd) { return *parse_money(usd); };
  if (!prices.input || !prices.output) {
    for (const auto& [path, at] : prices.fields) tell(path, at, manual, "a price needs input and output; for nothing write 0");
    return;
  }
  deployment.price = PriceDraft{*prices.input, "", *prices.output};
  const bool cached_fits = prices.cached_input && amount(*prices.cached_input) <= amount(*prices.input);
  if (cached_fits) deployment.price->cached_input = *prices.cached_input;
  for (const auto& [path, at] : prices.fields) {
    if (path.ends_with("cache_read_input_token_cost") && !cached_fits)
      tell(path, at, manual, "cached input costs more than input here, which price does not take");
    else if (prices.rounded) tell(path, at, approximate, "price of the model in USD per million tokens, rounded up at the ninth decimal place");
    else deployment.price_fields.emplace_back(path, at);  // Told when it is known whose price the model has.
  }
}

void LitellmReader::information(const Yaml& info, const std::string& path, Prices& into) {
  Section section{info, path, findings_};
  prices(section, into);
  section.with("mode", [&](const YamlMember& member) {
    static constexpr std::array<std::string_view, 4> served{"chat", "completion", "embedding", "responses"};
    const bool is_served = std::ranges::find(served, std::string_view(member.value.text)) != served.end();
    if (member.value.text == "responses") return section.tell(member, approximate, "chat, completions and embeddings are served, /v1/responses is not");
    section.tell(member, is_served ? exact : unsupported,
                 is_served ? "chat, completions and embeddings are served for every model" : "Bellwether serves chat, completions and embeddings only");
  });
  // model_info is free: what nobody knows is the user's own note.
  std::vector<KnownKey> known(litellm_info_keys().begin(), litellm_info_keys().end());
  for (const YamlMember& member : info.members)
    if (member.key.starts_with("supports_") && std::ranges::find(known, std::string_view(member.key), &KnownKey::key) == known.end())
      known.push_back({member.key, approximate, "information for LiteLLM's own pages; nothing here depends on it"});
  section.end(known, a_litellm_key);
}

/// The name of an upstream like this one, made if there is none.
std::string LitellmReader::adopt(UpstreamDraft upstream, std::string_view wanted_name) {
  const bool literal_key = upstream.api_key_variable == "?";
  const bool own = literal_key || upstream.concurrency.has_value();  // A literal key is not compared with others: it is not kept.
  const auto alike = [&](const UpstreamDraft& other) {
    return other.dialect == upstream.dialect && other.base_url == upstream.base_url && other.api_key_variable == upstream.api_key_variable &&
           other.first_token == upstream.first_token && other.total == upstream.total && other.retries == upstream.retries && !other.concurrency;
  };
  const bool known_address = upstream.base_url != no_address;
  if (!own && known_address)
    if (const auto found = std::ranges::find_if(draft_.upstreams, alike); found != draft_.upstreams.end()) return found->name;
  const std::string stem = upstream_name_from(wanted_name);
  upstream.name = stem;
  const auto is_taken = [&] {
    return std::ranges::any_of(draft_.upstreams, [&](const UpstreamDraft& other) { return folded(other.name) == folded(upstream.name); });
  };
  for (std::size_t number = 2; is_taken(); ++number) upstream.name = fmt::format("{}-{}", stem, number);
  if (literal_key) upstream.api_key_variable = variable_name_from(upstream.name);
  draft_.upstreams.push_back(std::move(upstream));
  return draft_.upstreams.back().name;
}

}  // namespace bellwether::importing
