// A route with one request's choices made: the candidates in the order in which the relay may try them.
#pragma once

#include <cstddef>
#include <vector>

#include "catalog/revision.h"

namespace bellwether::catalog {

/// Points into the revision it was made from.
struct Candidate {
  const RouteEntry* entry;
  const Upstream* upstream;
};

struct Plan {
  std::vector<Candidate> candidates;
};

/// The model's route in its order. Health and weights come to bear here once the relay knows them.
[[nodiscard]] Plan make_plan(const Revision& revision, const Model& model);

}  // namespace bellwether::catalog
