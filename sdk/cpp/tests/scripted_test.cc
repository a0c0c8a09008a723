// Replies that the simulator does not give: byte for byte, from a socket of the test's own.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "world.h"

namespace bellwether::testing {
namespace {

/// Answers the n-th request with the n-th text (the last again and again) and then closes, or keeps the connection for the next request.
class Scripted {
 public:
  enum class After : std::uint8_t { close, keep };
  explicit Scripted(std::vector<std::string> replies, After after = After::close)
      : replies_{std::move(replies)}, after_{after}, listener_{::socket(AF_INET, SOCK_STREAM, 0)} {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), size), 0);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    EXPECT_EQ(::listen(listener_, 16), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread{[this](const std::stop_token& stop) { serve(stop); }};
  }
  ~Scripted() {
    thread_.request_stop();
    thread_.join();
    ::close(listener_);
  }
  Scripted(const Scripted&) = delete;
  Scripted& operator=(const Scripted&) = delete;

  [[nodiscard]] int requests() const { return requests_; }
  [[nodiscard]] ClientOptions options(int retries = 0) const {
    return hasty({.base_url = "http://127.0.0.1:" + std::to_string(port_) + "/v1", .key_check = KeyCheck::none}, retries);
  }

 private:
  [[nodiscard]] static bool readable(int fd, const std::stop_token& stop) {
    pollfd watched{fd, POLLIN, 0};
    while (!stop.stop_requested())
      if (::poll(&watched, 1, 10) > 0) return true;
    return false;
  }
  void serve(const std::stop_token& stop) {
    while (readable(listener_, stop)) {
      const int fd = ::accept(listener_, nullptr, nullptr);
      while (answer_one(fd, stop) && after_ == After::keep) {}
      ::close(fd);
    }
  }
  [[nodiscard]] bool answer_one(int fd, const std::stop_token& stop) {
    std::string request;
    std::size_t wanted = std::string::npos;
    while (request.size() < wanted) {
      std::array<char, 4096> piece;
      if (!readable(fd, stop)) return false;
      const ssize_t size = ::recv(fd, piece.data(), piece.size(), 0);
      if (size <= 0) return false;
      request.append(piece.data(), static_cast<std::size_t>(size));
      const std::size_t head = request.find("\r\n\r\n"), length = request.find("content-length: ");
      if (head != std::string::npos) wanted = head + 4 + (length < head ? static_cast<std::size_t>(std::stoul(request.substr(length + 16))) : 0);
    }
    const std::string& reply = replies_[std::min<std::size_t>(static_cast<std::size_t>(requests_++), replies_.size() - 1)];
    if (reply.empty()) return false;  // Hangs up instead of answering.
    return ::send(fd, reply.data(), reply.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(reply.size());
  }

  const std::vector<std::string> replies_;
  const After after_;
  const int listener_;
  std::uint16_t port_ = 0;
  std::atomic<int> requests_ = 0;
  std::jthread thread_;
};

std::string reply(const std::string& status, const std::string& fields, const std::string& body, const std::string& type = "application/json") {
  return "HTTP/1.1 " + status + "\r\n" + fields + "content-type: " + type + "\r\ncontent-length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string answer(const std::string& text) {
  return reply("200 OK", "",
               R"({"id":"a","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":")" + text + R"("},"finish_reason":"stop"}]})");
}

std::string stream(const std::string& events) { return reply("200 OK", "x-request-id: r1\r\n", events, "text/event-stream"); }

std::string chunk(int choice, const std::string& text, const std::string& finish = "null") {
  return "data: {\"id\":\"a\",\"choices\":[{\"index\":" + std::to_string(choice) + ",\"delta\":{\"content\":\"" + text + "\"},\"finish_reason\":" + finish +
         "}]}\n\n";
}

std::optional<Error> end_of(const std::string& events) {
  const Scripted server{{stream(events)}};
  return hear(Client{server.options()}.chat_stream(ask())).error;
}

TEST(Ending, IsWholeWithDoneOrWithEveryFinishReason) {
  EXPECT_FALSE(end_of(chunk(0, "a") + chunk(0, "", "\"stop\"") + "data: [DONE]\n\n"));
  EXPECT_FALSE(end_of(chunk(0, "a") + "data: [DONE]\n\n"));
  EXPECT_FALSE(end_of(chunk(0, "a") + chunk(0, "", "\"stop\"")));
  EXPECT_FALSE(end_of(chunk(0, "a") + chunk(1, "b") + chunk(1, "", "\"stop\"") + chunk(0, "", "\"length\"")));
  EXPECT_FALSE(end_of(chunk(0, "a", "\"stop\"") + "data: [DONE]\n"));
  EXPECT_FALSE(end_of(chunk(0, "a", "\"stop\"") + "data: [DONE]\n\ndata: garbage\n\n"));
}

TEST(Ending, OfAnythingElseIsACut) {
  for (const std::string& events : {std::string{}, std::string(": only a comment\n\n"), chunk(0, "a"), chunk(0, "a") + chunk(1, "b", "\"stop\""),
                                    chunk(0, "a") + "data: {\"id\":", chunk(0, "a") + "data: {\"id\"\n\n", chunk(0, "a") + "data: [1]\n\n",
                                    chunk(0, "a") + "data: {\"error\":{\"message\":\"no\"}}\n\ndata: [DONE]\n\n"}) {
    const std::optional<Error> error = end_of(events);
    ASSERT_TRUE(error) << events;
    EXPECT_EQ(error->kind, ErrorKind::stream_cut) << error->to_string();
    EXPECT_EQ(error->request_id, "r1");
  }
}

TEST(RetryRule, IsOverruledByTheServersOwnWord) {
  const Scripted no{{reply("500 Oh", "x-should-retry: false\r\n", "{}")}},
      yes{{reply("400 Oh", "x-should-retry: true\r\nretry-after-ms: 5\r\n", "{}"), answer("hi")}};
  EXPECT_EQ(Client{no.options(2)}.chat(ask()).error().attempts, 1);
  EXPECT_EQ(no.requests(), 1);
  const Result<ChatCompletion> second = Client{yes.options(2)}.chat(ask());
  ASSERT_TRUE(second) << second.error().to_string();
  EXPECT_EQ(second->text(), "hi");
  EXPECT_EQ(yes.requests(), 2);
}

TEST(RetryRule, IsNotMadeWhereTheServerAsksForMoreThanTwoMinutes) {
  const Scripted server{{reply("429 Oh", "retry-after: 121\r\nx-should-retry: true\r\n", "{}")}};
  const Result<ChatCompletion> refused = Client{server.options(2)}.chat(ask());
  EXPECT_EQ(refused.error().retry_after, std::chrono::seconds(121));
  EXPECT_FALSE(refused.error().retryable());
  EXPECT_EQ(server.requests(), 1);
}

TEST(RetryRule, TakesMillisecondsBeforeSeconds) {
  const Scripted server{{reply("503 Oh", "retry-after-ms: 1.5\r\nretry-after: 100\r\n", "{}"), answer("hi")}};
  EXPECT_TRUE(Client{server.options(1)}.chat(ask()));
}

TEST(Connection, ThatWasClosedWhileItLayUnusedIsReplaced) {
  const Scripted server{{answer("one"), "", answer("two")}, Scripted::After::keep};
  const Client client{server.options(0)};
  EXPECT_EQ(client.chat(ask())->text(), "one");
  const Result<ChatCompletion> second = client.chat(ask());
  ASSERT_TRUE(second) << second.error().to_string();
  EXPECT_EQ(second->text(), "two");
  EXPECT_EQ(server.requests(), 3);
}

TEST(Reply, ThatIsNoHttpOrNoAnswerIsTold) {
  const Scripted garbage{{"garbage\r\n\r\n"}}, page{{reply("200 OK", "", "<html>", "text/html")}}, moved{{reply("302 Found", "location: /elsewhere\r\n", "")}},
      empty{{reply("200 OK", "", "")}}, list{{reply("200 OK", "", "[]")}};
  EXPECT_EQ(Client{garbage.options()}.chat(ask()).error().kind, ErrorKind::connection);
  EXPECT_EQ(Client{page.options()}.chat(ask()).error().code, "unreadable_reply");
  EXPECT_EQ(Client{moved.options()}.chat(ask()).error().kind, ErrorKind::other_status);
  EXPECT_EQ(Client{empty.options()}.chat(ask()).error().code, "unreadable_reply");
  EXPECT_EQ(Client{list.options()}.chat(ask()).error().code, "unreadable_reply");
  EXPECT_EQ(hear(Client{list.options()}.chat_stream(ask())).error->code, "not_a_stream");
}

TEST(Reply, OfToolsAndReasoningHasTypedMembers) {
  const Scripted server{
      {reply("200 OK", "x-request-id: r7\r\n",
             R"({"id":"a","created":1.7e9,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":null,)"
             R"("reasoning_content":"so \"then\"","tool_calls":[{"id":"t1","type":"function","function":{"name":"f","arguments":"{\"x\": 1}"}}]},)"
             R"("finish_reason":"tool_calls"}],"usage":{"prompt_tokens":5,"completion_tokens":3,"total_tokens":8,)"
             R"("prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":2}},"x_latency_ms":12.5,"x_source":"here"})")}};
  const Result<ChatCompletion> got = Client{server.options()}.chat(ask());
  ASSERT_TRUE(got) << got.error().to_string();
  const ReplyMessage& message = got->choices.at(0).message;
  EXPECT_EQ(message.reasoning, "so \"then\"");
  ASSERT_EQ(message.tool_calls.size(), 1u);
  EXPECT_EQ(message.tool_calls[0].name, "f");
  EXPECT_EQ(message.tool_calls[0].arguments, R"({"x": 1})");
  EXPECT_EQ(got->created, 1'700'000'000);
  EXPECT_EQ(got->usage->cached_tokens, 4);
  EXPECT_EQ(got->usage->reasoning_tokens, 2);
  EXPECT_EQ(got->x_latency_ms, 12.5);
  EXPECT_EQ(got->x_source, "here");
  EXPECT_EQ(got->request_id, "r7");
}

TEST(Refusal, IsReadInEveryShapeThatServersUse) {
  const std::vector<std::pair<std::string, std::string>> shapes{{R"({"error":{"message":"why","code":"c"}})", "why"},
                                                                {R"({"error":"Unauthorized"})", "Unauthorized"},
                                                                {R"({"object":"error","message":"flat","code":40301})", "flat"},
                                                                {R"({"detail":"Not Found"})", "Not Found"},
                                                                {"<h1>Bad Gateway</h1>", "HTTP 403 Forbidden: <h1>Bad Gateway</h1>"},
                                                                {"", "HTTP 403 Forbidden"}};
  for (const auto& [body, message] : shapes) {
    const Scripted server{{reply("403 No", "", body)}};
    const Result<ChatCompletion> refused = Client{server.options()}.chat(ask());
    EXPECT_EQ(refused.error().kind, ErrorKind::permission_denied);
    EXPECT_EQ(refused.error().message, message);
  }
}

}  // namespace
}  // namespace bellwether::testing
