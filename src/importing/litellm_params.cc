// A deployment's litellm_params: its address, key and settings, which are its upstream's, and what goes into its route's entry.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/read.h"
#include "importing/litellm_keys.h"
#include "importing/litellm_reader.h"
#include "importing/scalars.h"

namespace bellwether::importing {
namespace {

using enum Verdict;

/// What people write where a key is demanded and none is needed.
bool is_placeholder_key(std::string_view text) {
  static constexpr std::array<std::string_view, 12> words{"empty",  "none",     "null",       "dummy",  "fake",        "fake-key",
                                                          "no-key", "anything", "not-needed", "noneed", "placeholder", "sk-no-key-required"};
  return text.empty() || std::ranges::find(words, std::string_view(folded(text))) != words.end();
}

}  // namespace

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
    if (const auto count = count_of(member.value, 1, 65'535)) upstream.concurrency = count;
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
      if (number && *number > 0) deployment.*into = number;
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

}  // namespace bellwether::importing
