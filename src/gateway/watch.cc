#include "gateway/watch.h"

#include <fmt/format.h>

#include <chrono>

namespace bellwether::gateway {

std::vector<std::string> Watch::take(std::size_t lane, std::vector<relay::TargetState> seen, TimePoint now) {
  lanes_[lane] = std::move(seen);
  std::vector<std::string> lines;
  if (++news_ < lanes_.size()) return lines;
  news_ = 0;
  merged_ = relay::merge(lanes_);
  for (auto& [name, said] : said_) said.still_there = false;
  for (const relay::TargetState& state : merged_) {
    const bool open = state.state != relay::Breaker::State::closed;
    const auto [place, is_new] = said_.try_emplace({state.upstream, state.model});
    Said& said = place->second;
    said.still_there = true;
    if (open == said.open || (said.at != TimePoint{} && now - said.at < pause)) continue;
    lines.push_back(line_of(state, said, now));
    said = {.open = open, .at = now, .opened_total = state.opened_total, .still_there = true};
  }
  std::erase_if(said_, [](const auto& row) { return !row.second.still_there; });
  return lines;
}

std::string Watch::line_of(const relay::TargetState& state, const Said& before, TimePoint now) {
  const std::string who = fmt::format("upstream {}, model {}", state.upstream, state.model);
  if (state.state == relay::Breaker::State::closed)
    return fmt::format("{}: closed, served again after {} s", who, std::chrono::round<std::chrono::seconds>(now - before.at).count());
  const std::uint64_t more = state.opened_total > before.opened_total + 1 ? state.opened_total - before.opened_total : 0;
  return fmt::format("{}: open, {}{}", who, name_of(state.cause), more > 0 ? fmt::format(" ({} times since the last word)", more) : "");
}

}  // namespace bellwether::gateway
