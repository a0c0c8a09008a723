// What the tests of this room share: a catalog of one model and the targets of its route. Time begins at an hour and is moved by hand.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "catalog/revision.h"
#include "relay/health.h"

namespace bellwether::relay {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr TimePoint start{std::chrono::hours(1)};

/// Upstreams a, b, c …, each an entry of the route of the only model.
struct Fleet {
  explicit Fleet(std::size_t count, const catalog::Upstream& like = {}) {
    std::vector<catalog::Upstream> upstreams(count, like);
    catalog::Model model;
    model.id = "m";
    for (std::size_t i = 0; i < count; ++i) {
      upstreams[i].name = std::string(1, static_cast<char>('a' + i));
      model.route.push_back({.upstream = i, .model = "m"});
    }
    const catalog::Revision revision{1, std::move(upstreams), {std::move(model)}};
    targets = health.adopt(revision, start);
  }

  [[nodiscard]] Target& operator[](std::size_t i) { return *targets->of(0)[i]; }

  /// Opens a target's breaker as five attempts do that find nobody.
  void break_down(std::size_t i, TimePoint now, Reason reason = Reason::upstream_unreachable) {
    while ((*this)[i].breaker().state() == Breaker::State::closed) (*this)[i].failed(*(*this)[i].begin(now), reason, -1, now, 0);
  }

  Health health{1};
  std::shared_ptr<const Targets> targets;
};

}  // namespace bellwether::relay
