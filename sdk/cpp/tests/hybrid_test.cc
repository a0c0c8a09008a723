// The hybrid client before two real servers.
#include "bellwether/hybrid.hpp"

#include <gtest/gtest.h>

#include <coroutine>
#include <future>

#include "world.h"

namespace bellwether::testing {
namespace {

class Hybrid : public ::testing::Test {
 protected:
  [[nodiscard]] HybridOptions options() const {
    return {.primary = {.client = hasty(primary.options()), .model = "deepseek-ai/DeepSeek-V3"},
            .fallback = {.client = hasty(fallback.options()), .models = {{"deepseek-chat", "deepseek-ai/DeepSeek-V3"}}},
            .rest = std::chrono::milliseconds(1)};
  }
  Folder folder;
  Simulator primary{folder, {}, "primary"}, fallback{folder, {}, "fallback"};
};

TEST_F(Hybrid, AsksThePrimaryAndSaysSo) {
  const HybridClient client{options()};
  const Result<HybridAnswer> answer = client.chat(ask());
  ASSERT_TRUE(answer) << answer.error().to_string();
  EXPECT_EQ(answer->source, Source::primary);
  EXPECT_GT(answer->latency_ms, 0);
  EXPECT_TRUE(fallback.requests().empty());
}

TEST_F(Hybrid, FallsBackWhereThePrimaryCannotAndComesBack) {
  const HybridClient client{options()};
  for (const char* const fault : {"500", "429-bare", "reset", "silence", "html-502", "cut:2", "200-error"}) {
    primary.fault(fault);
    const Result<HybridAnswer> answer = client.chat(ask());
    ASSERT_TRUE(answer) << fault << ": " << answer.error().to_string();
    EXPECT_EQ(answer->source, Source::fallback) << fault;
    EXPECT_FALSE(answer->text().empty());
  }
  primary.fault("comments");
  // It rests for a few milliseconds at most; then a probe finds it well.
  Result<HybridAnswer> answer = client.chat(ask());
  while (answer && answer->source == Source::fallback) answer = client.chat(ask());
  ASSERT_TRUE(answer);
  EXPECT_FALSE(client.primary_rests());
}

TEST_F(Hybrid, DoesNotFallBackOnTheCallersMistake) {
  const HybridClient client{options()};
  for (const auto& [fault, kind] : std::vector<std::pair<const char*, ErrorKind>>{
           {"401", ErrorKind::authentication}, {"context-length", ErrorKind::bad_request}, {"422", ErrorKind::unprocessable}}) {
    primary.fault(fault);
    EXPECT_EQ(client.chat(ask()).error().kind, kind);
  }
  EXPECT_TRUE(fallback.requests().empty());
}

TEST_F(Hybrid, SaysWhatBothSaidWhereBothFail) {
  const HybridClient client{options()};
  primary.fault("500");
  fallback.fault("reset");
  const Result<HybridAnswer> answer = client.chat(ask());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, "both_sides_failed");
}

TEST_F(Hybrid, MovesAStreamOnlyBeforeAnythingWasSaid) {
  const HybridClient client{options()};
  for (const char* const fault : {"500", "cut-role", "error-in-stream:0"}) {
    primary.fault(fault);
    HybridStream stream = client.chat_stream(ask());
    std::string text;
    for (auto&& element : stream) {
      ASSERT_TRUE(element) << fault << ": " << element.error().to_string();
      text += element->text();
    }
    EXPECT_EQ(stream.source(), Source::fallback) << fault;
    EXPECT_FALSE(text.empty());
    EXPECT_GT(stream.latency_ms(), 0);
  }
  const HybridClient fresh{options()};
  primary.fault("cut:5");
  fallback.forget();
  std::optional<Error> error;
  int elements = 0;
  for (auto&& element : fresh.chat_stream(ask())) {
    ++elements;
    if (!element) error = element.error();
  }
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind, ErrorKind::stream_cut);
  EXPECT_GT(elements, 1);
  EXPECT_TRUE(fallback.requests().empty());
}

struct Fire {
  struct promise_type {
    Fire get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

Fire ask_both(const HybridClient& client, std::promise<Result<HybridAnswer>>& done) {
  auto answer = co_await client.async_chat(ask());
  done.set_value(std::move(answer));
}

Fire listen(HybridStream stream, std::promise<std::pair<std::string, std::optional<Error>>>& done, Source& source) {
  std::string text;
  std::optional<Error> error;
  for (;;) {
    auto element = co_await stream.next();
    if (!element) break;
    if (*element) text += (*element)->text();
    else error = element->error();
  }
  source = stream.source();
  done.set_value({text, error});
}

TEST_F(Hybrid, IsHeardInACoroutine) {
  const HybridClient client{options()};
  const std::string whole{client.chat(ask())->text()};
  for (const auto& [fault, side] :
       std::vector<std::pair<const char*, Source>>{{"comments", Source::primary}, {"cut-role", Source::fallback}, {"cut:5", Source::primary}}) {
    primary.fault(fault);
    std::promise<std::pair<std::string, std::optional<Error>>> done;
    Source source{};
    listen(client.chat_stream(ask()), done, source);
    const auto [text, error] = done.get_future().get();
    EXPECT_EQ(source, side) << fault;
    EXPECT_EQ(error.has_value(), std::string(fault) == "cut:5");
    if (!error) EXPECT_EQ(text, whole);
  }
}

TEST_F(Hybrid, IsAwaited) {
  const HybridClient client{options()};
  for (const auto& [fault, source] : std::vector<std::pair<const char*, Source>>{{"comments", Source::primary}, {"500", Source::fallback}}) {
    primary.fault(fault);
    std::promise<Result<HybridAnswer>> done;
    ask_both(client, done);
    const Result<HybridAnswer> answer = done.get_future().get();
    ASSERT_TRUE(answer) << answer.error().to_string();
    EXPECT_EQ(answer->source, source);
  }
}

}  // namespace
}  // namespace bellwether::testing
