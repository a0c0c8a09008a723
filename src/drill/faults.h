// What `bellwether drill` lets happen, one after the other: the sixteen faults that this gateway promises to get its callers through.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace bellwether::drill {

/// Faults are named as the simulator takes them (docs/simulator.md); empty: none.
struct Fault {
  std::string_view name;
  std::string_view first;   ///< At the first upstream of the route.
  std::string_view others;  ///< At the others.
  std::string_view what;
};

inline constexpr std::array faults{
    Fault{"none", "", "", "nothing at all: each answer names its upstream and has its usage"},
    Fault{"retry-after", "429-once:2", "", "429 with retry-after: 2, once"},
    Fault{"rate-limited", "429-bare", "", "429 for ever, without retry-after"},
    Fault{"error-once", "500-once", "", "500, once"},
    Fault{"unavailable", "503", "", "503 for ever"},
    Fault{"reset", "reset", "", "the connection is reset before the head"},
    Fault{"silence", "silence", "", "not a byte"},
    Fault{"slow", "slow-first:20s", "", "the first token after 20 s"},
    Fault{"cut", "cut:40", "", "cut after 40 of 60 tokens"},
    Fault{"stall", "stall:20", "", "silent after 20 tokens"},
    Fault{"broken-json", "broken-json:10", "", "the tenth event is broken JSON"},
    Fault{"no-done", "no-done", "", "the stream ends without [DONE]"},
    Fault{"context-length", "context-length", "", "400, the prompt is too long"},
    Fault{"content-filter", "content-filter", "", "400, the content is refused"},
    Fault{"refused-prefill", "cut:40", "refuse-prefill", "cut, and no other upstream goes on with an answer"},
    Fault{"flap", "flap:1s", "", "503 for a second, then well"},
};
inline constexpr std::size_t answer_tokens = 60;  ///< The faults' counts are made for it.

/// The faults with these names, in the table's order; all for an empty list. Fails with request_malformed: no such fault.
[[nodiscard]] Result<std::vector<Fault>> faults_named(std::span<const std::string> names);

}  // namespace bellwether::drill
