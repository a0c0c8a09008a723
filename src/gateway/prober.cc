#include "gateway/prober.h"

#include <algorithm>
#include <utility>

#include "gateway/ask.h"
#include "gateway/lane.h"
#include "net/pool.h"
#include "net/signal.h"
#include "net/spawn.h"

namespace bellwether::gateway {
namespace {

// A list of models costs an upstream nothing: one that takes longer for it is not well.
constexpr Duration patience_max = std::chrono::seconds(10);

/// 5xx is what a server says that is down or loads; anything else, our key's refusal and a missing path included, comes from one that
/// is there. What requests are refused for, requests find out.
relay::Target::Probed verdict_on(const Result<ModelsAnswer>& answer) {
  return answer && answer->status / 100 != 5 ? relay::Target::Probed::well : relay::Target::Probed::ill;
}

}  // namespace

/// One upstream that is probed. Its task holds it, too, and lets go of it on the loop's thread.
struct Prober::Patient {
  Patient(net::Loop& loop, catalog::Upstream upstream, std::function<void(const std::string&, relay::Target::Probed)> on_probed)
      : loop{loop},
        upstream{std::move(upstream)},
        on_probed{std::move(on_probed)},
        pool{loop, target_of(this->upstream), net::PoolLimits{}, net::PoolObserver{[] {}, [] {}, [] {}}},
        pause{loop} {}

  net::Task<void> run();

  net::Loop& loop;
  catalog::Upstream upstream;
  std::function<void(const std::string&, relay::Target::Probed)> on_probed;
  net::Pool pool;
  net::Signal pause;
  bool stopped = false;
};

net::Task<void> Prober::Patient::run() {
  const Duration patience = std::min(patience_max, upstream.probe_every);
  for (;;) {
    std::ignore = co_await pause.wait(loop.turn() + upstream.probe_every);
    if (stopped) co_return;
    const Result<ModelsAnswer> answer = co_await ask_for_models(loop, pool, upstream, patience);
    if (stopped) co_return;
    on_probed(upstream.name, verdict_on(answer));
  }
}

Prober::Prober(net::Loop& loop, const std::vector<catalog::Upstream>& upstreams,
               const std::function<void(const std::string&, relay::Target::Probed)>& on_probed) {
  for (const catalog::Upstream& upstream : upstreams) {
    if (upstream.probe_every <= Duration::zero()) continue;
    patients_.push_back(std::make_shared<Patient>(loop, upstream, on_probed));
    net::spawn(loop, "probes", [](std::shared_ptr<Patient>& patient) -> net::Task<void> { return patient->run(); }, patients_.back());
  }
}

Prober::~Prober() {
  for (const std::shared_ptr<Patient>& patient : patients_) {
    patient->stopped = true;
    patient->pause.wake(net::IoStatus::cancelled);
  }
}

}  // namespace bellwether::gateway
