// In which order the candidates of a plan are asked: one is chosen by the route's policy, the others follow as its fallback. Knows
// nothing of health; the relay passes over whoever is not well, in this order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/random.h"
#include "catalog/model.h"

namespace bellwether::relay {

/// What a policy looks at.
struct Share {
  std::uint32_t weight = 1;
  std::uint32_t outstanding = 0;  ///< Attempts under way at its upstream, from this lane.
  std::uint64_t id = 0;           ///< Target::id.
};

/// Fills `order` with the indices of `shares`, of the same size (at most catalog::route_entries_max). `prefix` is a hash of how the
/// conversation begins, for affinity.
///
/// ordered: as the route says. weighted: drawn by weight, and so is each that follows, so that a dead one's share goes to all others.
/// least_outstanding: of two drawn at random, the one with less under way for its weight. affinity: rendezvous hashing, so that a
/// conversation stays with its upstream, and only those of one that left move; one that has a quarter more than its share under way
/// is passed over, so that a prefix that everybody shares does not end on one machine.
void spread(catalog::Policy policy, std::span<const Share> shares, std::uint64_t prefix, Random& random, std::span<std::uint8_t> order);

}  // namespace bellwether::relay
