// Reads what LiteLLM's proxy wrote into its database: LiteLLM_SpendLogs, a row a request, and LiteLLM_DailyUserSpend (or Team, Tag), a row a
// day, model and key. As JSON lines, a JSON array, or CSV with a heading, whatever column order. Times without zone are UTC, as LiteLLM
// stores them.
#pragma once

#include <memory>
#include <string_view>

#include "audit/reading.h"

namespace bellwether::audit {

[[nodiscard]] bool looks_like_litellm_json(std::string_view begin);
[[nodiscard]] std::unique_ptr<Reader> make_litellm_json(const ReadingContext& context, Sink& sink);
[[nodiscard]] bool looks_like_litellm_csv(std::string_view begin);
[[nodiscard]] std::unique_ptr<Reader> make_litellm_csv(const ReadingContext& context, Sink& sink);

}  // namespace bellwether::audit
