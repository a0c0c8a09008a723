// What lives on the client's thread.
#pragma once

#include <list>

#include "engine.h"
#include "net/loop.h"
#include "net/pool.h"

namespace bellwether::client {

struct Side {
  Side(const Settings& settings, std::uint64_t seed);

  const Settings settings;
  net::Loop loop;
  net::Pool pool;  ///< After the loop, on which its connections live.
  std::list<Operation*> running;
  bool closing = false;
};

/// One call, from its first attempt to its last item.
[[nodiscard]] net::Task<void> perform(Side& side, std::shared_ptr<Operation>& operation);

}  // namespace bellwether::client
