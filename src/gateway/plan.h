// A route with one request's choices made: the candidates in the order in which the relay may ask them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "catalog/model.h"
#include "chat/request.h"
#include "gateway/lane.h"
#include "relay/relay.h"

namespace bellwether::gateway {

/// Points into what it was made from. Without memory of its own, as every request has one.
struct Plan {
  std::array<relay::Candidate, catalog::route_entries_max> candidates;
  std::array<const catalog::RouteEntry*, catalog::route_entries_max> entries;
  std::size_t count = 0;

  [[nodiscard]] std::span<const relay::Candidate> all() const { return std::span(candidates).first(count); }
};

/// The entries of `model` (of the pinned revision's) by its policy, then those for special cases. A route of more than
/// catalog::route_entries_max entries, which only discovery makes, is cut there.
[[nodiscard]] Plan make_plan(const Pinned& pinned, const catalog::Model& model, const chat::Request& chat, Random& random);

}  // namespace bellwether::gateway
