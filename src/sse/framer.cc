#include "sse/framer.h"

#include <cstring>
#include <utility>

namespace bellwether::sse {
namespace {

constexpr std::size_t padding = 64;  // Readable bytes behind what is held, for readers that look ahead.
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

/// The line at the front of `text`, and how many bytes it takes with its end. Zero bytes: no line end is there.
struct Line {
  std::string_view text;
  std::size_t size = 0;
};

Line first_line(std::string_view text) {
  const auto* feed = static_cast<const char*>(std::memchr(text.data(), '\n', text.size()));
  const std::size_t feed_at = feed == nullptr ? text.size() : static_cast<std::size_t>(feed - text.data());
  const auto* carriage = static_cast<const char*>(std::memchr(text.data(), '\r', feed_at));
  if (carriage == nullptr) return feed == nullptr ? Line{} : Line{text.substr(0, feed_at), feed_at + 1};
  const std::size_t at = static_cast<std::size_t>(carriage - text.data());
  const bool pair = at + 1 < text.size() && text[at + 1] == '\n';
  return {text.substr(0, at), at + (pair ? 2 : 1)};
}

}  // namespace

void Framer::feed(std::string_view piece) {
  if (skip_feed_ && !piece.empty()) {
    if (piece.front() == '\n') piece.remove_prefix(1);
    skip_feed_ = false;
  }
  piece_ = piece;
}

std::size_t Framer::find_end(std::string_view text, std::size_t from) const {
  for (std::size_t at = from; at < text.size();) {
    const Line line = first_line(text.substr(at));
    if (line.size == 0) return 0;
    at += line.size;
    if (line.text.empty()) return at;
  }
  return 0;
}

Framer::Status Framer::next(Event& event) {
  // Blank lines between events are none.
  while (held_.empty() && !piece_.empty() && (piece_.front() == '\n' || piece_.front() == '\r')) piece_.remove_prefix(1);
  if (held_.empty()) {
    const std::size_t size = find_end(piece_, 0);
    if (size > 0) {
      if (size > event_bytes_max_) return Status::too_large;
      if (piece_[size - 1] == '\r' && size == piece_.size()) skip_feed_ = true;
      const std::string_view block = piece_.substr(0, size);
      piece_.remove_prefix(size);
      read_block(block, event);
      return Status::event;
    }
    if (piece_.size() > event_bytes_max_) return Status::too_large;
    if (!piece_.empty()) {
      held_.reserve(piece_.size() + padding);
      held_ = piece_;
      piece_ = {};
    }
    return Status::needs_more;
  }

  // An event that came in pieces: look again from the start of the last line that was not complete.
  if (piece_.empty()) return Status::needs_more;
  if (held_.size() > event_bytes_max_) return Status::too_large;
  if (piece_.find_first_of("\r\n") == std::string_view::npos) {
    // No line ends here: nothing to look for, so that a long event in many pieces costs no more than its length.
    held_ += piece_;
    piece_ = {};
    return held_.size() > event_bytes_max_ ? Status::too_large : Status::needs_more;
  }
  if (held_.back() == '\r' && piece_.front() == '\n') {
    held_ += '\n';
    piece_.remove_prefix(1);
  }
  std::size_t from = held_.find_last_of("\r\n");
  from = from == std::string::npos ? 0 : from + 1;
  const std::size_t held_size = held_.size();
  held_.reserve(held_size + piece_.size() + padding);
  held_ += piece_;
  const std::size_t size = find_end(held_, from);
  if (size == 0) {
    piece_ = {};
    return held_.size() > event_bytes_max_ ? Status::too_large : Status::needs_more;
  }
  if (size > event_bytes_max_) return Status::too_large;
  piece_.remove_prefix(size > held_size ? size - held_size : 0);
  held_.resize(size);
  if (held_.back() == '\r' && piece_.empty()) skip_feed_ = true;
  block_.swap(held_);
  held_.clear();
  read_block(block_, event);
  return Status::event;
}

bool Framer::finish(Event& event) {
  if (held_.empty()) return false;
  block_.swap(held_);
  held_.clear();
  block_.reserve(block_.size() + padding);
  // A last line without its end was cut: it does not count.
  const std::size_t complete = block_.find_last_of("\r\n");
  block_.resize(complete == std::string::npos ? 0 : complete + 1);
  event = {};
  read_block(block_, event);
  return event.has_data;
}

void Framer::read_block(std::string_view block, Event& event) {
  event = {};
  if (std::exchange(at_start_, false) && block.starts_with(byte_order_mark)) block.remove_prefix(byte_order_mark.size());
  bool joining = false;
  while (!block.empty()) {
    const Line line = first_line(block);
    if (line.size == 0) break;
    block.remove_prefix(line.size);
    const std::size_t colon = line.text.find(':');
    if (colon == 0) continue;
    const std::string_view field = line.text.substr(0, colon);
    std::string_view value = colon == std::string_view::npos ? std::string_view{} : line.text.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (field == "data") {
      if (!event.has_data) {
        event.data = value;
        event.has_data = true;
        continue;
      }
      if (!joining) joined_.assign(event.data);
      joining = true;
      joined_ += '\n';
      joined_ += value;
    } else if (field == "event") {
      event.name = value;
    }
  }
  if (joining) {
    joined_.reserve(joined_.size() + padding);
    event.data = joined_;
    event.is_joined = true;
  }
}

}  // namespace bellwether::sse
