#include <fmt/format.h>

#include "parity/check_tables.h"

namespace bellwether::parity {

const Said* find(const History& history, std::string_view probe) {
  const auto at = history.find(probe);
  return at == history.end() ? nullptr : &at->second;
}

std::string excerpt(std::string_view text) {
  constexpr std::size_t bytes_max = 120;
  std::size_t size = std::min(text.size(), bytes_max);
  while (size < text.size() && size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  std::string out(text.substr(0, size));
  for (char& letter : out)
    if (static_cast<unsigned char>(letter) < ' ' || letter == 0x7f) letter = ' ';
  return out + (size < text.size() ? "…" : "");
}

std::optional<Finding> trouble_in(const History& history, const std::vector<std::string>& probes) {
  for (const std::string& probe : probes) {
    const Said* said = find(history, probe);
    if (said == nullptr) return unknown("what it said before gave nothing to ask this with");
    if (said->is_answer()) continue;
    const std::string message = said->error_message.empty() ? "" : ": " + excerpt(said->error_message);
    if (said->is_refusal()) return Finding{.state = State::refused, .detail = fmt::format("{}{}", said->status, message)};
    if (said->status == 429) return unknown("429: too many requests");
    if (!said->trouble.empty()) return Finding{.state = State::broken, .detail = said->trouble};
    if (said->status != 200) return Finding{.state = State::broken, .detail = fmt::format("{}{}", said->status, message)};
    if (said->is_error) return Finding{.state = State::broken, .detail = "an error with status 200" + message};
    return Finding{.state = State::broken, .detail = "no chat completion"};
  }
  return std::nullopt;
}

Finding works(std::string value, std::string detail) { return {.state = State::works, .value = std::move(value), .detail = std::move(detail)}; }
Finding ignored(std::string detail) { return {.state = State::ignored, .detail = std::move(detail)}; }
Finding unknown(std::string detail) { return {.state = State::unknown, .detail = std::move(detail)}; }

std::function<Finding(const History&)> is_answered(std::string probe) {
  return [probe = std::move(probe)](const History& history) {
    const auto trouble = trouble_in(history, {probe});
    return trouble ? *trouble : works("accepted");
  };
}

}  // namespace bellwether::parity
