#include "json/events.h"

#include <algorithm>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace bellwether::json {
namespace {

constexpr bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }
constexpr bool is_scalar_char(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '.' || c == '-' || c == '+' || c == 'E'; }

/// The first quote, backslash or line break, or `end`.
const char* find_string_end(const char* at, const char* end) {
#ifdef __SSE2__
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i line_break = _mm_set1_epi8('\n');
  for (; end - at >= 16; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i hit = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)), _mm_cmpeq_epi8(bytes, line_break));
    const int mask = _mm_movemask_epi8(hit);
    if (mask != 0) return at + __builtin_ctz(static_cast<unsigned>(mask));
  }
#endif
  return std::find_if(at, end, [](char c) { return c == '"' || c == '\\' || c == '\n'; });
}

bool is_scalar(std::string_view text) {
  if (text == "true" || text == "false" || text == "null" || text == "NaN") return true;
  return !text.empty() && (text.front() == '-' || (text.front() >= '0' && text.front() <= '9'));
}

Kind kind_of(std::string_view text) {
  switch (text.front()) {
    case 't':
    case 'f': return Kind::boolean;
    case 'n': return Kind::null;
    default: return Kind::number;
  }
}

}  // namespace

void Events::feed(std::string_view bytes) {
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  while (at != end) {
    switch (state_) {
      case State::string: at = string_part(at, end); break;
      case State::scalar: at = scalar_part(at, end); break;
      case State::skip_line:
        at = static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
        if (at == nullptr) return;
        state_ = State::value;
        break;
      default: at = step(at, end);
    }
  }
}

void Events::finish() {
  if (state_ == State::scalar) end_scalar();
  if (state_ == State::string || !frames_.empty()) fail(Handler::Trouble::broken);
  state_ = State::value;
}

const char* Events::step(const char* at, const char* end) {
  const char c = *at;
  if (is_blank(c)) return at + 1;
  if (c == '\n') {
    line_break();
    return at + 1;
  }
  switch (state_) {
    case State::first_value:
      if (c == ']') {
        close(Kind::array);
        return at + 1;
      }
      [[fallthrough]];
    case State::value:
      if (c == '\xef' || c == '\xbb' || c == '\xbf') {
        if (frames_.empty() && line_ == 1) return at + 1;  // A byte order mark.
      }
      begin_value(c);
      return state_ == State::scalar ? at : at + 1;
    case State::first_key:
    case State::key:
      if (c == '}' && state_ == State::first_key) {
        close(Kind::object);
      } else if (c == '"') {
        is_key_ = true;
        kept_ = true;
        text_.clear();
        has_escapes_ = false;
        state_ = State::string;
      } else {
        fail(Handler::Trouble::broken);
      }
      return at + 1;
    case State::colon:
      state_ = State::value;
      if (c != ':') fail(Handler::Trouble::broken);
      return at + 1;
    default: break;
  }
  // After a value within something.
  if (c == ',') {
    state_ = frames_.back().kind == Kind::object ? State::key : State::value;
  } else if (c == '}' || c == ']') {
    close(c == '}' ? Kind::object : Kind::array);
  } else {
    fail(Handler::Trouble::broken);
  }
  static_cast<void>(end);
  return at + 1;
}

void Events::begin_value(char c) {
  if (frames_.empty()) {
    line_begun_ = line_;
    if (c != '{' && c != '[') return fail(Handler::Trouble::not_json);
  }
  if (c == '{') return open(Kind::object);
  if (c == '[') return open(Kind::array);
  text_.clear();
  if (c == '"') {
    is_key_ = false;
    kept_ = handler_.wants(path_here());
    has_escapes_ = false;
    state_ = State::string;
  } else if (is_scalar_char(c) || c == 'N') {
    state_ = State::scalar;
  } else {
    fail(Handler::Trouble::broken);
  }
}

const char* Events::string_part(const char* at, const char* end) {
  const char* const begin = at;
  const auto keep = [&](const char* until) {
    if (!kept_) return;
    const std::size_t room = text_max - std::min(text_max, text_.size());
    text_.append(begin, std::min(room, static_cast<std::size_t>(until - begin)));
  };
  if (escaped_) {
    escaped_ = false;
    if (*at != '\n') ++at;
  }
  for (;;) {
    at = find_string_end(at, end);
    if (at == end) {
      keep(end);
      return end;
    }
    if (*at == '"') break;
    if (*at == '\n') {  // Not allowed in a string: its line was cut off.
      fail(Handler::Trouble::broken);
      return at;
    }
    has_escapes_ = true;
    if (++at == end) {
      escaped_ = true;
      keep(end);
      return end;
    }
    if (*at != '\n') ++at;
  }
  if (text_.empty() && kept_ && static_cast<std::size_t>(at - begin) <= text_max) {
    end_string({begin, static_cast<std::size_t>(at - begin)});
  } else {
    keep(at);
    end_string(text_);
  }
  return at + 1;
}

void Events::end_string(std::string_view raw) {
  if (has_escapes_ && kept_) {
    // Cut in the middle of an escape, it ends before it: a key of `Unquoter` appends what it could read.
    Unquoter unquoter;
    resolved_.clear();
    const std::string quoted = '"' + std::string(raw) + '"';
    static_cast<void>(unquoter.append(resolved_, quoted));
    raw = resolved_;
  }
  if (is_key_) {
    key_path_ = path_member(frames_.back().inside, raw);
    key_.assign(raw.substr(0, key_max));
    state_ = State::colon;
    return;
  }
  if (kept_) handler_.value(path_here(), Kind::string, key_here(), raw);
  value_done();
}

const char* Events::scalar_part(const char* at, const char* end) {
  const char* const begin = at;
  while (at != end && (is_scalar_char(*at) || *at == 'N')) ++at;
  text_.append(begin, std::min(static_cast<std::size_t>(at - begin), scalar_max + 1 - std::min(scalar_max + 1, text_.size())));
  if (at != end) end_scalar();
  return at;
}

void Events::end_scalar() {
  if (text_.size() > scalar_max || !is_scalar(text_)) return fail(Handler::Trouble::broken);
  handler_.value(path_here(), kind_of(text_), key_here(), text_);
  value_done();
}

void Events::open(Kind kind) {
  if (frames_.size() == depth_max) return fail(Handler::Trouble::too_deep);
  const Path own = path_here();
  const Handler::Children children = handler_.begin(own, kind, key_here());
  frames_.push_back({own, children == Handler::Children::from_root ? root_path : own, kind});
  state_ = kind == Kind::object ? State::first_key : State::first_value;
}

void Events::close(Kind kind) {
  if (frames_.empty() || frames_.back().kind != kind) return fail(Handler::Trouble::broken);
  const Path own = frames_.back().own;
  frames_.pop_back();
  handler_.end(own, kind);
  value_done();
}

void Events::value_done() {
  if (!frames_.empty()) {
    state_ = State::after_value;
    return;
  }
  if (line_ == line_begun_) lines_ = true;
  state_ = State::value;
}

void Events::line_break() {
  ++line_;
  if (!lines_ || frames_.empty()) return;
  fail(Handler::Trouble::broken);
  state_ = State::value;  // The next line is not to be skipped.
}

void Events::fail(Handler::Trouble trouble) {
  frames_.clear();
  text_.clear();
  escaped_ = false;
  state_ = State::skip_line;
  handler_.broken(trouble);
}

Path Events::path_here() const {
  if (frames_.empty()) return root_;
  return frames_.back().kind == Kind::object ? key_path_ : path_element(frames_.back().inside);
}

std::string_view Events::key_here() const {
  if (frames_.empty() || frames_.back().kind != Kind::object) return {};
  return key_;
}

}  // namespace bellwether::json
