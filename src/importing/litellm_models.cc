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
// What a `.invalid` name leads to is nothing, ever (RFC 6761 §6.4): better than a guess that sends prompts somewhere.
constexpr std::string_view no_address = "http://set-this-address.invalid/v1";

/// What people write where a key is demanded and none is needed.
bool is_placeholder_key(std::string_view text) {
  static constexpr std::array<std::string_view, 13> words{"empty",    "none",       "null",   "dummy",        "fake",        "fake-key",          "no-key",
                                                          "anything", "not-needed", "noneed", "token-abc123", "placeholder", "sk-no-key-required"};
  return text.empty() || std::ranges::find(words, std::string_view(folded(text))) != words.end();
}

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

void LitellmReader::deployment(const Yaml& entry, const std::string& path) {
  const Yaml* const params_map = entry.find("litellm_params");
  const Yaml* const name = entry.find("model_name");
  const Yaml* const model = params_map != nullptr && params_map->is_map() ? params_map->find("model") : nullptr;
  if (!entry.is_map()) return tell_leaves(findings_, entry, path, entry.at, unsupported, "this is no map with model_name and litellm_params");
  if (name == nullptr || !name->is_scalar() || !is_model_name(name->text))
    return leave_out(entry, path, "model_name", "a model's name has 1 to 200 bytes and no control characters");
  if (model == nullptr || !model->is_scalar() || model->text.empty())
    return leave_out(entry, path, "model_name", "it has no litellm_params.model, so LiteLLM itself would refuse it");
  const bool room = draft_.upstreams.size() < upstreams_max && (groups_.size() < models_max || std::ranges::find(groups_, name->text) != groups_.end());
  if (!room) return leave_out(entry, path, "model_name", fmt::format("a config has at most {} upstreams and {} models", upstreams_max, models_max));

  const Yaml* const custom = params_map->find("custom_llm_provider");
  const LitellmModel resolved = provider_of(model->text, custom != nullptr ? custom->text : "");
  constexpr std::string_view model_field = "litellm_params.model";
  if (resolved.provider == nullptr)
    return leave_out(entry, path, model_field,
                     "no provider known to us stands before the name; where it speaks OpenAI's API, write openai/ before it and give api_base");
  if (resolved.provider->speaks == Speaks::foreign)
    return leave_out(entry, path, model_field, fmt::format("{}: {}", resolved.provider->name, resolved.provider->why));
  if (environment_reference(*model)) return leave_out(entry, path, model_field, "the model's name comes from the environment: write it into the file");
  const bool wildcard = name->text.find('*') != std::string::npos || resolved.name.find('*') != std::string::npos;
  if (!is_model_name(resolved.name)) return leave_out(entry, path, model_field, "a model's name has 1 to 200 bytes and no control characters");

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

/// Sets base_url in any case; nothing where the user still has to.
std::optional<std::string> LitellmReader::address(Section& params, const LitellmProvider& provider, UpstreamDraft& upstream) {
  const YamlMember* const base = params.take("api_base");
  const YamlMember* const other = params.take("base_url");
  const YamlMember* const given = base != nullptr ? base : other;
  upstream.base_url = provider.base_url.empty() ? no_address : provider.base_url;
  if (base != nullptr && other != nullptr) params.tell(*other, approximate, "api_base goes before it");
  if (given == nullptr || given->value.kind == Yaml::Kind::null) {
    if (given != nullptr) params.tell(*given, exact, "not set");
    if (!provider.base_url.empty()) return upstream.base_url;
    advice_.push_back(fmt::format("an upstream of {} has no api_base: set base_url in its [upstream.…]", provider.name));
    upstream.comments.emplace_back("Set base_url: the LiteLLM config does not say it.");
    return std::nullopt;
  }
  const auto variable = environment_reference(given->value);
  if (variable) {
    upstream.base_url = no_address;
    upstream.comments.push_back(fmt::format("Set base_url to what {} holds.", *variable));
    params.tell(*given, manual, fmt::format("set base_url to what {} holds: addresses are written out here, only secrets are references", *variable));
    return std::nullopt;
  }
  std::string text = given->value.is_scalar() ? given->value.text : std::string{};
  while (text.ends_with('/')) text.pop_back();
  const bool ollama = provider.name.starts_with("ollama");
  if (ollama && !text.ends_with("/v1")) text += "/v1";
  const auto url = config::parse_url(text);
  if (!url || url->scheme == catalog::Url::Scheme::unix_socket) {
    upstream.base_url = no_address;
    upstream.comments.emplace_back("Set base_url: what the LiteLLM config says is no address for it.");
    params.tell(*given, manual, "no URL without user, query and fragment: set base_url of the upstream yourself");
    return std::nullopt;
  }
  upstream.base_url = text;
  if (ollama) params.tell(*given, approximate, "base_url, at Ollama's OpenAI-compatible path /v1");
  else if (url->path.empty()) params.tell(*given, approximate, "base_url as it stands; most servers answer below /v1, so add that if it was an omission");
  else params.tell(*given, exact, "base_url");
  return text;
}

void LitellmReader::key(Section& params, const LitellmProvider& provider, bool own_address, UpstreamDraft& upstream) {
  const YamlMember* const given = params.take("api_key");
  if (given == nullptr || given->value.kind == Yaml::Kind::null) {
    if (given != nullptr) params.tell(*given, exact, "not set");
    if (provider.key_variable.empty()) return;
    if (own_address)  // LiteLLM sends it there all the same.
      advice_.push_back(fmt::format("no api_key stands beside an api_base of {}: LiteLLM sends {} there; Bellwether sends none unless you set api_key",
                                    provider.name, provider.key_variable));
    else upstream.api_key_variable = provider.key_variable;
    return;
  }
  if (const auto variable = environment_reference(given->value)) {
    upstream.api_key_variable = *variable;
    return params.tell(*given, exact, fmt::format("api_key = {{ env = \"{}\" }}", *variable));
  }
  if (given->value.is_scalar() && is_placeholder_key(given->value.text)) return params.tell(*given, approximate, "a placeholder: no key is sent");
  upstream.api_key_variable = "?";  // Named after its upstream, once that has a name.
  params.tell(*given, manual, "the key is not copied: put it into the environment variable that api_key of the upstream names");
}

void LitellmReader::upstream_settings(Section& params, UpstreamDraft& upstream) {
  std::optional<Milliseconds> own, own_stream;
  constexpr std::string_view whole = "timeout = { first_token, total } of the upstream: a reply that is not streamed counts as its first token";
  params.with("timeout", [&](const YamlMember& member) { time_setting(params, member, own, whole); });
  params.with("request_timeout", [&](const YamlMember& member) { time_setting(params, member, own, whole); });
  params.with("stream_timeout", [&](const YamlMember& member) {
    time_setting(params, member, own_stream, "timeout = { first_token } of the upstream, unless timeout is longer: one value serves streams and whole replies");
  });
  const auto total = own ? own : timeout_;
  const auto stream = own_stream ? own_stream : stream_timeout_;
  upstream.total = total;
  if (total || stream) upstream.first_token = std::max(total.value_or(Milliseconds(0)), stream.value_or(Milliseconds(0)));
  std::optional<std::uint32_t> own_retries;
  for (const std::string_view name : {"max_retries", "num_retries"})
    params.with(name, [&](const YamlMember& member) {
      constexpr std::uint32_t retries_max = 5;  // config/
      const auto count = count_of(member.value, 0, 1'000'000);
      if (!count) return params.tell(member, manual, "no count; it would be retries of the upstream");
      own_retries = std::min(*count, retries_max);
      params.tell(member, *count > retries_max ? approximate : exact,
                  *count > retries_max ? fmt::format("retries = {}, which is the most", retries_max) : "retries of the upstream");
    });
  upstream.retries = own_retries ? own_retries : retries_;
  upstream.concurrency = concurrency_;
  params.with("max_parallel_requests", [&](const YamlMember& member) {
    if (const auto count = count_of(member.value, 1, 65'535)) upstream.concurrency = *count;
    else return params.tell(member, manual, "no count from 1 to 65535; it would be concurrency = { max } of the upstream");
    params.tell(member, approximate, "concurrency = { max } of an upstream of its own; what is above it waits there, at most 2 s");
  });
  upstream.breaker_off = breaker_off_;
  upstream.breaker_failures = breaker_failures_;
  upstream.breaker_open_for = breaker_open_for_;
  upstream.probe_every = probe_every_;
}

/// Parameters of a request beside the model: LiteLLM sends them where the caller did not, and so does `request` of the route.
void LitellmReader::defaults(Section& params, RouteDraft& entry) {
  static constexpr std::array<std::string_view, 5> ours{"model", "stream", "stream_options", "messages", "input"};
  const auto put = [&](const std::string& name, const Yaml& value) {
    const auto text = toml_value(value);
    const bool taken = std::ranges::any_of(entry.request, [&](const auto& member) { return member.first == name; });
    const bool fits = text && !taken && !name.empty() && std::ranges::find(ours, name) == ours.end();
    if (fits) entry.request.emplace_back(name, *text);
    return fits;
  };
  for (const std::string_view parameter : litellm_request_parameters())
    params.with(parameter, [&](const YamlMember& member) {
      const bool fits = put(member.key, member.value);
      params.tell(member, fits ? exact : unsupported,
                  fits ? "request of the route's entry, where the caller does not set it" : "its value has no form in TOML");
    });
  const YamlMember* const extra = params.take("extra_body");
  if (extra == nullptr) return;
  if (!extra->value.is_map())
    return params.tell(*extra, extra->value.is_off() ? exact : unsupported, extra->value.is_off() ? "empty: nothing to do" : "this is no map");
  if (extra->value.members.empty()) return params.tell(*extra, exact, "empty: nothing to do");
  for (const YamlMember& member : extra->value.members) {
    const bool fits = put(member.key, member.value);
    tell_leaves(findings_, member.value, params.path_of(*extra) + "." + member.key, member.at, fits ? approximate : unsupported,
                fits ? "request of the route's entry: the caller's own value goes before it, where LiteLLM's goes before the caller's"
                     : "not a member that a route can add, or without a form in TOML");
  }
}

void LitellmReader::shares(Section& params, Deployment& deployment) {
  params.with("weight", [&](const YamlMember& member) {
    deployment.weight = member.value.number();
    if (!deployment.weight || *deployment.weight < 0) {
      deployment.weight.reset();
      return params.tell(member, manual, "no number from 0; it would be weight of the route's entry");
    }
    const bool never = *deployment.weight == 0;
    params.tell(member, never ? approximate : exact,
                never ? "the least weight beside the others' million: LiteLLM never draws it, and here it is still a fallback" : "weight of the route's entry");
  });
  for (const auto& [name, into] : {std::pair{"rpm", &Deployment::rpm}, std::pair{"tpm", &Deployment::tpm}})
    params.with(name, [&](const YamlMember& member) {
      const auto number = member.value.number();
      if (number && *number > 0) deployment.*into = *number;
      params.tell(member, manual,
                  "its share of the traffic is kept as weight where the model has several upstreams; the limit is not: Bellwether has none per minute for an "
                  "upstream yet");
    });
  params.with("order", [&](const YamlMember& member) {
    const auto order = member.value.integer();
    deployment.order = order.value_or(deployment.order);
    params.tell(member, order ? approximate : manual, "entries of a lower order come first in the route, and the others are their fallback");
  });
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
