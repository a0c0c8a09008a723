// Nearly every event of a stream is the one before it with another text. A stencil is an event without what changes (the text, and the
// running counts where there are some); an event that fits it is known without being read: what is the same means the same.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "chat/reply.h"
#include "dialects/dialect.h"

namespace bellwether::dialects {

/// Reads the events of one upstream's stream, as Dialect::read_event does and with the same result. One for each stream; about 300
/// bytes once it has seen a text.
class Stencil {
 public:
  explicit Stencil(const Dialect& dialect) : dialect_{&dialect} {}

  /// One event's data, with json::padding behind it. Views of the facts point into it.
  [[nodiscard]] chat::EventFacts read(std::string_view data, json::Reader& reader);

  /// Larger events are read each by itself: their text is what costs.
  static constexpr std::size_t event_bytes_max = 1024;
  /// A stream whose events differ in more than their text (in an id of their own, say) gets no new stencil after so many in a row.
  static constexpr std::uint8_t misses_max = 8;

 private:
  /// A stretch of the event that the stencil was cut from. Empty: the event has none.
  struct Place {
    std::uint16_t begin = 0, end = 0;
    [[nodiscard]] bool empty() const { return begin == end; }
    [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(end - begin); }
  };

  [[nodiscard]] std::optional<chat::EventFacts> fit(std::string_view data) const;
  void cut(std::string_view data, const chat::EventFacts& facts);

  const Dialect* dialect_;
  std::string event_;  ///< Empty: no stencil.
  Place said_;         ///< The text or the reasoning, with its quotes.
  Place counts_;       ///< The object of running counts, behind `said_`; where there is none, the event's end.
  Place text_, model_, usage_, usage_key_, choices_, role_, role_key_;
  bool reasons_ = false, is_signed_ = false;
  std::uint8_t misses_ = 0;
};

}  // namespace bellwether::dialects
