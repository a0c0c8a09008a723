// Reads one HTTP answer after another from a keep-alive connection, and judges it: the status, whether the body was
// whole, whether it was the body that the upstream sent, whether a stream ended with [DONE]. A load generator that
// counts errors as answers is a lie, so every answer goes through here.
// Owned by a connection of the load generator; single-threaded; no socket and no clock of its own.
#pragma once

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace bellwether::bench {

enum class AnswerKind { completion, stream };

/// What was wrong with an answer; `none` if nothing was.
enum class Fault { none, connect, bad_http, non_2xx, short_body, bad_body, truncated_stream, error_in_stream, lost_chunks, unfinished };
constexpr const char* fault_names[] = {"none",     "connect",          "bad_http",        "non_2xx",     "short_body",
                                       "bad_body", "truncated_stream", "error_in_stream", "lost_chunks", "unfinished"};
constexpr std::size_t fault_count = std::size(fault_names);

/// The text that stands in every whole non-streaming answer of the bench upstream.
constexpr std::string_view answer_marker = "BENCH-ANSWER-OK";

class AnswerReader {
 public:
  enum class State { more, complete, broken };

  void begin(AnswerKind kind) {
    head_.clear();
    body_.clear();
    line_.clear();
    frame_.clear();
    kind_ = kind;
    phase_ = Phase::head;
    status_ = 0;
    left_ = 0;
    tokens_ = 0;
    done_ = error_ = closes_ = false;
  }

  /// Takes the bytes that came; `on_token(stamp)` is called for each streamed token with the upstream's stamp.
  /// After `complete` or `broken`, ask `fault()`.
  template <typename OnToken>
  State feed(std::string_view bytes, OnToken&& on_token) {
    while (!bytes.empty()) {
      switch (phase_) {
        case Phase::head:
          if (!take_head(bytes)) return State::broken;
          break;
        case Phase::length:
        case Phase::until_close:
        case Phase::chunk_data: {
          const std::size_t size = phase_ == Phase::until_close ? bytes.size() : std::min(bytes.size(), left_);
          take_payload(bytes.substr(0, size), on_token);
          bytes.remove_prefix(size);
          if (phase_ == Phase::until_close) break;
          left_ -= size;
          if (left_ == 0) phase_ = phase_ == Phase::length ? Phase::end : Phase::chunk_end;
          break;
        }
        case Phase::chunk_size:
        case Phase::chunk_end:
        case Phase::trailer:
          if (!take_frame_line(bytes)) return State::broken;
          break;
        case Phase::end: return State::broken;  // bytes behind the end of an answer that nobody asked for
      }
      if (phase_ == Phase::end && bytes.empty()) return State::complete;
    }
    return phase_ == Phase::end ? State::complete : State::more;
  }

  /// The connection ended. `complete` only where that is how the body ends.
  State feed_end() { return phase_ == Phase::until_close ? State::complete : State::broken; }

  /// The verdict. `tokens_expected` 0: any number will do. `marker` stands in every whole answer that is not streamed.
  Fault fault(State state, std::int64_t tokens_expected, std::string_view marker) const {
    if (phase_ == Phase::head) return status_ == 0 && head_.empty() ? Fault::connect : Fault::bad_http;
    if (status_ < 200 || status_ > 299) return Fault::non_2xx;
    if (kind_ == AnswerKind::stream) {
      if (error_) return Fault::error_in_stream;
      if (!done_) return Fault::truncated_stream;
      if (state == State::broken) return Fault::short_body;
      if (tokens_expected != 0 && tokens_ != tokens_expected) return Fault::lost_chunks;
      return Fault::none;
    }
    if (state == State::broken) return Fault::short_body;
    return body_.find(marker) == std::string::npos ? Fault::bad_body : Fault::none;
  }

  bool connection_closes() const { return closes_; }
  /// The start of what came, for the one sample that is shown of each kind of error.
  std::string_view sample() const { return body_.empty() ? std::string_view(head_) : std::string_view(body_); }
  int status() const { return status_; }

 private:
  enum class Phase { head, length, until_close, chunk_size, chunk_data, chunk_end, trailer, end };

  bool take_head(std::string_view& bytes) {
    const std::size_t before = head_.size();
    head_.append(bytes);
    const std::size_t end = head_.find("\r\n\r\n");
    if (end == std::string::npos) {
      bytes = {};
      return head_.size() < 64 * 1024;
    }
    bytes.remove_prefix(end + 4 - before);
    head_.resize(end + 2);
    if (head_.size() < 12 || !head_.starts_with("HTTP/1.")) return false;
    std::from_chars(head_.data() + 9, head_.data() + 12, status_);
    if (status_ < 200) return false;  // nobody here asks for 1xx answers
    closes_ = header("connection") == "close";
    if (const std::string_view coding = header("transfer-encoding"); coding == "chunked") {
      phase_ = Phase::chunk_size;
    } else if (const std::string_view length = header("content-length"); !length.empty()) {
      std::from_chars(length.data(), length.data() + length.size(), left_);
      phase_ = left_ == 0 ? Phase::end : Phase::length;
    } else {
      phase_ = Phase::until_close;
      closes_ = true;
    }
    return true;
  }

  /// The value of a header, or nothing. Linear, over a head of some ten fields.
  std::string_view header(std::string_view name) const {
    std::string_view rest = head_;
    while (true) {
      const std::size_t end = rest.find("\r\n");
      if (end == std::string_view::npos) return {};
      const std::string_view field = rest.substr(0, end);
      rest.remove_prefix(end + 2);
      if (field.size() <= name.size() || field[name.size()] != ':') continue;
      if (strncasecmp(field.data(), name.data(), name.size()) != 0) continue;
      const std::size_t value = field.find_first_not_of(" \t", name.size() + 1);
      return value == std::string_view::npos ? std::string_view() : field.substr(value);
    }
  }

  /// A chunk-size line, the line end behind a chunk, or a trailer line.
  bool take_frame_line(std::string_view& bytes) {
    const std::size_t end = bytes.find('\n');
    frame_.append(bytes.substr(0, end));
    if (frame_.size() > 256) return false;
    if (end == std::string_view::npos) {
      bytes = {};
      return true;
    }
    bytes.remove_prefix(end + 1);
    const bool blank = frame_.empty() || frame_ == "\r";
    if (phase_ == Phase::chunk_end) {
      if (!blank) return false;
      phase_ = Phase::chunk_size;
    } else if (phase_ == Phase::trailer) {
      if (blank) phase_ = Phase::end;
    } else {
      left_ = 0;
      const auto parsed = std::from_chars(frame_.data(), frame_.data() + frame_.size(), left_, 16);
      if (parsed.ec != std::errc()) return false;
      phase_ = left_ == 0 ? Phase::trailer : Phase::chunk_data;
    }
    frame_.clear();
    return true;
  }

  template <typename OnToken>
  void take_payload(std::string_view payload, OnToken&& on_token) {
    if (kind_ == AnswerKind::completion || status_ != 200) {
      body_.append(payload);
      return;
    }
    while (!payload.empty()) {
      const std::size_t end = payload.find('\n');
      if (end == std::string_view::npos) {
        line_.append(payload);
        return;
      }
      if (line_.empty()) {
        take_line(payload.substr(0, end), on_token);
      } else {
        line_.append(payload.substr(0, end));
        take_line(line_, on_token);
        line_.clear();
      }
      payload.remove_prefix(end + 1);
    }
  }

  template <typename OnToken>
  void take_line(std::string_view line, OnToken&& on_token) {
    constexpr std::string_view stamp_name = "\"content\":\"ns=";
    if (!line.starts_with("data:")) return;
    if (const std::size_t at = line.find(stamp_name); at != std::string_view::npos) {
      const std::size_t digits = line.find_first_not_of(' ', at + stamp_name.size());
      std::int64_t stamp = 0;
      if (digits != std::string_view::npos) std::from_chars(line.data() + digits, line.data() + line.size(), stamp);
      ++tokens_;
      on_token(stamp);
    } else if (line.starts_with("data: [DONE]") || line.starts_with("data:[DONE]")) {
      done_ = true;
    } else if (line.starts_with("data: {\"error\"") || line.starts_with("data:{\"error\"")) {
      error_ = true;
      body_.assign(line);
    }
  }

  AnswerKind kind_ = AnswerKind::completion;
  Phase phase_ = Phase::head;
  std::string head_, body_, line_, frame_;
  int status_ = 0;
  std::size_t left_ = 0;
  std::int64_t tokens_ = 0;
  bool done_ = false, error_ = false, closes_ = false;
};

}  // namespace bellwether::bench
