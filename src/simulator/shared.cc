#include "simulator/shared.h"

#include <cstdio>
#include <utility>

#include "simulator/stats_line.h"

namespace bellwether::simulator {
namespace {

Options with_models(Options options) {
  if (options.models.empty()) options.models = usual_models(options.flavor);
  return options;
}

void write_line(const std::string& line) {
  std::puts(line.c_str());
  std::fflush(stdout);
}

}  // namespace

Shared::Shared(Options given) : options{with_models(std::move(given))}, fault_{options.fault} {}

std::optional<Fault> Shared::fault() const {
  const std::lock_guard lock{mutex_};
  return fault_;
}

void Shared::set_fault(std::optional<Fault> next) {
  const std::lock_guard lock{mutex_};
  fault_ = next;
  seen_.clear();
  first_at_.clear();
}

Duration Shared::since_first_under(const std::string& name, TimePoint now) {
  const std::lock_guard lock{mutex_};
  return now - first_at_.emplace(name, now).first->second;
}

Totals Shared::totals() const {
  return {.requests = requests,
          .prompt_tokens = prompt_tokens,
          .cached_tokens = cached_tokens,
          .completion_tokens = completion_tokens,
          .aborted = aborted,
          .running = running};
}

void Shared::log_access(std::string_view peer, std::string_view request, int status) const {
  if (options.access_log) write_line(access_line(peer, request, status));
}

net::Task<void> write_stats(net::Loop& loop, const Shared& shared) {
  if (!shared.options.access_log || shared.options.flavor != Flavor::vllm) co_return;
  StatsLine line;
  for (TimePoint last = loop.now();;) {
    co_await loop.sleep_for(shared.options.stats_every);
    const TimePoint now = loop.now();
    const auto text = line.next(shared.totals(), now - std::exchange(last, now), loop.wall_now());
    if (text) write_line(*text);
  }
}

bool Shared::first_under(const std::string& name) {
  const std::lock_guard lock{mutex_};
  return seen_.insert(name).second;
}

}  // namespace bellwether::simulator
