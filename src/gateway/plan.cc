#include "gateway/plan.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "chat/conversation.h"
#include "dialects/dialect.h"
#include "relay/spread.h"

namespace bellwether::gateway {

Plan make_plan(const Pinned& pinned, const catalog::Model& model, const chat::Request& chat, Random& random) {
  const catalog::Revision& revision = *pinned.revision;
  const auto number = static_cast<std::size_t>(&model - revision.models().data());
  const std::span<const std::shared_ptr<relay::Target>> targets = pinned.targets->of(number);
  const std::size_t entries = std::min(model.route.size(), catalog::route_entries_max);

  Plan plan{.route = model.route, .candidates = {}};
  plan.candidates.reserve(entries);
  const auto add = [&](std::size_t entry) {
    const catalog::RouteEntry& it = model.route[entry];
    const bool can_continue = dialects::dialect_of(revision.upstreams()[it.upstream].dialect).prefill() != dialects::Prefill::none;
    plan.candidates.push_back({.target = targets[entry].get(), .purpose = it.purpose, .can_continue = can_continue, .entry = static_cast<std::uint8_t>(entry)});
  };

  if (model.policy == catalog::Policy::ordered) {
    for (std::size_t i = 0; i < entries; ++i)
      if (model.route[i].purpose == catalog::Purpose::every_request) add(i);
  } else {
    std::array<relay::Share, catalog::route_entries_max> shares;
    std::array<std::uint8_t, catalog::route_entries_max> entry_of, order;
    std::size_t count = 0;
    for (std::size_t i = 0; i < entries; ++i) {
      if (model.route[i].purpose != catalog::Purpose::every_request) continue;
      shares[count] = {.weight = model.route[i].weight, .outstanding = targets[i]->load().outstanding, .id = targets[i]->id()};
      entry_of[count++] = static_cast<std::uint8_t>(i);
    }
    const std::uint64_t prefix = model.policy == catalog::Policy::affinity ? chat::conversation_of(chat) : 0;
    relay::spread(model.policy, std::span(shares).first(count), prefix, random, std::span(order).first(count));
    for (std::size_t i = 0; i < count; ++i) add(entry_of[order[i]]);
  }
  for (std::size_t i = 0; i < entries; ++i)
    if (model.route[i].purpose != catalog::Purpose::every_request) add(i);
  return plan;
}

}  // namespace bellwether::gateway
