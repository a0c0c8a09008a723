// What container runtimes and terminals put around a line of a log: Docker's and Kubernetes' JSON and text forms, colours. One Unwrapper for
// a source; not thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "audit/reading.h"

namespace bellwether::audit {

/// A line without its wrapper. The view lies in the line or in the Unwrapper, and is valid until the next line.
struct Unwrapped {
  std::string_view text;
  std::optional<Instant> at;  ///< The runtime's own time, which has a zone.
};

class Unwrapper {
 public:
  Unwrapper();
  ~Unwrapper();
  Unwrapper(const Unwrapper&) = delete;
  Unwrapper& operator=(const Unwrapper&) = delete;

  /// `{"log":"…\n","stream":"stdout","time":"…"}` and its like: log, message, msg or MESSAGE, with time, timestamp, ts, @timestamp or
  /// journald's microseconds. Nothing if the line is no such object.
  [[nodiscard]] std::optional<Unwrapped> json(std::string_view line);

  /// The text without ANSI escape sequences; of a long one, the first `colours_max` bytes.
  [[nodiscard]] std::string_view without_colours(std::string_view text);

  static constexpr std::size_t colours_max = 8192;  ///< What we look for stands at a line's beginning.

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bellwether::audit
