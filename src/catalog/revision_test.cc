#include "catalog/revision.h"

#include <gtest/gtest.h>

namespace bellwether::catalog {
namespace {

Model model(std::string id, std::vector<std::string> aliases = {}) {
  Model made;
  made.id = std::move(id);
  made.aliases = std::move(aliases);
  made.route.push_back({.upstream = 0, .model = made.id, .weight = 1, .defaults = {}});
  return made;
}

Revision revision() {
  Upstream upstream;
  upstream.name = "a";
  return Revision{1, {upstream}, {model("deepseek-chat", {"deepseek-v3", "DeepSeek-V3"}), model("gpt"), model("GPT-X", {"Gpt"})}};
}

TEST(Revision, FindsByIdThenAliasThenWithoutCase) {
  const Revision catalog = revision();
  EXPECT_EQ(catalog.find("deepseek-chat")->id, "deepseek-chat");
  EXPECT_EQ(catalog.find("deepseek-v3")->id, "deepseek-chat");
  EXPECT_EQ(catalog.find("DEEPSEEK-CHAT")->id, "deepseek-chat");
  EXPECT_EQ(catalog.find("Gpt")->id, "GPT-X");
  EXPECT_EQ(catalog.find("GPT")->id, "gpt");
  EXPECT_EQ(catalog.find("gpt-x")->id, "GPT-X");
  EXPECT_EQ(catalog.find("nothing"), nullptr);
}

TEST(Revision, NamesTheNearestModelsWhenNoneFits) {
  const auto result = revision().resolve("deepseek-caht");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().reason, Reason::model_unknown);
  EXPECT_EQ(result.error().param, "model");
  EXPECT_TRUE(result.error().about.text.str().starts_with("Model not found: deepseek-caht. Did you mean deepseek-chat")) << result.error().about.text.str();
}

TEST(Revision, RepeatsALongNameOnlyInPart) {
  const auto result = revision().resolve(std::string(5'000, 'x'));
  EXPECT_LT(result.error().about.text.str().size(), 400U);
}

}  // namespace
}  // namespace bellwether::catalog
