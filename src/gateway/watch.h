// How the upstreams do, of all lanes together: what /metrics and the admin surface show, and what is said when it changes. Lanes post
// their snapshots; lives on the control loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "relay/health.h"

namespace bellwether::gateway {

class Watch {
 public:
  explicit Watch(std::size_t lanes) : lanes_(lanes) {}

  /// A lane's snapshot, in the place of its last one. When as many have come as there are lanes, all are looked at, and what is to be
  /// said is returned, a line each: breakers that opened and closed. About one upstream's model no more than a line in `pause`, whatever
  /// it does meanwhile; then what is so by then.
  [[nodiscard]] std::vector<std::string> take(std::size_t lane, std::vector<relay::TargetState> seen, TimePoint now);

  /// A row for each upstream's model, in the order of names.
  [[nodiscard]] const std::vector<relay::TargetState>& upstreams() const { return merged_; }

  static constexpr Duration pause = std::chrono::seconds(5);

 private:
  struct Said {
    bool open = false;
    TimePoint at{};
    std::uint64_t opened_total = 0;
    bool still_there = false;
  };
  [[nodiscard]] static std::string line_of(const relay::TargetState& state, const Said& before, TimePoint now);

  std::vector<std::vector<relay::TargetState>> lanes_;
  std::size_t news_ = 0;  ///< Snapshots since the last look.
  std::vector<relay::TargetState> merged_;
  std::map<std::pair<std::string, std::string>, Said> said_;
};

}  // namespace bellwether::gateway
