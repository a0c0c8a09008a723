// Active probes (`probe = { every = … }`): asks upstreams from time to time how they are, away from requests. Lives on the control loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "catalog/upstream.h"
#include "net/loop.h"
#include "relay/health.h"

namespace bellwether::gateway {

class Prober {
 public:
  /// Probes those of `upstreams` that ask for it. `on_probed` is called on `loop` after each probe, with the upstream's name.
  Prober(net::Loop& loop, const std::vector<catalog::Upstream>& upstreams, const std::function<void(const std::string&, relay::Target::Probed)>& on_probed);
  ~Prober();  ///< No call of `on_probed` afterwards. On the loop's thread, or when it has stopped.
  Prober(const Prober&) = delete;
  Prober& operator=(const Prober&) = delete;

 private:
  struct Patient;
  std::vector<std::shared_ptr<Patient>> patients_;
};

}  // namespace bellwether::gateway
