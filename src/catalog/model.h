// What is sold, by its canonical name, and where it can be had.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "metering/price.h"

namespace bellwether::catalog {

/// A member that the route adds to the body where the caller did not set it.
struct RequestDefault {
  std::string name;
  std::string json;  ///< The value's JSON text.
};

/// One way to serve a model.
struct RouteEntry {
  std::size_t upstream = 0;  ///< Index into Revision::upstreams.
  std::string model;         ///< What that upstream calls it.
  std::uint32_t weight = 1;  ///< For spreading; read and checked here, used by the relay's policies later.
  std::vector<RequestDefault> defaults;
};

struct Model {
  std::string id;
  std::vector<std::string> aliases;
  std::vector<RouteEntry> route;  ///< In order of preference; never empty.
  std::optional<metering::Price> price;
  std::int64_t created = 0;  ///< Unix seconds, for GET /v1/models.
  std::string owned_by = "bellwether";
};

}  // namespace bellwether::catalog
