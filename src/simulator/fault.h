// Scripted faults: what the simulator does wrong, on demand.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace bellwether::simulator {

enum class FaultKind : std::uint8_t {
  refuse,        ///< The request is read, then the connection is reset; at the start of a simulator: nobody listens at all.
  reset,         ///< A reset before the head of the reply.
  busy,          ///< 429 with retry-after.
  busy_bare,     ///< 429 without.
  busy_once,     ///< 429 to the first request, with that many seconds as retry-after; then as usual.
  error_once,    ///< 500 to the first request, then as usual.
  error,         ///< 500
  unavailable,   ///< 503
  loading,       ///< 503 in the words of an upstream that loads its model; its health says so too.
  flap,          ///< 503, health included, from the first request on for the time given; then as usual.
  unauthorised,  ///< 401
  no_credit,     ///< 402
  silence,       ///< No byte, ever.
  slow_first,    ///< Head at once where a stream is asked for, then nothing for the time given.
  slow_head,     ///< Nothing at all for the time given.
  cut,           ///< The connection ends after that many chunks of content (within the body, where it is no stream).
  cut_role,      ///< … after the chunk that carries the role.
  cut_token,     ///< … within an event.
  cut_tool,      ///< … within a tool call's arguments.
  cut_finish,    ///< … after the chunk with the finish_reason.
  no_done,       ///< Everything but [DONE]; a proper end of the body.
  stall,         ///< Silence after that many chunks; the connection stays.
  broken_json,   ///< That event is no JSON.
  no_usage,
  negative_usage,
  context_length,   ///< 400 in the flavour's words.
  content_filter,   ///< 400
  unprocessable,    ///< 422
  error_in_stream,  ///< An error event after that many chunks.
  error_as_200,     ///< {"error":…} with status 200.
  split_utf8,       ///< Writes end within characters.
  one_byte,         ///< TCP pieces of one byte.
  crlf,             ///< CRLF line ends in the stream.
  comments,         ///< Comments between events; blank lines before a whole reply.
  big_event,        ///< One event of 1 MiB.
  no_finish,        ///< [DONE] without a finish_reason.
  html,             ///< 502 with an HTML page, as a proxy in between gives.
  slow_drip,        ///< The time given between tokens.
  refuse_prefill,   ///< 400 to whoever wants an answer continued.
  echo_prefill,     ///< A continuation repeats what it was given.
};

struct Fault {
  FaultKind kind;
  std::uint32_t count = 3;  ///< Of chunks (each answer and each continuation counts its own), or of seconds, where the kind counts.
  Duration wait{};          ///< Where the kind waits.
  friend bool operator==(const Fault&, const Fault&) = default;
};

/// "503", "cut:5", "slow-first:800ms". Fails with request_malformed; the text lists what there is.
[[nodiscard]] Result<Fault> parse_fault(std::string_view text);

/// The fault that a model's name asks for: "fault-cut:5". Nothing for other names; a name that begins so and is no fault fails.
[[nodiscard]] Result<std::optional<Fault>> fault_of_model(std::string_view model);

/// "250ms", "2s" or "0".
[[nodiscard]] std::optional<Duration> parse_wait(std::string_view text);

}  // namespace bellwether::simulator
