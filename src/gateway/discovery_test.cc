#include "gateway/discovery.h"

#include <gtest/gtest.h>

namespace bellwether::gateway {
namespace {

TEST(ModelLists, TellNamesAndTheDialect) {
  const auto list = read_model_list(R"({"object":"list","data":[{"id":"a","created":5,"owned_by":"vllm"},{"id":7},{"id":""},3,{"id":"b"}]})");
  ASSERT_TRUE(list);
  ASSERT_EQ(list->models.size(), 2U);
  EXPECT_EQ(list->models[0].created, 5);
  EXPECT_EQ(list->dialect, catalog::DialectName::vllm);
}

TEST(ModelLists, AreRefusedWhenTheyAreNone) {
  for (const char* body : {"", "[]", "{}", R"({"data":{}})", "<html>"}) EXPECT_FALSE(read_model_list(body)) << body;
}

TEST(Merge, RoutesAModelToEveryUpstreamThatListsItInTheirOrder) {
  ModelList one, two;
  one.models = {{"a", 1}, {"b", 1}, {"a", 1}};
  two.models = {{"c", 1}, {"a", 1}};
  const auto models = merge({one, std::nullopt, two});
  ASSERT_EQ(models.size(), 3U);
  EXPECT_EQ(models[0].id, "a");
  ASSERT_EQ(models[0].route.size(), 2U);
  EXPECT_EQ(models[0].route[1].upstream, 2U);
  EXPECT_EQ(models[2].id, "c");
}

}  // namespace
}  // namespace bellwether::gateway
