// Which side is asked: without a socket and without waiting.
#include "course.h"

#include <gtest/gtest.h>

namespace bellwether::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Error of(ErrorKind kind) { return {.kind = kind, .message = "x"}; }

class CourseTest : public ::testing::Test {
 protected:
  void fail_primary() {
    Course course{breaker, now};
    ASSERT_EQ(course.side(), Source::primary);
    EXPECT_FALSE(course.failed(of(ErrorKind::connection), now));
    ASSERT_EQ(course.side(), Source::fallback);
    course.answered();
  }
  Breaker breaker{3, seconds(10), seconds(300)};
  Moment now{seconds(1000)};
};

TEST_F(CourseTest, LeavesThePrimaryAloneAfterThreeFailuresAndProbesItLater) {
  for (int i = 0; i < 3; ++i) fail_primary();
  EXPECT_TRUE(breaker.resting());
  EXPECT_EQ((Course{breaker, now}.side()), Source::fallback);
  now += seconds(11);
  Course probe{breaker, now};
  EXPECT_EQ(probe.side(), Source::primary);
  EXPECT_EQ((Course{breaker, now}.side()), Source::fallback) << "one probe at a time";
  probe.answered();
  EXPECT_FALSE(breaker.resting());
}

TEST_F(CourseTest, DoublesTheRestAfterAProbeThatFails) {
  for (int i = 0; i < 3; ++i) fail_primary();
  now += seconds(11);
  fail_primary();
  now += seconds(11);
  EXPECT_EQ((Course{breaker, now}.side()), Source::fallback);
  now += seconds(10);
  EXPECT_EQ((Course{breaker, now}.side()), Source::primary);
  EXPECT_EQ((Course{breaker, now}.side()), Source::primary) << "a probe that was left may be made again";
}

TEST_F(CourseTest, TellsTheCallersOwnMistakesAndCountsThemAsHealth) {
  fail_primary();
  fail_primary();
  for (const ErrorKind kind : {ErrorKind::bad_request, ErrorKind::authentication, ErrorKind::permission_denied, ErrorKind::not_found, ErrorKind::unprocessable,
                               ErrorKind::other_status, ErrorKind::cancelled, ErrorKind::invalid_key, ErrorKind::invalid_argument}) {
    Course course{breaker, now};
    const std::optional<Error> told = course.failed(of(kind), now);
    ASSERT_TRUE(told);
    EXPECT_EQ(told->kind, kind);
  }
  fail_primary();
  EXPECT_FALSE(breaker.resting());
}

TEST_F(CourseTest, RestsAtOnceWhenThePrimaryAsksForIt) {
  Course course{breaker, now};
  Error busy = of(ErrorKind::rate_limit);
  busy.retry_after = seconds(60);
  EXPECT_FALSE(course.failed(busy, now));
  now += seconds(59);
  EXPECT_EQ((Course{breaker, now}.side()), Source::fallback);
  now += seconds(2);
  EXPECT_EQ((Course{breaker, now}.side()), Source::primary);
}

TEST_F(CourseTest, TriesARestingPrimaryWhereTheFallbackFails) {
  for (int i = 0; i < 3; ++i) fail_primary();
  Course course{breaker, now};
  EXPECT_EQ(course.side(), Source::fallback);
  EXPECT_FALSE(course.failed(of(ErrorKind::timeout), now));
  EXPECT_EQ(course.side(), Source::primary);
  course.answered();
  EXPECT_FALSE(breaker.resting());
}

TEST_F(CourseTest, SaysWhatBothSidesSaid) {
  Course course{breaker, now};
  Error primary = of(ErrorKind::connection), fallback = of(ErrorKind::timeout);
  primary.message = "nobody there";
  fallback.message = "too slow";
  EXPECT_FALSE(course.failed(primary, now));
  const std::optional<Error> told = course.failed(fallback, now);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->code, "both_sides_failed");
  EXPECT_NE(told->message.find("nobody there"), std::string::npos);
  EXPECT_NE(told->message.find("too slow"), std::string::npos);
}

TEST_F(CourseTest, CountsAStreamThatBrokeOffAsAFailure) {
  for (int i = 0; i < 3; ++i) {
    Course course{breaker, now};
    course.began_to_stream(now);
    course.broke_off(of(ErrorKind::stream_cut), now);
  }
  EXPECT_TRUE(breaker.resting());
}

}  // namespace
}  // namespace bellwether::client
