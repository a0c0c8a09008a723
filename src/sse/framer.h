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

/// What stood between two blank lines. Views are valid until the next call to `next`.
struct Event {
  std::string_view data;  ///< The data lines joined with LF. Empty when there was none.
  std::string_view name;  ///< The `event:` field; empty when there was none.
  bool has_data = false;  ///< False for a block of comments only, which is a sign of life and nothing else.
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

  /// Whether bytes of an unfinished event are held. At the end of a stream this means that it was cut within an event.
  [[nodiscard]] bool mid_event() const;

 private:
  // (private members belong to the implementation)
  std::size_t event_bytes_max_;
};

/// Appends `data: <json>\n\n`. `json` must hold no line break (JSON text does not need one; `compact_lines` sees to it).
void append_event(std::string& out, std::string_view json);

}  // namespace bellwether::sse
