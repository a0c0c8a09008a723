// What is sold, by its canonical name, and where it can be had.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "metering/price.h"

namespace bellwether::catalog {

/// A member that the route adds to the body where the caller did not set it.
struct RequestDefault {
  std::string name;
  std::string json;  ///< The value's JSON text.
};

/// Which requests an entry of a route is for.
enum class Purpose : std::uint8_t {
  every_request,
  context_too_long,  ///< Only those that did not fit into the context of an entry before.
};

/// How the first candidate of a plan is chosen; the others follow as its fallback.
enum class Policy : std::uint8_t { ordered, weighted, least_outstanding, affinity };

/// A second attempt beside a slow one.
struct HedgePolicy {
  std::uint32_t percentile = 95;    ///< Of the times to the first token: later than this is slow.
  std::uint32_t extra_percent = 5;  ///< The requests that may be asked twice.

  friend bool operator==(const HedgePolicy&, const HedgePolicy&) = default;
};

/// Whether a stream that broke may be continued by another upstream.
enum class Rescue : std::uint8_t { on, off };

constexpr std::size_t route_entries_max = 16;  // More is no route but a list; each request has arrays of this size.

/// One way to serve a model.
struct RouteEntry {
  std::size_t upstream = 0;  ///< Index into Revision::upstreams.
  std::string model;         ///< What that upstream calls it.
  std::uint32_t weight = 1;  ///< Its share where the policy is not `ordered`.
  std::vector<RequestDefault> defaults;
  Purpose purpose = Purpose::every_request;
};

struct Model {
  std::string id;
  std::vector<std::string> aliases;
  std::vector<RouteEntry> route;  ///< In order of preference; never empty, and at least one entry is for every request.
  Policy policy = Policy::ordered;
  std::optional<HedgePolicy> hedge;
  Rescue rescue = Rescue::on;
  Duration deadline = std::chrono::minutes(10);  ///< All attempts and waits of one request together.
  std::optional<metering::Price> price;
  std::int64_t created = 0;  ///< Unix seconds, for GET /v1/models.
  std::string owned_by = "bellwether";
};

}  // namespace bellwether::catalog
