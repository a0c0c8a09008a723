#include "sse/framer.h"

#include <gtest/gtest.h>

#include <vector>

namespace bellwether::sse {
namespace {

/// All events' data of a stream that arrives in pieces of `size` bytes; comments as "#".
std::vector<std::string> read_all(std::string_view stream, std::size_t size) {
  Framer framer;
  std::vector<std::string> seen;
  Event event;
  for (std::size_t at = 0; at < stream.size(); at += size) {
    framer.feed(stream.substr(at, size));
    while (framer.next(event) == Framer::Status::event) seen.push_back(event.has_data ? std::string(event.data) : "#");
  }
  if (framer.finish(event)) seen.push_back(std::string(event.data));
  return seen;
}

using Events = std::vector<std::string>;

TEST(Framer, FindsTheSameEventsHoweverTheBytesAreSplit) {
  for (const std::string end : {"\n", "\r\n", "\r"}) {
    const std::string stream =
        "\xEF\xBB\xBF"
        "data: {\"a\":\"안녕\"}" +
        end + end + ": keep-alive" + end + end + "event: x" + end + "data:one" + end + "data: two" + end + end + end + "data: [DONE]" + end + end;
    for (std::size_t size = 1; size <= stream.size(); ++size)
      EXPECT_EQ(read_all(stream, size), (Events{"{\"a\":\"안녕\"}", "#", "one\ntwo", "[DONE]"})) << size << " " << static_cast<int>(end.size());
  }
}

TEST(Framer, GivesALastEventWithoutItsBlankLine) { EXPECT_EQ(read_all("data: a\n\ndata: [DONE]\n", 7), (Events{"a", "[DONE]"})); }

TEST(Framer, DoesNotGiveALineThatWasCut) {
  EXPECT_EQ(read_all("data: a\n\ndata: {\"x", 5), (Events{"a"}));
  Framer framer;
  Event event;
  framer.feed("data: {\"x");
  EXPECT_EQ(framer.next(event), Framer::Status::needs_more);
  EXPECT_TRUE(framer.mid_event());
}

TEST(Framer, BoundsAnEvent) {
  Framer framer{100};
  Event event;
  const std::string long_line = "data: " + std::string(60, 'x');
  framer.feed(long_line);
  EXPECT_EQ(framer.next(event), Framer::Status::needs_more);
  framer.feed(long_line);
  EXPECT_EQ(framer.next(event), Framer::Status::too_large);
}

}  // namespace
}  // namespace bellwether::sse
