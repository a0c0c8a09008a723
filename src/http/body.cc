#include "http/body.h"

#include <algorithm>

namespace bellwether::http {
namespace {

constexpr std::uint8_t size_digits_max = 15;             // 2⁶⁰ bytes; one digit more could overflow.
constexpr std::uint32_t framing_bytes_max = 16 * 1024;   // Of chunk extensions and trailers in one body.
constexpr std::uint32_t extension_bytes_max = 4 * 1024;  // Of the extensions of one chunk; signatures, the longest known, take about 100.

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

BodyReader::BodyReader(const Framing& framing, Ends ends) {
  if (framing.chunked) {
    state_ = State::chunk_size;
  } else if (ends == Ends::with_connection) {
    state_ = State::until_close;
  } else {
    left_ = framing.length.value_or(0);
    state_ = left_ > 0 ? State::length : State::complete;
  }
}

bool BodyReader::complete() const { return state_ == State::complete; }

bool BodyReader::end_of_connection() {
  if (state_ == State::until_close) state_ = State::complete;
  return state_ == State::complete;
}

BodyReader::Step BodyReader::step(std::string_view bytes) {
  std::size_t at = 0;
  const auto content = [&](State when_done) -> Step {
    const std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size() - at));
    left_ -= size;
    if (left_ == 0) state_ = when_done;
    return {Status::content, bytes.substr(at, size), at + size};
  };
  const auto bad = [&]() -> Step {
    state_ = State::bad;
    return {Status::bad, {}, at};
  };
  if (state_ == State::complete) return {Status::complete, {}, 0};
  if (state_ == State::bad) return bad();

  while (at < bytes.size()) {
    const char c = bytes[at];
    switch (state_) {
      case State::length: return content(State::complete);
      case State::until_close: return {Status::content, bytes, bytes.size()};
      case State::chunk_data: return content(State::chunk_data_cr);
      case State::chunk_size:
        if (const int digit = hex_value(c); digit >= 0) {
          if (digits_++ == size_digits_max) return bad();
          left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
        } else if (digits_ == 0) {
          return bad();
        } else if (c == '\r') {
          state_ = State::chunk_size_lf;
        } else if (c == ';') {
          state_ = State::chunk_extension;
          extension_bytes_ = 0;
        } else {
          return bad();
        }
        break;
      case State::chunk_extension:
        if (++extension_bytes_ > extension_bytes_max || ++framing_bytes_ > framing_bytes_max || c == '\n' || c == '\0') return bad();
        if (c == '\r') state_ = State::chunk_size_lf;
        break;
      case State::chunk_size_lf:
        if (c != '\n') return bad();
        digits_ = 0;
        state_ = left_ > 0 ? State::chunk_data : State::trailer_start;
        break;
      case State::chunk_data_cr:
        if (c != '\r') return bad();
        state_ = State::chunk_data_lf;
        break;
      case State::chunk_data_lf:
        if (c != '\n') return bad();
        state_ = State::chunk_size;
        break;
      case State::trailer_start:
        // Trailers are dropped: nothing that we speak uses them.
        if (++framing_bytes_ > framing_bytes_max || c == '\n' || c == '\0') return bad();
        state_ = c == '\r' ? State::last_lf : State::trailer_line;
        break;
      case State::trailer_line:
        if (++framing_bytes_ > framing_bytes_max || c == '\n' || c == '\0') return bad();
        if (c == '\r') state_ = State::trailer_lf;
        break;
      case State::trailer_lf:
        if (c != '\n') return bad();
        state_ = State::trailer_start;
        break;
      case State::last_lf:
        if (c != '\n') return bad();
        state_ = State::complete;
        return {Status::complete, {}, at + 1};
      case State::complete:
      case State::bad: break;
    }
    ++at;
  }
  return {Status::needs_more, {}, at};
}

}  // namespace bellwether::http
