#include "relay/health.h"

#include <algorithm>

#include "base/check.h"

namespace bellwether::relay {
namespace {

// A longer `Retry-After` than this (a quota of the day) is asked about again: quotas are raised, and clocks are wrong.
constexpr Duration busy_max = std::chrono::seconds(60);

/// FNV-1a, then SplitMix64's finish: FNV alone leaves the high bits of short names alike.
std::uint64_t hash_of(std::string_view upstream, std::string_view model) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  const auto add = [&hash](std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    hash *= 0x100000001b3ULL;  // A name's end, so that "a" + "bc" is not "ab" + "c".
  };
  add(upstream);
  add(model);
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9ULL;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebULL;
  return hash ^ (hash >> 31);
}

/// What an attempt's failure says of the upstream.
enum class Verdict : std::uint8_t { ill, busy, well, nothing };

Verdict verdict_of(Reason reason) {
  switch (reason) {
    case Reason::upstream_unreachable:
    case Reason::upstream_down:
    case Reason::upstream_loading:
    case Reason::upstream_timeout:
    case Reason::upstream_broken:
    case Reason::upstream_denied_us:
    case Reason::upstream_lacks_model: return Verdict::ill;
    case Reason::upstream_busy: return Verdict::busy;
    case Reason::upstream_refused:
    case Reason::content_filtered:
    case Reason::context_too_long: return Verdict::well;
    default: return Verdict::nothing;
  }
}

}  // namespace

std::string_view name_of(Breaker::State state) {
  switch (state) {
    case Breaker::State::closed: return "closed";
    case Breaker::State::open: return "open";
    case Breaker::State::half_open: break;
  }
  return "half_open";
}

int severity_of(Breaker::State state) {
  switch (state) {
    case Breaker::State::closed: return 0;
    case Breaker::State::half_open: return 1;
    case Breaker::State::open: break;
  }
  return 2;
}

namespace {

void add(TargetState& sum, const TargetState& more) {
  if (severity_of(more.state) > severity_of(sum.state)) {
    sum.state = more.state;
    sum.cause = more.cause;
    sum.open_for = more.open_for;
  }
  sum.failures_in_a_row = std::max(sum.failures_in_a_row, more.failures_in_a_row);
  sum.opened_total += more.opened_total;
  sum.busy_for = std::max(sum.busy_for, more.busy_for);
  sum.outstanding += more.outstanding;
  sum.waiting += more.waiting;
  if (sum.concurrency_limit != UINT32_MAX) sum.concurrency_limit += more.concurrency_limit;
  sum.retries_total += more.retries_total;
  sum.retries_refused_total += more.retries_refused_total;
}

}  // namespace

std::vector<TargetState> merge(std::span<const std::vector<TargetState>> lanes) {
  std::map<std::pair<std::string_view, std::string_view>, TargetState> rows;
  for (const std::vector<TargetState>& lane : lanes)
    for (const TargetState& state : lane) {
      const auto [row, is_first] = rows.try_emplace({state.upstream, state.model}, state);
      if (!is_first) add(row->second, state);
    }
  std::vector<TargetState> merged;
  merged.reserve(rows.size());
  for (auto& [name, state] : rows) merged.push_back(std::move(state));
  return merged;
}

Load::Load(const catalog::Upstream& upstream, std::uint32_t lanes)
    : upstream{upstream.name}, url{upstream.base_url}, retry{upstream.retry}, budget{upstream.retry.budget_percent}, concurrency{upstream.concurrency, lanes} {}

Target::Target(std::shared_ptr<Load> load, std::string model, const catalog::BreakerPolicy& policy)
    : load_{std::move(load)}, model_{std::move(model)}, id_{hash_of(load_->upstream, model_)}, breaker_{policy} {}

TimePoint Target::until(TimePoint now) const {
  TimePoint until = busy_until_;
  if (!breaker_.may_enter(now)) until = std::max(until, breaker_.until());
  return std::max(until, now);
}

std::optional<Turn> Target::begin(TimePoint now, Urgency urgency) {
  const std::optional<Turn> turn = breaker_.enter(now, urgency);
  if (turn) ++load_->outstanding;
  return turn;
}

void Target::answered(Turn turn, Duration first_token) {
  breaker_.answered(turn);
  load_->concurrency.observe(first_token);
}

void Target::served(Turn turn, TimePoint now) {
  BW_CHECK(load_->outstanding > 0);
  --load_->outstanding;
  breaker_.succeeded(turn, now);
}

void Target::failed(Turn turn, Reason reason, std::int64_t retry_after_ms, TimePoint now, std::uint64_t bits) {
  BW_CHECK(load_->outstanding > 0);
  --load_->outstanding;
  const Verdict verdict = verdict_of(reason);
  switch (verdict) {
    case Verdict::ill: breaker_.failed(turn, reason, now, bits); break;
    case Verdict::busy: load_->concurrency.throttled(); [[fallthrough]];
    case Verdict::well: breaker_.answered(turn); break;
    case Verdict::nothing: breaker_.abandoned(turn); break;
  }
  // A 503 may ask for time as a 429 does.
  if (retry_after_ms >= 0 && (verdict == Verdict::busy || verdict == Verdict::ill)) {
    const Duration asked = std::chrono::milliseconds(std::min<std::int64_t>(retry_after_ms, std::chrono::milliseconds(std::chrono::hours(24)).count()));
    busy_until_ = std::max(busy_until_, now + std::min(asked, busy_max));
  }
}

void Target::abandoned(Turn turn) {
  BW_CHECK(load_->outstanding > 0);
  --load_->outstanding;
  breaker_.abandoned(turn);
}

void Target::probed(Probed found, TimePoint now) {
  // Well is not proof that it serves, so the next request is the probe that decides; and one failed probe says less than five requests.
  if (found == Probed::well && !breaker_.waits_for_configuration()) breaker_.try_soon(now);
  if (found == Probed::ill && breaker_.state() == Breaker::State::closed) breaker_.failed(Turn{}, Reason::upstream_unreachable, now, 0);
}

std::shared_ptr<const Targets> Health::adopt(const catalog::Revision& revision, TimePoint now) {
  std::vector<std::shared_ptr<Load>> loads;
  for (const catalog::Upstream& upstream : revision.upstreams()) {
    std::weak_ptr<Load>& known = loads_[upstream.name];
    std::shared_ptr<Load> load = known.lock();
    if (load && load->url == upstream.base_url) {
      load->retry = upstream.retry;
      load->budget.set_percent(upstream.retry.budget_percent);
      load->concurrency.set_policy(upstream.concurrency, lanes_);
    } else {
      load = std::make_shared<Load>(upstream, lanes_);
      known = load;
    }
    loads.push_back(std::move(load));
  }
  const auto targets = std::make_shared<Targets>();
  for (const catalog::Model& model : revision.models()) {
    std::shared_ptr<Hedge> hedge;
    if (model.hedge) {
      std::weak_ptr<Hedge>& known = hedges_[model.id];
      hedge = known.lock();
      if (hedge) hedge->set_policy(*model.hedge);
      else known = hedge = std::make_shared<Hedge>(*model.hedge);
    }
    targets->hedges_.push_back(std::move(hedge));
    targets->first_.push_back(targets->all_.size());
    for (const catalog::RouteEntry& entry : model.route) {
      const catalog::BreakerPolicy& policy = revision.upstreams()[entry.upstream].breaker;
      std::weak_ptr<Target>& known = targets_[{loads[entry.upstream]->upstream, entry.model}];
      std::shared_ptr<Target> target = known.lock();
      if (target && target->load_ == loads[entry.upstream]) {
        target->breaker_.set_policy(policy);
        if (target->breaker_.waits_for_configuration()) target->breaker_.try_soon(now);
      } else {
        target = std::make_shared<Target>(loads[entry.upstream], entry.model, policy);
        known = target;
      }
      targets->all_.push_back(std::move(target));
    }
  }
  targets->first_.push_back(targets->all_.size());
  std::erase_if(targets_, [](const auto& row) { return row.second.expired(); });
  std::erase_if(hedges_, [](const auto& row) { return row.second.expired(); });
  std::erase_if(loads_, [](const auto& row) { return row.second.expired(); });
  return targets;
}

void Health::probed(std::string_view upstream, Target::Probed found, TimePoint now) {
  for (auto row = targets_.lower_bound({std::string(upstream), {}}); row != targets_.end() && row->first.first == upstream; ++row)
    if (const std::shared_ptr<Target> target = row->second.lock()) target->probed(found, now);
}

std::vector<TargetState> Health::snapshot(TimePoint now) const {
  std::vector<TargetState> rows;
  for (const auto& [name, known] : targets_) {
    const std::shared_ptr<const Target> target = known.lock();
    if (!target) continue;
    const Breaker& breaker = target->breaker();
    const Load& load = target->load();
    const bool closed = breaker.state() == Breaker::State::closed;
    rows.push_back({.upstream = load.upstream,
                    .model = target->model(),
                    .state = breaker.state(),
                    .cause = breaker.cause(),
                    .failures_in_a_row = breaker.failures_in_a_row(),
                    .opened_total = breaker.opened_total(),
                    .open_for = closed ? Duration{} : std::max(Duration{}, Duration(breaker.until() - now)),
                    .busy_for = std::max(Duration{}, Duration(target->busy_until() - now)),
                    .outstanding = load.outstanding,
                    .waiting = load.concurrency.waiting(),
                    .concurrency_limit = load.concurrency.limit(),
                    .retries_total = load.retries_total,
                    .retries_refused_total = load.retries_refused_total});
  }
  return rows;
}

}  // namespace bellwether::relay
