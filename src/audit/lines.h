// Cuts bytes that come in blocks into lines, in constant memory. One for a source; not thread-safe.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace bellwether::audit {

/// Longer than any line that we read: vLLM's request lines hold a whole prompt, and those of 1 MiB are rare enough to be counted and skipped.
inline constexpr std::size_t line_max = 1024 * 1024;

class Lines {
 public:
  /// Calls `line(text, number)` for each line that ends in `bytes`, without its end (`\n`, `\r\n`), and `too_long(number)` once for each line
  /// beyond `line_max`. A view is valid during its call.
  template <class Line, class TooLong>
  void read(std::string_view bytes, Line&& line, TooLong&& too_long) {
    const char* at = bytes.data();
    const char* const end = at + bytes.size();
    while (at != end) {
      const auto* const found = static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
      const auto size = static_cast<std::size_t>((found != nullptr ? found : end) - at);
      if (found != nullptr && held_.empty() && !skipping_) {
        give({at, size}, line, too_long);
      } else {
        hold({at, size}, too_long);
        if (found == nullptr) return;
        end_line(line, too_long);
      }
      at = found + 1;
    }
  }

  /// The last line, where no line end closed it.
  template <class Line, class TooLong>
  void finish(Line&& line, TooLong&& too_long) {
    if (!held_.empty() || skipping_) end_line(line, too_long);
  }

  /// Lines that have ended.
  [[nodiscard]] std::uint64_t count() const { return count_; }

 private:
  template <class TooLong>
  void hold(std::string_view piece, TooLong&& too_long) {
    if (skipping_) return;
    if (held_.size() + piece.size() <= line_max) {
      held_.append(piece);
      return;
    }
    held_.clear();
    skipping_ = true;
    too_long(count_ + 1);
  }
  template <class Line, class TooLong>
  void end_line(Line&& line, TooLong&& too_long) {
    if (skipping_) ++count_;
    else give(held_, line, too_long);
    held_.clear();
    skipping_ = false;
  }
  template <class Line, class TooLong>
  void give(std::string_view text, Line&& line, TooLong&& too_long) {
    ++count_;
    if (text.size() > line_max) return too_long(count_);
    if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
    line(text, count_);
  }

  std::string held_;  ///< The beginning of a line whose end has not come.
  bool skipping_ = false;
  std::uint64_t count_ = 0;
};

}  // namespace bellwether::audit
