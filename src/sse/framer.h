// Server-sent events: bytes in, events out. Accepts what the WHATWG grammar accepts (LF, CR and CRLF line ends, comments,
// `data:` with and without a space, several data lines, a byte order mark at the start), in pieces of any size, split anywhere.
//
// One Framer per stream; not thread-safe. Holds memory only while an event is incomplete.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bellwether::sse {

/// What stood between two blank lines. Views are valid until the next call to `next` or `feed`, and have 64 readable bytes behind
/// them if the fed piece has.
struct Event {
  std::string_view data;   ///< The data lines joined with LF.
  std::string_view name;   ///< The `event:` field; empty when there was none.
  bool is_joined = false;  ///< The data had several lines.
  bool has_data = false;   ///< False for a block of comments only, which is a sign of life and nothing else.
};

class Framer {
 public:
  /// An event longer than `event_bytes_max` makes the stream fail: a bound on memory against an upstream that never ends one.
  explicit Framer(std::size_t event_bytes_max = std::size_t{16} << 20) : event_bytes_max_{event_bytes_max} {}

  /// Gives the next piece of the stream. It must stay valid until `next` has returned `needs_more` or `too_large`. Call only
  /// after `next` asked for more.
  void feed(std::string_view piece);

  enum class Status : std::uint8_t { event, needs_more, too_large };
  /// Takes the next complete event out of what was fed.
  [[nodiscard]] Status next(Event& event);

  /// At the end of the stream: takes a last event that lacks its blank line, if its lines are complete. False if there is none.
  [[nodiscard]] bool finish(Event& event);

  /// Whether bytes of an unfinished event are held. At the end of a stream this means that it was cut within an event.
  [[nodiscard]] bool mid_event() const { return !held_.empty(); }

 private:
  /// The first event of `text`: its length with the blank line, 0 if it is not complete.
  [[nodiscard]] std::size_t find_end(std::string_view text, std::size_t from) const;
  void read_block(std::string_view block, Event& event);

  std::size_t event_bytes_max_;
  std::string_view piece_;  ///< What is left of the fed piece.
  std::string held_;        ///< The start of an event whose end has not come yet.
  std::string block_;       ///< An event that came in pieces, while it is being used.
  std::string joined_;      ///< Several data lines as one.
  bool at_start_ = true;    ///< A byte order mark may come.
  bool skip_feed_ = false;  ///< The last piece ended with CR: an LF at the start of the next belongs to it.
};

}  // namespace bellwether::sse
