#include "importing/litellm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "config/read.h"
#include "importing/yaml.h"

namespace bellwether::importing {
namespace {

Imported import_of(std::string_view yaml) {
  auto outcome = import_litellm(yaml);
  EXPECT_TRUE(outcome.has_value()) << (outcome ? "" : outcome.error().text);
  return outcome ? *outcome : Imported{};
}

const Finding& finding_of(const Imported& imported, std::string_view field) {
  static const Finding none{.field = "none", .text = "none"};
  const auto found = std::ranges::find(imported.findings, field, &Finding::field);
  EXPECT_NE(found, imported.findings.end()) << field;
  return found == imported.findings.end() ? none : *found;
}

config::Config config_of(const Imported& imported) {
  const auto any = [](const std::string&) { return std::optional<std::string>("secret"); };
  const config::SecretSource secrets{any, any};
  auto result = config::read_config(imported.toml, "t.toml", secrets);
  if (const auto* problems = std::get_if<std::vector<config::Problem>>(&result)) ADD_FAILURE() << config::to_text(problems->front()) << "\n" << imported.toml;
  return std::holds_alternative<config::Config>(result) ? std::get<config::Config>(std::move(result)) : config::Config{};
}

void expect_every_leaf_told(std::string_view yaml, const Imported& imported) {
  std::multiset<std::string> told;
  for (const Finding& finding : imported.findings) told.insert(finding.field);
  for (const std::string& leaf : leaves_of(*read_yaml(yaml))) EXPECT_EQ(told.count(leaf), 1U) << leaf;
}

constexpr std::string_view two =
    "model_list:\n"
    "- {model_name: chat, litellm_params: {model: deepseek/deepseek-chat, api_key: os.environ/K, weight: 3}}\n"
    "- {model_name: chat, litellm_params: {model: hosted_vllm/org/V3, api_base: \"http://gpu-1:8000/v1\", weight: 1}}\n"
    "- {model_name: spare, litellm_params: {model: openai/x, api_base: \"http://spare/v1\"}}\n";

TEST(ImportLitellm, ARepeatedNameIsAWeightedRoute) {
  const Imported imported = import_of(two);
  const config::Config config = config_of(imported);
  ASSERT_EQ(config.models.size(), 2U);
  EXPECT_EQ(config.models[0].policy, catalog::Policy::weighted);
  ASSERT_EQ(config.models[0].route.size(), 2U);
  EXPECT_EQ(config.models[0].route[0].weight, 3U);
  EXPECT_EQ(config.models[0].route[1].model, "org/V3");
  EXPECT_EQ(config.upstreams[config.models[0].route[1].upstream].dialect, catalog::DialectName::vllm);
  expect_every_leaf_told(two, imported);
}

TEST(ImportLitellm, AFallbackOfOneDeploymentIsTheNextEntry) {
  const std::string yaml = std::string(two) + "router_settings: {fallbacks: [{spare: [chat]}], context_window_fallbacks: [{chat: [spare]}]}\n";
  const Imported imported = import_of(yaml);
  const config::Config config = config_of(imported);
  EXPECT_EQ(config.models[1].policy, catalog::Policy::ordered);
  EXPECT_EQ(config.models[1].route.size(), 3U);
  EXPECT_EQ(finding_of(imported, "router_settings.fallbacks[0].spare").verdict, Verdict::exact);
  EXPECT_EQ(config.models[0].route.back().purpose, catalog::Purpose::context_too_long);
  expect_every_leaf_told(yaml, imported);
}

TEST(ImportLitellm, AFallbackOfSeveralIsDrawnHardlyEver) {
  const Imported imported = import_of(std::string(two) + "litellm_settings: {default_fallbacks: [spare]}\n");
  const config::Config config = config_of(imported);
  ASSERT_EQ(config.models[0].route.size(), 3U);
  EXPECT_EQ(config.models[0].route[0].weight, 1'000'000U);
  EXPECT_EQ(config.models[0].route[2].weight, 1U);
  EXPECT_EQ(config.models[1].route.size(), 1U) << "a model is no fallback of its own";
  EXPECT_EQ(finding_of(imported, "litellm_settings.default_fallbacks").verdict, Verdict::approximate);
}

TEST(ImportLitellm, OrderComesBeforeWeight) {
  const config::Config config =
      config_of(import_of("model_list:\n"
                          "- {model_name: m, litellm_params: {model: openai/b, api_base: 'http://b/v1', order: 2}}\n"
                          "- {model_name: m, litellm_params: {model: openai/a, api_base: 'http://a/v1', order: 1}}\n"));
  EXPECT_EQ(config.models[0].policy, catalog::Policy::ordered);
  EXPECT_EQ(config.models[0].route[0].model, "a");
}

TEST(ImportLitellm, NeverRepeatsAKey) {
  const std::string yaml =
      "model_list:\n- {model_name: m, litellm_params: {model: openai/m, api_base: 'http://a/v1', api_key: sk-hidden-1}}\n"
      "- {model_name: n, litellm_params: {model: anthropic/n, api_key: sk-hidden-2}}\n"
      "general_settings: {master_key: sk-hidden-3, database_url: 'postgres://u:sk-hidden-4@h/d'}\nenvironment_variables: {OPENAI_API_KEY: sk-hidden-5}\n";
  const Imported imported = import_of(yaml);
  EXPECT_EQ(imported.toml.find("hidden"), std::string::npos);
  for (const Finding& finding : imported.findings) EXPECT_EQ(finding.text.find("hidden"), std::string::npos) << finding.field;
  EXPECT_EQ(imported.variables, (std::vector<std::string>{"A_API_KEY"}));
  EXPECT_EQ(finding_of(imported, "model_list[0].litellm_params.api_key").verdict, Verdict::manual);
  expect_every_leaf_told(yaml, imported);
}

TEST(ImportLitellm, AnUnknownKeyIsToldWithItsNearest) {
  const Imported imported = import_of(std::string(two) + "router_settings:\n  routing_stategy: least-busy\n");
  const Finding& finding = finding_of(imported, "router_settings.routing_stategy");
  EXPECT_EQ(finding.verdict, Verdict::unsupported);
  EXPECT_EQ(finding.text, "not a LiteLLM key known to us; nearest is routing_strategy");
  EXPECT_EQ(finding.at, (Place{6, 3}));
}

TEST(ImportLitellm, PricesArePerMillion) {
  const config::Config config =
      config_of(import_of("model_list:\n- model_name: m\n  litellm_params: {model: openai/m, api_base: 'http://a/v1'}\n"
                          "  model_info: {input_cost_per_token: 4.2e-07, cache_read_input_token_cost: 0.000000042, output_cost_per_token: 0.0000011}\n"));
  ASSERT_TRUE(config.models[0].price.has_value());
  EXPECT_EQ(config.models[0].price->input.nano_usd, 420'000'000);
  EXPECT_EQ(config.models[0].price->cached_input->nano_usd, 42'000'000);
  EXPECT_EQ(config.models[0].price->output.nano_usd, 1'100'000'000);
}

TEST(ImportLitellm, OnlyWildcardsServeWhatIsListed) {
  const Imported imported = import_of("model_list:\n- {model_name: '*', litellm_params: {model: 'openai/*', api_key: os.environ/K}}\n");
  EXPECT_TRUE(config_of(imported).models.empty());
  EXPECT_EQ(finding_of(imported, "model_list[0].model_name").verdict, Verdict::approximate);
}

TEST(ImportLitellm, NamesThatDifferByCaseAloneAreToldAndNotWritten) {
  const Imported imported = import_of(
      "model_list:\n- {model_name: M, litellm_params: {model: openai/a, api_base: 'http://a/v1'}}\n- {model_name: m, litellm_params: {model: openai/b, "
      "api_base: 'http://a/v1'}}\n");
  EXPECT_EQ(config_of(imported).models.size(), 1U);
  EXPECT_EQ(finding_of(imported, "model_list[1].model_name").verdict, Verdict::manual);
}

TEST(ImportLitellm, WithNothingToServeThereIsNoConfig) {
  const std::string yaml = "model_list:\n- {model_name: m, litellm_params: {model: bedrock/m}}\n";
  const Imported imported = import_of(yaml);
  EXPECT_EQ(imported.toml, "");
  expect_every_leaf_told(yaml, imported);
  EXPECT_FALSE(import_litellm("- a\n").has_value());
  EXPECT_FALSE(import_litellm("router_settings: {}\n").has_value());
}

}  // namespace
}  // namespace bellwether::importing
