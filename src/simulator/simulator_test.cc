#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "simulator/fault.h"
#include "simulator/flavor.h"
#include "simulator/words.h"

namespace bellwether::simulator {
namespace {

TEST(Faults, AreReadWithTheirArgument) {
  EXPECT_EQ(*parse_fault("cut:5"), (Fault{.kind = FaultKind::cut, .count = 5, .wait = std::chrono::milliseconds(500)}));
  EXPECT_EQ(parse_fault("slow-first:2s")->wait, std::chrono::seconds(2));
  EXPECT_EQ(parse_fault("429-bare")->kind, FaultKind::busy_bare);
  for (const char* text : {"", "cat", "cut:", "cut:x", "503:1", "slow-first:2", "slow-first:-1ms"}) EXPECT_FALSE(parse_fault(text)) << text;
  EXPECT_NE(parse_fault("cat").error().about.text.find("cut-role"), std::string::npos);
}

TEST(Faults, AreAskedForByTheModelsName) {
  EXPECT_FALSE(*fault_of_model("gpt-4o-mini"));
  EXPECT_EQ((**fault_of_model("fault-503")).kind, FaultKind::unavailable);
  EXPECT_FALSE(fault_of_model("fault-cat"));
}

TEST(Words, DependOnSeedAndQuestionAlone) {
  const Words one{1, "q"}, same{1, "q"}, other_seed{2, "q"}, other_question{1, "r"};
  std::string a, b, c, d;
  for (std::uint64_t i = 0; i < 50; ++i) {
    a += one.at(i);
    b += same.at(i);
    c += other_seed.at(i);
    d += other_question.at(i);
  }
  EXPECT_EQ(a, b);
  EXPECT_NE(a, c);
  EXPECT_NE(a, d);
}

TEST(Flavors, SayJsonEverywhere) {
  for (const Flavor flavor : {Flavor::openai, Flavor::deepseek, Flavor::vllm, Flavor::llama_server}) {
    for (int trouble = 0; trouble <= static_cast<int>(Trouble::not_found); ++trouble) {
      const ErrorReply reply = error_of(flavor, static_cast<Trouble>(trouble), "a\"b");
      EXPECT_TRUE(reply.body.empty() || nlohmann::json::parse(reply.body).contains("error")) << reply.body;
    }
    const auto usage = nlohmann::json::parse(usage_json(flavor, {.prompt = 10, .cached = 4, .reasoning = 2, .completion = 6}));
    EXPECT_EQ(usage["total_tokens"], 16);
    EXPECT_EQ(nlohmann::json::parse(models_json(flavor, {"a", "b"}))["data"].size(), 2U);
  }
}

}  // namespace
}  // namespace bellwether::simulator
