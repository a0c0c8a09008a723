#include "bellwether/chat.hpp"
#include "bellwether/completions.hpp"

namespace bellwether::inline v1 {

Message system(std::string_view text) { return {.role = "system", .content = std::string(text)}; }
Message user(std::string_view text) { return {.role = "user", .content = std::string(text)}; }
Message assistant(std::string_view text) { return {.role = "assistant", .content = std::string(text)}; }
Message tool(std::string_view call_id, std::string_view text) { return {.role = "tool", .content = std::string(text), .tool_call_id = std::string(call_id)}; }

std::string_view ChatCompletion::text() const noexcept { return choices.empty() ? std::string_view{} : choices.front().message.content; }
std::string_view ChatChunk::text() const noexcept { return choices.empty() ? std::string_view{} : choices.front().delta.content; }
std::string_view Completion::text() const noexcept { return choices.empty() ? std::string_view{} : choices.front().text; }

}  // namespace bellwether::inline v1
