// What the caller of a stream has seen of its answer, kept so that another upstream can go on with it. Follows each event that is
// passed on; costs an append of the event's text. Pure. One for each streamed request; lives with its Outgoing.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "chat/continuation.h"
#include "chat/reply.h"
#include "json/reader.h"

namespace bellwether::gateway {

/// What can be done for a caller whose stream broke off.
enum class Standing : std::uint8_t {
  unseen,       ///< Nothing of an answer was passed on: any upstream can begin one.
  restartable,  ///< Nothing of substance was (a role, white space): another upstream's answer can take its place.
  continuable,  ///< Text was: an upstream that can go on from it may.
  lost,         ///< `obstacle` says why nothing can be done.
};

class Transcript {
 public:
  /// `obstacle` is what the request says against a continuation: then no text is kept.
  explicit Transcript(chat::Obstacle obstacle) : obstacle_{obstacle} {}

  /// Another upstream begins: counts of its own start at zero.
  void begin_leg();
  /// An event that was passed on as it came.
  void on_passed(const chat::EventFacts& facts);
  /// An event that was passed on with `text` in the place of its own.
  void on_passed(const chat::EventFacts& facts, std::string_view text);
  /// The present upstream's own count of what it said so far.
  void on_count(std::int64_t output_tokens) { tokens_ = tokens_before_ + output_tokens; }

  [[nodiscard]] Standing standing() const;
  /// Why the answer is lost. Beside that, chat::find_obstacle has more to say about a continuable one.
  [[nodiscard]] chat::Obstacle obstacle() const;

  /// Whether the answer is lost and stays so, whatever else is passed on: the request itself is needed no more. (Half a character or
  /// reasoning alone may still be followed by what can be continued.)
  [[nodiscard]] bool lost_for_good() const { return obstacle_ != chat::Obstacle::none && substance_; }

  [[nodiscard]] std::string_view text() const { return text_; }
  /// The text without the white space at its end, which some templates cut off and some do not: going on from before it, what comes
  /// next is the same with either.
  [[nodiscard]] std::string_view text_to_continue() const;
  /// Tokens of everything that was passed on: as counted by the upstreams where they count, else one for each event.
  [[nodiscard]] std::int64_t tokens() const { return tokens_; }
  /// Of these, those that an upstream which goes on is given: thoughts are not.
  [[nodiscard]] std::int64_t text_tokens() const { return std::max<std::int64_t>(0, tokens_ - thoughts_); }
  /// Of these, those of the text to continue: pieces of nothing but white space at its end will be said again.
  [[nodiscard]] std::int64_t tokens_to_continue() const { return tokens_ - blank_tail_; }
  [[nodiscard]] bool reasoned() const { return reasoned_; }
  /// Whether something of substance was passed on in this leg: without progress there is no going on for ever.
  [[nodiscard]] bool progressed() const { return progressed_; }

  /// More text than this is not kept; the longest answers of today's models are below it.
  static constexpr std::size_t text_bytes_max = std::size_t{1} << 20;

 private:
  void note(const chat::EventFacts& facts);
  void give_up(chat::Obstacle obstacle);
  void keep(std::size_t bytes_more);
  void note_blank(std::string_view added);

  std::string text_;
  std::int64_t tokens_ = 0, tokens_before_ = 0;
  std::int64_t blank_tail_ = 0;
  std::int64_t thoughts_ = 0;  ///< Events of nothing but reasoning.
  json::Unquoter unquoter_;
  chat::Obstacle obstacle_;
  bool passed_ = false;     ///< Any event was.
  bool substance_ = false;  ///< More than a role was.
  bool reasoned_ = false, progressed_ = false;
};

}  // namespace bellwether::gateway
