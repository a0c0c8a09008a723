// Whether two readings of one event say the same, to the place.
#pragma once

#include <array>
#include <string_view>

#include "chat/reply.h"

namespace bellwether::support {

inline bool is_same_place(std::string_view a, std::string_view b) { return a.size() == b.size() && (a.empty() || a.data() == b.data()); }

inline bool is_same(const chat::EventFacts& a, const chat::EventFacts& b) {
  const auto flags = [](const chat::EventFacts& facts) {
    return std::array{facts.first_token, facts.finished,     facts.interrupted, facts.in_tool_call,       facts.text, facts.reasoning, facts.refusal,
                      facts.logprobs,    facts.other_choice, facts.is_signed,   facts.failure.has_value()};
  };
  return a.kind == b.kind && a.spoken == b.spoken && a.ended == b.ended && a.usage == b.usage && flags(a) == flags(b) &&
         is_same_place(a.model_raw, b.model_raw) && is_same_place(a.usage_raw, b.usage_raw) && is_same_place(a.usage_key_raw, b.usage_key_raw) &&
         is_same_place(a.choices_raw, b.choices_raw) && is_same_place(a.text_raw, b.text_raw) && is_same_place(a.reasoning_raw, b.reasoning_raw) &&
         is_same_place(a.role_raw, b.role_raw) && is_same_place(a.role_key_raw, b.role_key_raw);
}

}  // namespace bellwether::support
