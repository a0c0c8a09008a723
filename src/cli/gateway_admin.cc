// What the control loop does for the admin surface: keys, which every lane is told of before the answer goes out, and the page of metrics.
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>

#include "cli/entropy.h"
#include "cli/gateway_process.h"
#include "cli/version.h"
#include "net/signal.h"
#include "net/spawn.h"
#include "store/key_file.h"

namespace bellwether::cli {

// ---- Keys ----

Result<void> Gateway::may_change_keys() const {
  // The one beside us may; `bellwether key` tries again.
  if (succeeding_ || keys_handed_over_) return failed(Reason::shutting_down);
  return {};
}

net::Task<Result<void>> Gateway::keep_keys(std::vector<accounts::Key> next) {
  BW_CO_TRY_DONE(may_change_keys());
  struct Change {
    explicit Change(std::size_t& all) : all{all} { ++all; }
    ~Change() { --all; }
    std::size_t& all;
  } const change{key_changes_};
  BW_CO_TRY_DONE(store::save_keys(folder_, next));
  keys_ = std::move(next);
  const auto ring = std::make_shared<const accounts::KeyRing>(keys_);
  // Whoever gets a key may use it at once, and one that was revoked is refused at once: on every lane.
  struct Wait {
    explicit Wait(net::Loop& loop) : all{loop} {}
    net::Signal all;
    std::size_t left = 0;
  };
  const auto wait = std::make_shared<Wait>(loop_);
  wait->left = lanes_.size();
  for (const auto& lane : lanes_) {
    // Moved on, not copied: the last one to let go of it must be this thread, which owns the deadline inside.
    lane->loop.post([this, lane = lane.get(), ring, wait = wait]() mutable {
      lane->lane.adopt(ring);
      loop_.post([wait = std::move(wait)] {
        if (--wait->left == 0) wait->all.wake(net::IoStatus::ok);
      });
    });
  }
  constexpr Duration patience = std::chrono::seconds(5);
  std::ignore = co_await wait->all.wait(loop_.now() + patience);
  co_return Result<void>{};
}

net::Task<Result<accounts::MadeKey>> Gateway::create_key(accounts::KeyWish wish) {
  for (std::string& name : wish.models) {
    Result<const catalog::Model*> model = revision_->resolve(name);
    if (model) name = (*model)->id;
    else if (revision_->known() == catalog::Known::all) co_return failed(Reason::request_malformed, std::move(model.error().about));
  }
  std::vector<accounts::Key> next = keys_;
  BW_CO_TRY(made, accounts::create_key(next, wish, key_entropy(), loop_.wall_now()));
  BW_CO_TRY_DONE(co_await keep_keys(std::move(next)));
  co_return std::move(made);
}

net::Task<Result<accounts::Key>> Gateway::revoke_key(std::string id_or_name) {
  std::vector<accounts::Key> next = keys_;
  BW_CO_TRY(key, accounts::revoke_key(next, id_or_name, loop_.wall_now()));
  BW_CO_TRY_DONE(co_await keep_keys(std::move(next)));
  co_return std::move(key);
}

net::Task<Result<accounts::MadeKey>> Gateway::rotate_key(std::string id_or_name) {
  std::vector<accounts::Key> next = keys_;
  BW_CO_TRY(made, accounts::rotate_key(next, id_or_name, key_entropy(), loop_.wall_now()));
  BW_CO_TRY_DONE(co_await keep_keys(std::move(next)));
  co_return std::move(made);
}

// ---- Metrics ----

std::string Gateway::metrics_page() {
  std::vector<const telemetry::Metrics*> lanes;
  for (const auto& lane : lanes_) lanes.push_back(&lane->lane.metrics());
  telemetry::ProcessFacts facts;
  facts.version = version();
  facts.commit = commit();
  facts.revision = revision_->number();
  facts.reloads = reloads_;
  facts.reload_failures = reload_failures_;
  facts.access_log_dropped = access_log_->dropped();
  facts.started = started_;
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  facts.cpu_seconds =
      static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
  std::uint64_t pages = 0;
  std::ifstream{"/proc/self/statm"} >> pages >> pages;
  facts.resident_bytes = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  // The number that the next file would get is close to how many are open, and costs nothing to learn.
  const int probe = ::dup(STDERR_FILENO);
  facts.open_files = static_cast<std::uint64_t>(std::max(probe, 0));
  if (probe >= 0) ::close(probe);
  for (const relay::TargetState& state : watch_->upstreams()) {
    facts.targets.push_back({state.upstream, state.model, severity_of(state.state), state.opened_total});
    if (!facts.upstreams.empty() && facts.upstreams.back().upstream == state.upstream) continue;
    facts.upstreams.push_back({state.upstream, state.outstanding, state.waiting, state.concurrency_limit, state.retries_total, state.retries_refused_total});
  }
  return telemetry::to_prometheus(lanes, facts);
}

}  // namespace bellwether::cli
