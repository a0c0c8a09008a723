// What is decided without a socket: addresses, retries, errors out of replies, results.
#include <gtest/gtest.h>

#include "base_url.h"
#include "bellwether/result.hpp"
#include "retry.h"

namespace bellwether::client {
namespace {

TEST(BaseUrl, IsReadIntoItsParts) {
  const auto plain = std::get<BaseUrl>(read_base_url("http://gpu-1:8000/v1/"));
  EXPECT_EQ(plain.host, "gpu-1");
  EXPECT_EQ(plain.port, 8000);
  EXPECT_EQ(plain.path, "/v1");
  EXPECT_FALSE(plain.tls);
  const auto secure = std::get<BaseUrl>(read_base_url("https://[2001:db8::1]/a/v1"));
  EXPECT_EQ(secure.host, "2001:db8::1");
  EXPECT_EQ(secure.port, 443);
  EXPECT_EQ(secure.authority, "[2001:db8::1]");
  EXPECT_TRUE(secure.tls);
  const auto socket = std::get<BaseUrl>(read_base_url("unix:/run/b.sock"));
  EXPECT_EQ(socket.socket_path, "/run/b.sock");
  EXPECT_EQ(socket.path, "/v1");
}

TEST(BaseUrl, ThatCannotBeUsedIsRefused) {
  for (const char* const text : {"", "gpu-1:8000", "ftp://x/v1", "http://", "http://:80/v1", "http://x:0/v1", "http://x:70000/", "http://x:y/",
                                 "http://[::1/v1", "http://u:p@x/v1", "http://x/v1?a=b", "http://x y/", "http://x\r\nevil/", "unix:relative"})
    EXPECT_TRUE(std::holds_alternative<std::string>(read_base_url(text))) << text;
}

Error status(int status, ErrorKind kind) { return {.kind = kind, .http_status = status}; }

TEST(WaitBeforeRetry, GrowsToEightSecondsLessUpToAQuarter) {
  const Error error = status(500, ErrorKind::internal_server);
  using std::chrono::milliseconds;
  EXPECT_EQ(wait_before_retry(error, 0, 9, 0), milliseconds(500));
  EXPECT_EQ(wait_before_retry(error, 1, 9, 0), milliseconds(1000));
  EXPECT_EQ(wait_before_retry(error, 4, 9, 0), milliseconds(8000));
  EXPECT_EQ(wait_before_retry(error, 8, 9, 0), milliseconds(8000));
  EXPECT_EQ(wait_before_retry(error, 0, 9, 1), milliseconds(375));
  EXPECT_EQ(wait_before_retry(error, 2, 2, 0), std::nullopt);
}

TEST(WaitBeforeRetry, ObeysTheServerUpToTwoMinutes) {
  Error error = status(429, ErrorKind::rate_limit);
  error.retry_after = std::chrono::milliseconds(119'500);
  EXPECT_EQ(wait_before_retry(error, 0, 2, 0), std::chrono::milliseconds(119'500));
  error.retry_after = std::chrono::milliseconds(120'001);
  error.should_retry = true;
  EXPECT_EQ(wait_before_retry(error, 0, 2, 0), std::nullopt) << "longer is a no, whatever else it says";
  error.retry_after = std::chrono::milliseconds(0);
  EXPECT_EQ(wait_before_retry(error, 0, 2, 0), std::chrono::milliseconds(500));
}

TEST(Retryable, IsWhatTheKnownClientsRepeat) {
  EXPECT_TRUE(status(408, ErrorKind::other_status).retryable());
  EXPECT_TRUE(status(409, ErrorKind::conflict).retryable());
  EXPECT_TRUE(status(0, ErrorKind::timeout).retryable());
  EXPECT_FALSE(status(402, ErrorKind::other_status).retryable());
  EXPECT_FALSE(status(400, ErrorKind::bad_request).retryable());
  EXPECT_FALSE(status(200, ErrorKind::internal_server).retryable());
  Error told = status(500, ErrorKind::internal_server);
  told.should_retry = false;
  EXPECT_FALSE(told.retryable());
  told = status(400, ErrorKind::bad_request);
  told.should_retry = true;
  EXPECT_TRUE(told.retryable());
}

TEST(Result, HasAThrowingDoor) {
  Result<int> seven{7}, none{Error{.kind = ErrorKind::timeout, .message = "too slow"}};
  EXPECT_EQ(seven.value(), 7);
  EXPECT_EQ(none.value_or(3), 3);
  EXPECT_EQ(*seven.and_then([](int n) { return Result<long>{n * 2L}; }), 14);
  EXPECT_EQ(*seven.transform([](int n) { return std::to_string(n); }), "7");
  EXPECT_EQ(*none.or_else([](const Error&) { return Result<int>{1}; }), 1);
  try {
    std::ignore = none.value();
    FAIL();
  } catch (const Exception& exception) {
    EXPECT_EQ(exception.error().kind, ErrorKind::timeout);
    EXPECT_STREQ(exception.what(), "timeout: too slow");
  }
}

}  // namespace
}  // namespace bellwether::client
