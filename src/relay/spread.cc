#include "relay/spread.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "base/check.h"

namespace bellwether::relay {
namespace {

// Consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam 2016): a quarter above the average keeps the moves few.
constexpr double load_factor = 1.25;

std::uint64_t weight_of(std::span<const Share> shares, std::span<const std::uint8_t> order) {
  return std::accumulate(order.begin(), order.end(), std::uint64_t{0}, [&](std::uint64_t sum, std::uint8_t i) { return sum + shares[i].weight; });
}

/// Moves the element `from` to the front; those before it keep their order.
void to_front(std::span<std::uint8_t> order, std::size_t from) {
  std::rotate(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(from), order.begin() + static_cast<std::ptrdiff_t>(from) + 1);
}

void draw_by_weight(std::span<const Share> shares, Random& random, std::span<std::uint8_t> order) {
  for (; order.size() > 1; order = order.subspan(1)) {
    std::uint64_t ticket = random.below(weight_of(shares, order));
    std::size_t i = 0;
    while (ticket >= shares[order[i]].weight) ticket -= shares[order[i++]].weight;
    to_front(order, i);
  }
}

void prefer_the_idler_of_two(std::span<const Share> shares, Random& random, std::span<std::uint8_t> order) {
  if (order.size() < 2) return;
  const std::size_t one = random.below(order.size());
  std::size_t other = random.below(order.size() - 1);
  if (other >= one) ++other;
  const auto load = [&](std::size_t at, std::size_t against) { return std::uint64_t{shares[order[at]].outstanding} * shares[order[against]].weight; };
  const bool first_is_idler = load(one, other) <= load(other, one);
  const std::uint8_t chosen = order[first_is_idler ? one : other];
  const std::uint8_t second = order[first_is_idler ? other : one];
  for (const std::uint8_t index : {second, chosen}) to_front(order, static_cast<std::size_t>(std::ranges::find(order, index) - order.begin()));
}

std::uint64_t mixed(std::uint64_t prefix, std::uint64_t id) { return Random{prefix ^ id}.next(); }

void keep_together(std::span<const Share> shares, std::uint64_t prefix, std::span<std::uint8_t> order) {
  // Weighted rendezvous: −weight / ln(u), whose maximum falls on each with its weight's probability (Schindelhauer, Schomaker 2005).
  std::array<double, catalog::route_entries_max> score{};
  std::uint64_t outstanding = 0;
  for (const std::uint8_t i : order) {
    const double uniform = (static_cast<double>(mixed(prefix, shares[i].id) >> 11) + 0.5) * 0x1p-53;
    score[i] = -static_cast<double>(shares[i].weight) / std::log(uniform);
    outstanding += shares[i].outstanding;
  }
  const double all = static_cast<double>(weight_of(shares, order));
  const auto is_full = [&](std::uint8_t i) {
    const double fair = static_cast<double>(outstanding + 1) * shares[i].weight / all;
    return static_cast<double>(shares[i].outstanding + 1) > std::ceil(load_factor * fair);
  };
  std::ranges::sort(order, [&](std::uint8_t a, std::uint8_t b) {
    const bool a_full = is_full(a), b_full = is_full(b);
    return a_full != b_full ? b_full : score[a] > score[b];
  });
}

}  // namespace

void spread(catalog::Policy policy, std::span<const Share> shares, std::uint64_t prefix, Random& random, std::span<std::uint8_t> order) {
  BW_CHECK(order.size() == shares.size() && shares.size() <= catalog::route_entries_max);
  std::iota(order.begin(), order.end(), std::uint8_t{0});
  switch (policy) {
    case catalog::Policy::ordered: return;
    case catalog::Policy::weighted: return draw_by_weight(shares, random, order);
    case catalog::Policy::least_outstanding: return prefer_the_idler_of_two(shares, random, order);
    case catalog::Policy::affinity: return keep_together(shares, prefix, order);
  }
}

}  // namespace bellwether::relay
