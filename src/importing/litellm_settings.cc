// LiteLLM's settings beside model_list: what concerns every deployment, and fallbacks and aliases, which are told of when the routes are made.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "importing/litellm_keys.h"
#include "importing/litellm_reader.h"
#include "importing/scalars.h"

namespace bellwether::importing {
namespace {

using enum Verdict;

constexpr std::string_view a_litellm_key = "a LiteLLM key";
constexpr std::string_view from_environment = "its value comes from the environment: write it into the config";
constexpr std::uint32_t retries_max = 5;  // config/

}  // namespace

bool LitellmReader::expect_map(const YamlMember& member) {
  if (member.value.is_map()) return true;
  tell_leaves(findings_, member.value, member.key, member.at, member.value.is_off() ? exact : unsupported,
              member.value.is_off() ? "empty: nothing to do" : "this is no map of settings");
  return false;
}

void LitellmReader::time_setting(Section& section, const YamlMember& member, std::optional<Milliseconds>& into, std::string_view becomes) {
  if (member.value.kind == Yaml::Kind::null) return section.tell(member, exact, "not set: nothing to do");
  const auto time = seconds_of(member.value);
  if (!time) {
    return section.tell(
        member, manual,
        environment_reference(member.value) ? std::string(from_environment) : fmt::format("no number of seconds up to a year; it would be {}", becomes));
  }
  // What router_settings say goes before litellm_settings, and those are read later.
  const bool first = !into.has_value();
  if (first) into = *time;
  section.tell(member, approximate, first ? std::string(becomes) : "router_settings say the same, and go before it");
}

/// Keys that LiteLLM takes in router_settings as well as in litellm_settings.
void LitellmReader::shared_settings(Section& section) {
  section.with("num_retries", [&](const YamlMember& member) {
    const auto count = count_of(member.value, 0, 1'000'000);
    if (!count) return section.tell(member, manual, "no count; it would be retries of each upstream");
    if (!retries_) retries_ = std::min(*count, retries_max);
    section.tell(member, approximate,
                 *count > retries_max ? fmt::format("retries = {} of each upstream, which is the most; fallbacks are asked beside", retries_max)
                                      : "retries of each upstream; fallbacks are asked beside, not counted in it");
  });
  section.with("fallbacks", [&](const YamlMember& member) { fallbacks(section, member, fallbacks_); });
  section.with("context_window_fallbacks", [&](const YamlMember& member) { fallbacks(section, member, context_fallbacks_); });
  section.with("default_fallbacks", [&](const YamlMember& member) { default_fallbacks(section, member); });
  section.with("model_group_alias", [&](const YamlMember& member) { aliases(section, member); });
  section.with("allowed_fails", [&](const YamlMember& member) {
    const auto count = count_of(member.value, 0, 999'999);
    if (!count) return section.tell(member, manual, "no count; it would be failures of each upstream's breaker");
    if (!breaker_failures_) breaker_failures_ = *count + 1;
    section.tell(member, approximate,
                 fmt::format("breaker = {{ failures = {} }} of each upstream: failures in a row, where LiteLLM counts those of a minute", *count + 1));
  });
}

void LitellmReader::router_settings(const YamlMember& member) {
  if (!expect_map(member)) return;
  Section section{member.value, member.key, findings_};
  section.with("routing_strategy", [&](const YamlMember& found) { strategy(section, found); });
  section.with("timeout", [&](const YamlMember& found) {
    time_setting(section, found, timeout_, "timeout = { first_token, total } of each upstream: a reply that is not streamed counts as its first token");
  });
  section.with("stream_timeout", [&](const YamlMember& found) {
    time_setting(section, found, stream_timeout_,
                 "timeout = { first_token } of each upstream, unless timeout is longer: one value serves streams and whole replies");
  });
  section.with("cooldown_time", [&](const YamlMember& found) {
    time_setting(section, found, breaker_open_for_, "breaker = { open_for } of each upstream; afterwards one request tries it first");
  });
  section.with("disable_cooldowns", [&](const YamlMember& found) {
    breaker_off_ = found.value.boolean() == true;
    section.tell(found, exact, breaker_off_ ? "breaker = { failures = 0, rate = \"0%\" } of each upstream" : "off, as here");
  });
  section.with("default_max_parallel_requests", [&](const YamlMember& found) {
    concurrency_ = count_of(found.value, 1, 65'535);
    section.tell(found, concurrency_ ? approximate : manual, "concurrency = { max } of each deployment's upstream; what is above it waits there, at most 2 s");
  });
  shared_settings(section);
  section.end(litellm_router_keys(), a_litellm_key);
}

void LitellmReader::strategy(Section& section, const YamlMember& member) {
  struct Row {
    std::string_view name, policy;
    Verdict verdict;
    std::string_view text;
  };
  static constexpr std::array rows{
      Row{"simple-shuffle", "weighted", exact, "policy = \"weighted\" of models with several upstreams"},
      Row{"least-busy", "least_outstanding", approximate,
          "policy = \"least_outstanding\" of models with several upstreams: the better of two drawn at random, where LiteLLM looks at all"},
      Row{"latency-based-routing", "least_outstanding", approximate,
          "policy = \"least_outstanding\": a slow upstream has more requests under way and gets fewer"},
      Row{"usage-based-routing", "least_outstanding", approximate, "policy = \"least_outstanding\": by requests under way, not by tokens per minute"},
      Row{"usage-based-routing-v2", "least_outstanding", approximate, "policy = \"least_outstanding\": by requests under way, not by tokens per minute"},
      Row{"cost-based-routing", "ordered", manual, "policy = \"ordered\": put the cheapest entry of each route first"},
      Row{"provider-budget-routing", "weighted", unsupported, "Bellwether has no budgets yet; policy = \"weighted\" instead"}};
  const auto row = std::ranges::find(rows, std::string_view(member.value.text), &Row::name);
  if (row == rows.end()) return section.tell(member, unsupported, "not a strategy of LiteLLM's known to us; policy = \"weighted\" instead");
  policy_ = row->policy;
  section.tell(member, row->verdict, row->text);
}

void LitellmReader::litellm_settings(const YamlMember& member) {
  if (!expect_map(member)) return;
  Section section{member.value, member.key, findings_};
  section.with("request_timeout", [&](const YamlMember& found) {
    time_setting(section, found, timeout_, "timeout = { first_token, total } of each upstream: a reply that is not streamed counts as its first token");
  });
  for (const std::string_view key : {"callbacks", "success_callback", "failure_callback"})
    section.with(key, [&](const YamlMember& found) { callbacks(section, found); });
  shared_settings(section);
  section.end(litellm_settings_keys(), a_litellm_key);
}

void LitellmReader::callbacks(Section& section, const YamlMember& member) {
  std::vector<Yaml> names = member.value.items;
  if (member.value.is_scalar()) names = {member.value};
  const auto is_prometheus = [](const Yaml& name) { return name.text == "prometheus"; };
  if (names.empty()) return section.tell(member, exact, "none: nothing to do");
  if (std::ranges::all_of(names, is_prometheus))
    return section.tell(member, approximate, "/metrics on the admin port has Bellwether's own metrics (docs/operating.md)");
  section.tell(member, unsupported,
               std::ranges::any_of(names, is_prometheus)
                   ? "prometheus: /metrics on the admin port; the others: Bellwether calls no logging service, its access log has a line for each request"
                   : "Bellwether calls no logging service; its access log has a line for each request, and /metrics the counters");
}

void LitellmReader::general_settings(const YamlMember& member) {
  if (!expect_map(member)) return;
  Section section{member.value, member.key, findings_};
  const YamlMember* const background = section.take("background_health_checks");
  const YamlMember* const interval = section.take("health_check_interval");
  const bool wanted = background != nullptr && background->value.boolean() == true;
  const auto every = interval != nullptr ? seconds_of(interval->value) : std::nullopt;
  if (wanted) probe_every_ = std::max(every.value_or(Milliseconds(300'000)), Milliseconds(1000));  // LiteLLM's default: 300 s
  constexpr std::string_view probes = "probe = { every } of each upstream: asks for its list of models, and only while its breaker is open; it costs no tokens";
  if (background != nullptr) section.tell(*background, wanted ? approximate : exact, wanted ? probes : "off, as here");
  if (interval != nullptr)
    section.tell(*interval, every ? approximate : manual, wanted ? probes : "without background_health_checks LiteLLM does not use it, and nothing here does");
  section.end(litellm_general_keys(), a_litellm_key);
}

void LitellmReader::environment_variables(const YamlMember& member) {
  if (!expect_map(member)) return;
  tell_leaves(findings_, member.value, member.key, member.at, manual,
              "set it in the environment of the process (Environment= of the systemd unit, environment: of the compose file)");
}

void LitellmReader::fallbacks(Section& section, const YamlMember& member, std::vector<Fallback>& into) {
  const std::string path = section.path_of(member);
  if (!member.value.is_list())
    return section.tell(member, member.value.is_off() ? exact : unsupported, member.value.is_off() ? "none: nothing to do" : "this is no list of maps");
  if (member.value.items.empty()) return section.tell(member, exact, "none: nothing to do");
  if (!holds_maps(member.value)) return section.tell(member, unsupported, "this is no list of maps such as {model: [other]}");
  for (std::size_t i = 0; i < member.value.items.size(); ++i) {
    const Yaml& item = member.value.items[i];
    const std::string place = fmt::format("{}[{}]", path, i);
    if (!item.is_map() || item.members.empty()) {
      tell_leaves(findings_, item, place, item.at, unsupported, "this is no map such as {model: [other]}");
      continue;
    }
    for (const YamlMember& pair : item.members) {
      const std::string where = place + "." + pair.key;
      const bool is_names = pair.value.is_list() && std::ranges::all_of(pair.value.items, [](const Yaml& name) { return name.is_scalar(); });
      if (!is_names || pair.value.items.empty())
        tell_leaves(findings_, pair.value, where, pair.at, unsupported, "only lists of model names can be fallbacks here");
      else if (pair.key != "*") into.push_back({pair.key, &pair.value, where, pair.at});
      else if (&into == &fallbacks_ && !default_fallback_) default_fallback_ = Fallback{"*", &pair.value, where, pair.at};
      else tell(where, pair.at, unsupported, "fallbacks for every model are taken once, and not for long prompts alone: name the models");
    }
  }
}

void LitellmReader::default_fallbacks(Section& section, const YamlMember& member) {
  const Yaml& list = member.value;
  if (list.is_off()) return section.tell(member, exact, "none: nothing to do");
  const bool is_names = list.is_list() && std::ranges::all_of(list.items, [](const Yaml& name) { return name.is_scalar(); });
  if (!is_names) return section.tell(member, unsupported, "this is no list of model names");
  if (default_fallback_) return section.tell(member, unsupported, "given twice; the other one is taken");
  default_fallback_ = Fallback{"*", &list, section.path_of(member), member.at};
}

void LitellmReader::aliases(Section& section, const YamlMember& member) {
  if (!member.value.is_map())
    return section.tell(member, member.value.is_off() ? exact : unsupported, member.value.is_off() ? "none: nothing to do" : "this is no map of aliases");
  if (member.value.members.empty()) return section.tell(member, exact, "none: nothing to do");
  for (const YamlMember& pair : member.value.members) {
    const std::string path = section.path_of(member) + "." + pair.key;
    if (pair.value.is_scalar()) {
      aliases_.push_back({pair.key, pair.value.text, path, pair.at});
      continue;
    }
    if (!pair.value.is_map() || pair.value.find("model") == nullptr || !pair.value.find("model")->is_scalar()) {
      tell_leaves(findings_, pair.value, path, pair.at, unsupported, "an alias names a model");
      continue;
    }
    Section inner{pair.value, path, findings_};
    inner.with("model", [&](const YamlMember& model) { aliases_.push_back({pair.key, model.value.text, inner.path_of(model), model.at}); });
    inner.with("hidden", [&](const YamlMember& hidden) {
      inner.tell(hidden, exact, hidden.value.boolean() == true ? "GET /v1/models lists no alias" : "an alias works; GET /v1/models lists models only");
    });
    inner.end({}, a_litellm_key);
  }
}

}  // namespace bellwether::importing
