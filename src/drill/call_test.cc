#include "drill/call.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bellwether::drill {
namespace {

constexpr std::string_view expected = "one two three";
constexpr std::string_view usage = R"("usage":{"prompt_tokens":3,"completion_tokens":3,"total_tokens":6})";

std::string event(std::string_view json) { return "data: " + std::string(json) + "\n\n"; }
std::string text(std::string_view text) { return event(R"({"choices":[{"delta":{"content":")" + std::string(text) + R"("},"finish_reason":null}]})"); }
std::string finish() { return event(R"({"choices":[{"delta":{},"finish_reason":"stop"}],"x_source":"a",)" + std::string(usage) + "}"); }
const std::string done = event("[DONE]");
const std::string error = event(R"({"error":{"message":"the upstream broke off","type":"upstream_error"}})");

Verdict of_stream(std::string_view bytes, Ending ending = Ending::complete, std::string_view first = "a") {
  CallReader reader;
  reader.head(200, "text/event-stream; charset=utf-8", first);
  // In small pieces, as a network gives them.
  for (std::size_t at = 0; at < bytes.size(); at += 7) reader.piece(bytes.substr(at, 7));
  return judge(std::move(reader).end(ending), expected, Source::needed);
}

Verdict of_whole(int status, std::string_view body, Ending ending = Ending::complete) {
  CallReader reader;
  reader.head(status, "application/json", "a");
  reader.piece(body);
  return judge(std::move(reader).end(ending), expected, Source::needed);
}

std::string whole(std::string_view said, std::string_view more) {
  return R"({"choices":[{"message":{"content":")" + std::string(said) + R"("},"finish_reason":"stop"}],)" + std::string(more) + "}";
}
const std::string accounted = std::string(usage) + R"(,"x_source":"a")";

TEST(Verdict, WholeAnswersAreServed) {
  EXPECT_EQ(of_stream(text("one two") + text(" three") + finish() + done), Verdict::served);
  EXPECT_EQ(of_whole(200, whole(expected, accounted)), Verdict::served);
}

TEST(Verdict, AnAnswerThatAnotherUpstreamEndedWasRescued) {
  EXPECT_EQ(of_stream(text("one two") + text(" three") + finish() + done, Ending::complete, "b"), Verdict::rescued);
}

TEST(Verdict, ErrorsAreCleanAsLongAsNothingBeforeThemWasWrong) {
  EXPECT_EQ(of_whole(503, R"({"error":{"message":"no upstream","type":"upstream_error"}})"), Verdict::clean_error);
  EXPECT_EQ(of_stream(text("one") + error, Ending::broken), Verdict::clean_error);
  EXPECT_EQ(of_stream(text("four") + error, Ending::broken), Verdict::wrong_text);
  EXPECT_EQ(of_stream(text(expected) + finish() + error), Verdict::garbled);
  EXPECT_EQ(of_stream(text("one") + error + done), Verdict::garbled);
  EXPECT_EQ(of_whole(502, "<html>Bad Gateway</html>"), Verdict::garbled);
}

TEST(Verdict, ATruncatedAnswerThatLooksCompleteIsWorse) {
  EXPECT_EQ(of_stream(text("one two") + finish() + done), Verdict::truncated);
  EXPECT_EQ(of_stream(text("one two") + done), Verdict::truncated);
  EXPECT_EQ(of_stream(text("one two")), Verdict::truncated);
  EXPECT_EQ(of_whole(200, whole("one two", accounted)), Verdict::truncated);
}

TEST(Verdict, WhatIsRepeatedOrLostIsWrongText) {
  EXPECT_EQ(of_stream(text("one two") + text("two three") + finish() + done), Verdict::wrong_text);
  EXPECT_EQ(of_stream(text("one") + text("three") + finish() + done), Verdict::wrong_text);
}

TEST(Verdict, TwoEndsAreGarbled) {
  EXPECT_EQ(of_stream(text(expected) + finish() + finish() + done), Verdict::garbled);
  EXPECT_EQ(of_stream(text("one two") + finish() + text(" three") + done), Verdict::garbled);
  EXPECT_EQ(of_stream(text("one") + event(R"({"choices":[{"ind)") + done), Verdict::garbled);
}

TEST(Verdict, AConnectionThatEndsWithoutAWordIsBrokenOff) {
  EXPECT_EQ(of_stream(text("one"), Ending::broken), Verdict::broken_off);
  EXPECT_EQ(of_whole(200, R"({"choices":[{"mess)", Ending::broken), Verdict::broken_off);
  EXPECT_EQ(judge(Call{}, expected, Source::needed), Verdict::broken_off);
}

TEST(Verdict, WhatDoesNotEndHangs) { EXPECT_EQ(of_stream(text("one"), Ending::timed_out), Verdict::hung); }

TEST(Verdict, AnAnswerMustSayWhatItTookAndWhoGaveIt) {
  EXPECT_EQ(of_whole(200, whole(expected, usage)), Verdict::unaccounted);
  EXPECT_EQ(of_whole(200, whole(expected, R"("x_source":"a")")), Verdict::unaccounted);
  EXPECT_EQ(of_whole(200, whole(expected, R"("x_source":"a","usage":{"prompt_tokens":3,"completion_tokens":3,"total_tokens":7})")), Verdict::unaccounted);
}

TEST(Verdict, EveryNameIsThere) {
  EXPECT_EQ(verdict_names[static_cast<std::size_t>(Verdict::unaccounted)], "unaccounted");
  EXPECT_TRUE(is_worse(Verdict::truncated) && is_worse(Verdict::unaccounted) && !is_worse(Verdict::clean_error));
}

}  // namespace
}  // namespace bellwether::drill
