#include "catalog/plan.h"

namespace bellwether::catalog {

Plan make_plan(const Revision& revision, const Model& model) {
  Plan plan;
  plan.candidates.reserve(model.route.size());
  for (const RouteEntry& entry : model.route) plan.candidates.push_back({&entry, &revision.upstreams()[entry.upstream]});
  return plan;
}

}  // namespace bellwether::catalog
