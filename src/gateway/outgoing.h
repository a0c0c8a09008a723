// The caller's side of a stream: upstream events in, the bytes that the caller gets out. Decides what is passed on, changed,
// held back or added; does no I/O. One for each attempt at a stream.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "chat/reply.h"
#include "chat/request.h"
#include "json/reader.h"
#include "metering/usage.h"

namespace bellwether::gateway {

/// What stands on the usage chunk of a stream, and on a reply that is not one.
struct Signature {
  std::string_view source;  ///< The upstream's configured name: x_source.
  Duration latency{};       ///< x_latency_ms
};

class Outgoing {
 public:
  /// `model_quoted` is the model's canonical name as JSON. Nothing of `chat` is kept but what the caller asked for.
  Outgoing(const chat::Request& chat, std::string model_quoted);

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
  /// Appends what is missing for a proper end: a finish_reason that the upstream forgot before its [DONE], the usage chunk if the
  /// caller asked for it, and [DONE].
  void append_end(const Signature& signature, std::string& out);

  /// Whether a finish_reason was passed on: what may still come is usage and [DONE].
  [[nodiscard]] bool finished() const { return finished_; }
  /// The upstream's last count, or an estimate where it gave none.
  [[nodiscard]] metering::Usage usage() const;

 private:
  void remember_identity(std::string_view data, json::Reader& reader);
  void append_chunk_start(std::string& out) const;

  chat::Endpoint endpoint_;
  std::string model_quoted_;
  bool usage_asked_;
  bool running_usage_asked_;
  bool done_seen_ = false;
  bool finished_ = false;          ///< A finish_reason was passed on.
  bool substance_sent_ = false;    ///< Events of the upstream were passed on.
  std::uint64_t tokens_seen_ = 0;  ///< Events that carried content: an estimate of tokens where nobody counts.
  std::size_t request_bytes_;
  std::optional<metering::Usage> usage_;
  std::string usage_json_;   ///< The text of `usage_`, for the chunk that we make where the upstream sends none of its own.
  std::string usage_chunk_;  ///< The upstream's own, up to its last brace, held back for the end.
  std::string identity_;     ///< `"id":…,"created":…` of the first chunk, for chunks that we have to make.
  std::optional<Failure> failure_;
};

}  // namespace bellwether::gateway
