// What an upstream's reply says, in our words: the few facts that the gateway acts on. Which bytes carry them is a dialect's business.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "metering/usage.h"

namespace bellwether::chat {

/// The members that we add to a reply. An upstream that is a gateway such as this one has added them too; no object has one twice.
inline constexpr std::array<std::string_view, 2> signature_members{"x_latency_ms", "x_source"};
[[nodiscard]] constexpr bool is_signature(std::string_view name) { return name == signature_members[0] || name == signature_members[1]; }

/// Which of an answer's choices: OpenAI's bound for `n` is 128. What lies beyond counts as the last.
using Choices = std::bitset<128>;

/// One event of a stream, read. Views point into the event's data.
struct EventFacts {
  enum class Kind : std::uint8_t {
    delta,   ///< Carries choices: to be passed on.
    usage,   ///< The usage chunk: choices are empty or missing, usage is there.
    done,    ///< `[DONE]`.
    error,   ///< The upstream reports a failure in-band.
    other,   ///< JSON without choices, usage or error: passed on untouched.
    broken,  ///< Not JSON, or not an object.
  };
  Kind kind = Kind::other;
  std::string_view model_raw;            ///< Place of the model's name, quotes included; empty if absent.
  std::string_view usage_raw;            ///< Place of the usage value (also when it is null); empty if absent.
  std::string_view usage_key_raw;        ///< Place of its key, for taking the member out.
  std::optional<metering::Usage> usage;  ///< Running or final count, where there is one that is not null.
  bool first_token = false;              ///< Carries text, reasoning or a tool call: more than a role.
  bool finished = false;                 ///< A choice carries a finish_reason that is not null.
  bool interrupted = false;   ///< The finish_reason says that the upstream broke off (DeepSeek's insufficient_system_resource, vLLM's abort and error).
  bool in_tool_call = false;  ///< The delta is part of a tool call.
  // What following a stream needs, so that it can be continued elsewhere (gateway/transcript.h).
  std::string_view choices_raw;  ///< The array of choices, where it is not empty.
  std::string_view text_raw;  ///< The value of the first choice's text (`content`, or a completion's `text`): a string as it stands, or null; empty if absent.
  std::string_view reasoning_raw;  ///< The value of the delta's reasoning, under either name, where it is text.
  std::string_view role_raw;       ///< The value of the delta's role.
  std::string_view role_key_raw;   ///< Its key, for taking the member out.
  bool text = false;               ///< `text_raw` holds text.
  bool reasoning = false;          ///< Carries reasoning.
  bool refusal = false;            ///< Carries a refusal's text.
  bool logprobs = false;           ///< Carries logprobs that are not null.
  bool other_choice = false;       ///< Speaks of a choice other than the first.
  Choices spoken, ended;           ///< Which choices it speaks of; which of them carry a finish_reason.
  bool is_signed = false;          ///< Has members of the names that we add: the upstream is a gateway such as this one.
  std::optional<Failure> failure;  ///< error, broken: what it means.
};

/// A complete reply that is not a stream. Views point into the body.
struct ReplyFacts {
  std::string_view model_raw;
  std::optional<metering::Usage> usage;
  bool is_signed = false;      ///< Has members of the names that we add.
  std::size_t said_bytes = 0;  ///< Of what its choices say, as JSON; known only where there is no usage.
};

}  // namespace bellwether::chat
