#include "http/head.h"

#include <gtest/gtest.h>

#include "support/llhttp_oracle.h"

namespace bellwether::http {
namespace {

using Status = HeadResult::Status;

HeadResult parse(std::string_view text, RequestHead& head) {
  std::size_t scanned = 0;
  return parse_request_head(text, scanned, head);
}

TEST(RequestHead, ReadsWhatTheSdksSend) {
  const std::string text =
      "POST /v1/chat/completions?a=b HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAccept: application/json\r\nContent-Type: application/json\r\n"
      "User-Agent: OpenAI/Python 3.3.1\r\nAuthorization:  Bearer hs_x \r\nContent-Length: 12\r\n\r\n{\"model\":1}";
  RequestHead head;
  const HeadResult result = parse(text, head);
  ASSERT_EQ(result.status, Status::complete);
  EXPECT_EQ(text.substr(result.size), "{\"model\":1}");
  EXPECT_EQ(head.method, Method::post);
  EXPECT_EQ(head.path, "/v1/chat/completions");
  EXPECT_EQ(head.query, "a=b");
  EXPECT_EQ(head.fields.find("authorization"), "Bearer hs_x");
  EXPECT_EQ(head.framing.length, 12U);
  EXPECT_TRUE(head.keep_alive);
}

TEST(RequestHead, AsksForMoreUntilTheBlankLine) {
  const std::string text = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  std::size_t scanned = 0;
  for (std::size_t size = 0; size < text.size(); ++size) {
    RequestHead head;
    EXPECT_EQ(parse_request_head(std::string_view(text).substr(0, size), scanned, head).status, Status::needs_more) << size;
  }
  RequestHead head;
  EXPECT_EQ(parse_request_head(text, scanned, head).status, Status::complete);
}

TEST(RequestHead, RefusesWhatTwoReadersCouldTakeDifferently) {
  const std::string_view bad[] = {
      "GET / HTTP/1.1\nHost: a\n\n",
      "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nX: b\rc\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nnocolon\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
      "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
      "GET / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
      "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\n",
      "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET / \r\nHost: a\r\n\r\n",
      "GE\x01T / HTTP/1.1\r\nHost: a\r\n\r\n",
      "{\"model\":1}\r\n\r\n",
      "\x16\x03\x01",
      "GET http:///v1/models HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET http://?a HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET http://x#/v1/models HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /v1/models#a HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a b,c\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n",
  };
  for (const std::string_view text : bad) {
    RequestHead head;
    const HeadResult result = parse(text, head);
    EXPECT_EQ(result.status, Status::bad) << text;
    EXPECT_FALSE(result.why.empty());
  }
}

TEST(RequestHead, RefusesNulAtOnce) {
  RequestHead head;
  EXPECT_EQ(parse(std::string_view("GET /\0", 6), head).status, Status::bad);
}

TEST(RequestHead, BoundsItsSizeAndItsFields) {
  RequestHead head;
  const HeadResult large = parse("GET / HTTP/1.1\r\nX: " + std::string(70'000, 'a'), head);
  EXPECT_EQ(large.status, Status::bad);
  EXPECT_EQ(large.reason, Reason::request_too_large);
  std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 200; ++i) many += "X: b\r\n";
  const std::string text = many + "\r\n";
  EXPECT_EQ(parse(text, head).reason, Reason::request_too_large);
}

TEST(RequestHead, KnowsWhetherTheConnectionStays) {
  for (const auto& [text, stays] : {std::pair{"GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n", false},
                                    {"GET / HTTP/1.0\r\n\r\n", false},
                                    {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true}}) {
    RequestHead head;
    ASSERT_EQ(parse(text, head).status, Status::complete);
    EXPECT_EQ(head.keep_alive, stays);
  }
}

TEST(RequestHead, KnowsExpectations) {
  RequestHead head;
  ASSERT_EQ(parse("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n\r\n", head).status, Status::complete);
  EXPECT_TRUE(head.expects_continue);
  ASSERT_EQ(parse("PUT / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", head).status, Status::complete);
  EXPECT_TRUE(head.expects_other);
}

TEST(RequestHead, TakesPathAndQueryOutOfAnAbsoluteTarget) {
  RequestHead head;
  ASSERT_EQ(parse("GET http://x.y/v1/models?q HTTP/1.1\r\nHost: a\r\n\r\n", head).status, Status::complete);
  EXPECT_EQ(head.path, "/v1/models");
  EXPECT_EQ(head.query, "q");
}

TEST(RequestHead, EndsAnAuthorityWhereItEnds) {
  for (const auto& [target, path, query] :
       {std::tuple{"http://x?a=/v1/models", "/", "a=/v1/models"}, {"http://x", "/", ""}, {"HTTP://x/", "/", ""}, {"?a", "", ""}}) {
    RequestHead head;
    const std::string text = std::string("GET ") + target + " HTTP/1.1\r\nHost: [::1]:80\r\n\r\n";
    const HeadResult result = parse(text, head);
    EXPECT_EQ(result.status, *path == '\0' ? Status::bad : Status::complete) << target;
    if (result.status != Status::complete) continue;
    EXPECT_EQ(head.path, path) << target;
    EXPECT_EQ(head.query, query) << target;
  }
}

TEST(RequestHead, ExpectsNothingOfHttp10) {
  RequestHead head;
  EXPECT_EQ(parse("POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n", head).status, Status::complete);
  EXPECT_FALSE(head.expects_continue || head.expects_other);
}

TEST(RequestHead, SkipsEmptyLinesInFront) {
  RequestHead head;
  const std::string text = "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
  EXPECT_EQ(parse(text, head).size, text.size());
}

TEST(ReplyHead, ReadsStatusAndFraming) {
  ReplyHead head;
  std::size_t scanned = 0;
  ASSERT_EQ(parse_reply_head("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", scanned, head).status, Status::complete);
  EXPECT_EQ(head.status, 200);
  EXPECT_TRUE(head.framing.chunked);
  scanned = 0;
  ASSERT_EQ(parse_reply_head("HTTP/1.1 204\r\nContent-Length: 5\r\n\r\n", scanned, head).status, Status::complete);
  EXPECT_EQ(head.framing.length, 0U);
}

TEST(PercentDecode, ResolvesEscapes) {
  EXPECT_EQ(percent_decode("org%2Fname"), "org/name");
  for (const char* text : {"%", "%1", "%zz", "%00"}) EXPECT_EQ(percent_decode(text), std::nullopt) << text;
}

TEST(Head, FindsAControlCharacterAtEveryPlaceOfALine) {
  for (std::size_t length = 1; length < 40; ++length) {
    for (std::size_t at = 0; at < length; ++at) {
      for (const char c : {'\x00', '\x01', '\x1F', '\x7F', '\t', '\x80', '\xFF', '~', ' '}) {
        std::string value(length, 'v');
        value[at] = c;
        const std::string head = "GET / HTTP/1.1\r\nhost: h\r\nx: a" + value + "z\r\n\r\n";
        std::size_t scanned = 0;
        RequestHead parsed;
        const bool taken = parse_request_head(head, scanned, parsed).status == HeadResult::Status::complete;
        const auto byte = static_cast<unsigned char>(c);
        EXPECT_EQ(taken, c == '\t' || (byte >= 0x20 && byte != 0x7F)) << length << " " << at << " " << static_cast<int>(byte);
      }
    }
  }
}

TEST(Head, SeesWhatLlhttpSees) {
  for (const std::string_view text :
       {"GET / HTTP/1.1\r\nhost: h\r\n\r\n", "POST /v1/chat/completions HTTP/1.1\r\nHost:h\r\nX-Empty:\r\nX-Spaced: \t a b \t \r\ncontent-length: 0\r\n\r\n",
        "\r\n\r\nHEAD /a HTTP/1.0\r\n\r\n", "DELETE /x HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\nx: \x80\xFF\r\n\r\n"}) {
    RequestHead head;
    std::size_t scanned = 0;
    ASSERT_EQ(parse_request_head(text, scanned, head).status, HeadResult::Status::complete) << text;
    const auto oracle = tests::read_by_llhttp(text, HTTP_REQUEST);
    ASSERT_TRUE(oracle) << text;
    EXPECT_EQ(head.method_text, oracle->method);
    EXPECT_EQ(head.path, oracle->target);
    ASSERT_EQ(head.fields.all().size(), oracle->fields.size());
    for (std::size_t i = 0; i < oracle->fields.size(); ++i) {
      EXPECT_EQ(head.fields.all()[i].name, oracle->fields[i].first);
      EXPECT_EQ(head.fields.all()[i].value, oracle->fields[i].second);
    }
  }
  for (const std::string_view text : {"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 204 \r\nx: y\r\n\r\n", "HTTP/1.0 503 Service Unavailable\r\n\r\n"}) {
    ReplyHead head;
    std::size_t scanned = 0;
    ASSERT_EQ(parse_reply_head(text, scanned, head).status, HeadResult::Status::complete) << text;
    const auto oracle = tests::read_by_llhttp(text, HTTP_RESPONSE);
    ASSERT_TRUE(oracle) << text;
    EXPECT_EQ(head.status, oracle->status);
  }
}

TEST(Head, RefusesFirstLinesThatAreNone) {
  for (const std::string_view line :
       {"GET", "GET /", "GET  / HTTP/1.1", "GET / HTTP/1.1 ", "GET /  HTTP/1.1", "GET / a HTTP/1.1", "GET / http/1.1", "GET / HTTP/11", "G(T / HTTP/1.1",
        " GET / HTTP/1.1", "GET / HTTP/1.1x", "/ HTTP/1.1", "GET HTTP/1.1", "GET\t/\tHTTP/1.1", "GET / HTTP/2.0", "GET / HTTP/1.2", "GET / HTTP/0.9"}) {
    RequestHead head;
    std::size_t scanned = 0;
    EXPECT_EQ(parse_request_head(std::string(line) + "\r\nhost: h\r\n\r\n", scanned, head).status, HeadResult::Status::bad) << line;
  }
  for (const std::string_view line :
       {"HTTP/1.1", "HTTP/1.1 ", "HTTP/1.1 20", "HTTP/1.1 2000", "HTTP/1.1 200OK", "HTTP/1.1  200", "HTTP/1.1 -20", "HTTP/1.1 2 0", "HTTP/2.0 200 OK",
        "ICY 200 OK", "HTTP/1.1 099 x", "HTTP/1.1 600 x", "http/1.1 200 OK", "HTTP/1.1\t200"}) {
    ReplyHead head;
    std::size_t scanned = 0;
    EXPECT_EQ(parse_reply_head(std::string(line) + "\r\n\r\n", scanned, head).status, HeadResult::Status::bad) << line;
  }
}

}  // namespace
}  // namespace bellwether::http
