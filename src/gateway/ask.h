// Asks an upstream for its list of models, on behalf of nobody: discovery and active probes do. Control loop.
#pragma once

#include <string>

#include "base/result.h"
#include "base/time.h"
#include "catalog/upstream.h"
#include "net/loop.h"
#include "net/pool.h"

namespace bellwether::gateway {

struct ModelsAnswer {
  int status;
  std::string body;
};

/// GET …/models with the upstream's key, on a connection of its own, whole within `patience`. Whatever it answers is an answer.
[[nodiscard]] net::Task<Result<ModelsAnswer>> ask_for_models(net::Loop& loop, net::Pool& pool, const catalog::Upstream& upstream, Duration patience);

}  // namespace bellwether::gateway
