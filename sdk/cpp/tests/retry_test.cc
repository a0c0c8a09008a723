// What is repeated, how often, and with which fields. Counted by the server.
#include <gtest/gtest.h>

#include <set>

#include "world.h"

namespace bellwether::testing {
namespace {

class Retry : public ::testing::Test {
 protected:
  [[nodiscard]] std::size_t requests_for(const std::string& fault, int retries) {
    sim.forget();
    const Client client{hasty(sim.options(), retries)};
    answer.emplace(client.chat(ask_fault(fault)));
    return sim.requests().size();
  }

  Folder folder;
  Simulator sim{folder};
  std::optional<Result<ChatCompletion>> answer;
};

TEST_F(Retry, FollowsTheRulesOfTheKnownClients) {
  EXPECT_EQ(requests_for("500", 2), 3u);
  EXPECT_EQ(answer->error().attempts, 3);
  EXPECT_EQ(requests_for("429-bare", 1), 2u);
  EXPECT_EQ(requests_for("reset", 2), 3u);
  EXPECT_EQ(requests_for("401", 2), 1u);
  EXPECT_EQ(requests_for("402", 2), 1u);
  EXPECT_EQ(requests_for("422", 2), 1u);
  EXPECT_EQ(requests_for("context-length", 2), 1u);
  EXPECT_EQ(requests_for("200-error", 2), 1u);
  EXPECT_EQ(requests_for("500", 0), 1u);
}

TEST_F(Retry, OfASuccessIsNoneAndAnErrorOnceIsOvercome) {
  EXPECT_EQ(requests_for("500-once", 2), 2u);
  ASSERT_TRUE(*answer) << answer->error().to_string();
  EXPECT_EQ((*answer)->attempts, 2);
  EXPECT_EQ(requests_for("comments", 2), 1u);
}

TEST_F(Retry, WaitsAsLongAsTheServerAsks) {
  EXPECT_EQ(requests_for("429-once:2", 1), 2u);
  ASSERT_TRUE(*answer) << answer->error().to_string();
  const nlohmann::json seen = sim.requests();
  EXPECT_GE(seen.at(1).at("at_ms").get<double>() - seen.at(0).at("at_ms").get<double>(), 1990);
}

TEST_F(Retry, HasOneIdempotencyKeyForACallAndAnotherForTheNext) {
  const Client client{hasty(sim.options(), 1)};
  std::set<std::string> keys;
  for (int call = 0; call < 2; ++call) {
    sim.forget();
    std::ignore = client.chat(ask_fault("500"));
    std::set<std::string> of_call, retry_counts;
    for (const nlohmann::json& request : sim.requests()) {
      of_call.insert(request.at("headers").at("idempotency-key").get<std::string>());
      retry_counts.insert(request.at("headers").at("x-stainless-retry-count").get<std::string>());
    }
    EXPECT_EQ(of_call.size(), 1u);
    EXPECT_EQ(retry_counts, (std::set<std::string>{"0", "1"}));
    keys.merge(of_call);
  }
  EXPECT_EQ(keys.size(), 2u);
}

TEST_F(Retry, OfAStreamHappensBeforeItsReplyAndNeverAfter) {
  const Client client{hasty(sim.options(), 2)};
  EXPECT_FALSE(hear(client.chat_stream(ask_fault("500-once"))).error);
  EXPECT_EQ(sim.requests().size(), 2u);
  sim.forget();
  EXPECT_TRUE(hear(client.chat_stream(ask_fault("cut:2"))).error);
  EXPECT_EQ(sim.requests().size(), 1u);
}

TEST_F(Retry, IsGivenUpWhereTheDeadlineWouldPassFirst) {
  const Client client{sim.options()};
  const Result<ChatCompletion> answer = client.chat(ask_fault("429-once:2"), {.deadline = std::chrono::milliseconds(1500), .max_retries = 5});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::rate_limit);
  EXPECT_EQ(answer.error().attempts, 1);
  EXPECT_EQ(sim.requests().size(), 1u);
}

TEST_F(Retry, EndsWithTheDeadlineOfTheWholeCall) {
  const Client client{sim.options()};
  const Result<ChatCompletion> answer = client.chat(ask_fault("silence"), {.deadline = std::chrono::milliseconds(300)});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::timeout);
  EXPECT_EQ(answer.error().code, "deadline_exceeded");
  EXPECT_EQ(sim.requests().size(), 1u);
}

}  // namespace
}  // namespace bellwether::testing
