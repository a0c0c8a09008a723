// A route with one request's choices made: the candidates in the order in which the relay may ask them.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "catalog/model.h"
#include "chat/request.h"
#include "gateway/lane.h"
#include "relay/relay.h"

namespace bellwether::gateway {

/// Points into what it was made from. As small as its route, because each open stream keeps one.
struct Plan {
  std::span<const catalog::RouteEntry> route;  ///< Of the model.
  std::vector<relay::Candidate> candidates;

  [[nodiscard]] const catalog::RouteEntry& entry_of(std::size_t candidate) const { return route[candidates[candidate].entry]; }
};

/// The entries of `model` (of the pinned revision's) by its policy, then those for special cases. A route of more than
/// catalog::route_entries_max entries, which only discovery makes, is cut there.
[[nodiscard]] Plan make_plan(const Pinned& pinned, const catalog::Model& model, const chat::Request& chat, Random& random);

}  // namespace bellwether::gateway
