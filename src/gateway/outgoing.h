// The caller's side of a stream: upstream events in, the bytes that the caller gets out. Decides what is passed on, changed,
// held back or added; does no I/O. One for each streamed request: where one upstream breaks off and another goes on, the caller sees
// one stream (wire.md §F.2).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "chat/reply.h"
#include "chat/request.h"
#include "gateway/seam.h"
#include "gateway/transcript.h"
#include "json/reader.h"
#include "metering/usage.h"

namespace bellwether::gateway {

/// What stands on the usage chunk of a stream, and on a reply that is not one.
struct Signature {
  std::string_view source;  ///< The upstream's configured name: x_source.
  Duration latency{};       ///< x_latency_ms
};

/// Whether the stream is to be continued elsewhere if it breaks off: its text is kept then.
enum class Follow : bool { no, yes };

/// Why a stream ends whose upstream did not say why.
enum class Finish : std::uint8_t { stop, length };

class Outgoing {
 public:
  /// `model_quoted` is the model's canonical name as JSON. Nothing of `chat` is kept but what the caller asked for.
  Outgoing(const chat::Request& chat, std::string model_quoted, Follow follow = Follow::yes);

  // ---- Between two upstreams ----

  /// What can be done now that the upstream failed.
  [[nodiscard]] Standing standing() const { return transcript_.standing(); }
  [[nodiscard]] const Transcript& transcript() const { return transcript_; }
  /// What the next upstream is told, where the answer is continuable. A view into this.
  [[nodiscard]] chat::Unfinished unfinished() const;
  /// The next upstream answers from the beginning: where the standing is unseen or restartable.
  void begin_restart();
  /// The next upstream goes on from `unfinished`: where the standing is continuable.
  void begin_continuation(Echo echo);

  // ---- While an upstream answers ----

  enum class Verdict : std::uint8_t {
    go_on,   ///< The event was dealt with.
    done,    ///< The upstream said [DONE]: nothing more will come.
    failed,  ///< `failure` says why. Nothing of this event was appended.
  };
  /// Deals with one event. Appends what the caller gets, framed, to `out`.
  [[nodiscard]] Verdict on_event(std::string_view data, const chat::EventFacts& facts, json::Reader& reader, std::string& out);
  [[nodiscard]] Failure take_failure() { return std::move(*failure_); }

  /// What the end of the upstream's stream means: nothing where a finish_reason or [DONE] was seen; else the stream was cut.
  [[nodiscard]] Result<void> judge_end() const;
  /// Appends what is missing for a proper end: a finish_reason that the upstream forgot before its [DONE] (or that nobody gave, because
  /// the request's bound on tokens was used up when the stream broke off), the usage chunk if the caller asked for it, and [DONE].
  void append_end(const Signature& signature, std::string& out, Finish missing = Finish::stop);

  /// Whether the finish_reason of every choice was passed on: what may still come is usage and [DONE].
  [[nodiscard]] bool finished() const { return ended_.count() >= choices_ && ended_ == spoken_; }
  /// What the caller is told: one answer to one prompt. The upstreams' last counts, or an estimate where they gave none.
  [[nodiscard]] metering::Usage usage() const;
  /// What the present upstream consumed, in which every text that it was given counts as input.
  [[nodiscard]] metering::Usage leg_usage() const;
  /// What all of them consumed: the sum of the legs.
  [[nodiscard]] metering::Usage spent() const;

 private:
  /// What is known of the legs before the present one. Made when a stream breaks off, which few do.
  struct Stitch {
    Seam seam;
    bool continues = false;      ///< False: the answer was begun anew.
    bool input_counted = false;  ///< `shown.input` is what an upstream counted.
    metering::Usage shown;       ///< The answer so far as one upstream would have counted it.
    std::optional<metering::Usage> spent;
    std::int64_t held_tokens = 0;  ///< Of the text that this leg was given.
  };

  void begin_leg(Seam seam, bool continues);
  [[nodiscard]] Verdict on_stitched(const chat::EventFacts& facts, std::string& out);
  void append_stitched(const chat::EventFacts& facts, const std::string* text, std::string& out) const;
  void append_text_chunk(std::string_view text, std::string& out) const;
  void end_seam(std::string& out);
  void note_usage(const chat::EventFacts& facts);
  void note_choices(const chat::EventFacts& facts);
  void note_count(const chat::EventFacts& facts);
  [[nodiscard]] std::int64_t repeated() const;
  void remember_identity(std::string_view data, json::Reader& reader);
  void append_chunk_start(std::string& out) const;
  void append_usage(std::string& out) const;

  chat::Endpoint endpoint_;
  std::string model_quoted_;
  bool usage_asked_;
  bool running_usage_asked_;
  bool done_seen_ = false;
  std::size_t choices_;            ///< That the request asks for.
  chat::Choices spoken_, ended_;   ///< Of the answer's choices, those of which the caller has something, and a finish_reason.
  bool substance_sent_ = false;    ///< Events of the upstream were passed on.
  bool nulls_shown_ = false;       ///< Chunks carry `"usage":null`, as OpenAI's do.
  bool stitched_ = false;          ///< The caller has a first upstream's chunks: what comes must look like them.
  bool heard_ = false;             ///< The present upstream said anything.
  std::uint64_t tokens_seen_ = 0;  ///< The present upstream's events that carried content: an estimate of tokens where nobody counts.
  std::size_t request_bytes_;
  std::optional<metering::Usage> usage_;  ///< The present upstream's.
  std::string usage_json_;                ///< The text of `usage_`, for the chunk that we make where the upstream sends none of its own; empty: it has none.
  std::vector<std::int64_t> outputs_;     ///< Running counts of several choices, each its own.
  std::string usage_chunk_;               ///< The upstream's own, up to its last brace, held back for the end.
  std::string identity_;                  ///< `"id":…,"created":…` of the first chunk, for chunks that we have to make.
  Transcript transcript_;
  std::unique_ptr<Stitch> stitch_;
  std::optional<Failure> failure_;
};

}  // namespace bellwether::gateway
