#include "http/body.h"

#include <gtest/gtest.h>

#include <string>

namespace bellwether::http {
namespace {

using Status = BodyReader::Status;

struct Read {
  std::string content;
  Status status;
  std::size_t consumed;
};

/// Feeds `text` in pieces of `piece` bytes.
Read read_all(BodyReader reader, std::string_view text, std::size_t piece) {
  Read read{{}, Status::needs_more, 0};
  std::size_t fed = 0;
  while (fed < text.size()) {
    std::string_view bytes = text.substr(fed, piece);
    fed += bytes.size();
    while (!bytes.empty()) {
      const BodyReader::Step step = reader.step(bytes);
      read.content += step.content;
      read.consumed += step.consumed;
      read.status = step.status;
      if (step.status == Status::bad || step.status == Status::complete || reader.complete()) {
        if (reader.complete()) read.status = Status::complete;
        return read;
      }
      bytes.remove_prefix(step.consumed);
      if (step.status == Status::needs_more) break;
    }
  }
  return read;
}

const BodyReader chunked{Framing{.chunked = true, .length = {}}, Ends::by_framing};

TEST(BodyReader, ReadsChunksHoweverTheyAreSplit) {
  const std::string text = "5;x=y\r\nhello\r\n1\r\n \r\n05\r\nworld\r\n0\r\nTrailer: x\r\n\r\nNEXT";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    const Read read = read_all(chunked, text, piece);
    EXPECT_EQ(read.content, "hello world");
    EXPECT_EQ(read.status, Status::complete);
    EXPECT_EQ(text.substr(read.consumed), "NEXT");
  }
}

TEST(BodyReader, RefusesOddChunks) {
  for (const char* text : {"g\r\n", "\r\n", "-1\r\n", "0x5\r\n", " 5\r\n", "5 \r\n", "5\nhello", "5\r\nhelloX", "5\r\nhello\n", "11111111111111111\r\n",
                           "5;a\nhello\r\n", "0\r\n\n"})
    EXPECT_EQ(read_all(chunked, text, 1).status, Status::bad) << text;
}

TEST(BodyReader, EndsByLength) {
  const BodyReader reader{Framing{.chunked = false, .length = 5}, Ends::by_framing};
  const Read read = read_all(reader, "helloNEXT", 3);
  EXPECT_EQ(read.content, "hello");
  EXPECT_EQ(read.consumed, 5U);
}

TEST(BodyReader, KnowsACutFromAnEnd) {
  BodyReader by_length{Framing{.chunked = false, .length = 5}, Ends::by_framing};
  EXPECT_FALSE(by_length.end_of_connection());
  BodyReader by_close{Framing{}, Ends::with_connection};
  std::ignore = by_close.step("abc");
  EXPECT_TRUE(by_close.end_of_connection());
  EXPECT_TRUE(BodyReader(Framing{}, Ends::by_framing).complete());
}

TEST(BodyReader, BoundsTheExtensionsOfAChunkAndAllFraming) {
  EXPECT_EQ(read_all(chunked, "5;" + std::string(4'000, 'x') + "\r\nhello\r\n0\r\n\r\n", 100).status, Status::complete);
  EXPECT_EQ(read_all(chunked, "5;" + std::string(5'000, 'x') + "\r\nhello\r\n0\r\n\r\n", 100).status, Status::bad);
  std::string many;
  for (int i = 0; i < 10; ++i) many += "1;" + std::string(2'000, 'x') + "\r\na\r\n";
  EXPECT_EQ(read_all(chunked, many + "0\r\n\r\n", 100).status, Status::bad);
}

TEST(BodyReader, BoundsTrailers) {
  EXPECT_EQ(read_all(chunked, "0\r\nx: " + std::string(16'000, 'x') + "\r\n\r\n", 100).status, Status::complete);
  EXPECT_EQ(read_all(chunked, "0\r\nx: " + std::string(17'000, 'x') + "\r\n\r\n", 100).status, Status::bad);
  std::string many = "0\r\n";
  for (int i = 0; i < 9'000; ++i) many += "x\r\n";
  EXPECT_EQ(read_all(chunked, many + "\r\n", 100).status, Status::bad);
}

}  // namespace
}  // namespace bellwether::http
