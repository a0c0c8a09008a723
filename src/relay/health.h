// How each upstream does, seen by one lane: its breakers, what it asked us to wait, its retries, its load. Lives as long as the lane;
// requests reach it by pointers that were looked up when their revision was adopted, never by name.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/failure.h"
#include "base/time.h"
#include "catalog/revision.h"
#include "relay/breaker.h"
#include "relay/concurrency.h"
#include "relay/hedge.h"
#include "relay/retry_budget.h"

namespace bellwether::relay {

/// What the targets of one upstream share.
struct Load {
  Load(const catalog::Upstream& upstream, std::uint32_t lanes);
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  std::string upstream;
  catalog::Url url;
  catalog::Retry retry;
  RetryBudget budget;
  Concurrency concurrency;
  std::uint32_t outstanding = 0;            ///< Attempts begun and not ended.
  std::uint64_t retries_total = 0;          ///< Tries beyond a request's first here.
  std::uint64_t retries_refused_total = 0;  ///< For want of budget.
};

/// Whether an attempt is welcome at a target.
enum class Standing : std::uint8_t {
  ready,
  busy,  ///< It asked us to wait.
  open,  ///< Its breaker is open, and no probe is due.
};

/// One upstream's model: what a route's entry points at.
class Target {
 public:
  Target(std::shared_ptr<Load> load, std::string model, const catalog::BreakerPolicy& policy);

  [[nodiscard]] Standing standing(TimePoint now) const {
    if (!breaker_.may_enter(now)) return Standing::open;
    return now < busy_until_ ? Standing::busy : Standing::ready;
  }
  /// When a target that is busy or open wants to be asked again.
  [[nodiscard]] TimePoint until(TimePoint now) const;

  /// An attempt begins; nothing: not now. What it returns is given back to exactly one of served, failed and abandoned.
  [[nodiscard]] std::optional<Turn> begin(TimePoint now, Urgency urgency = Urgency::normal);
  /// The first token, or the whole reply, of an attempt that goes on.
  void answered(Turn turn, Duration first_token);
  void served(Turn turn, TimePoint now);
  /// What a failure says of the upstream follows from its reason: a refusal of the request itself says that it is well, a 429 that it
  /// is busy, our own troubles nothing. `retry_after_ms` below 0: it asked for nothing. `bits` are random.
  void failed(Turn turn, Reason reason, std::int64_t retry_after_ms, TimePoint now, std::uint64_t bits);
  void abandoned(Turn turn);

  /// What an active probe of net's found.
  enum class Probed : std::uint8_t { well, ill };
  void probed(Probed found, TimePoint now);

  [[nodiscard]] Load& load() { return *load_; }
  [[nodiscard]] const Load& load() const { return *load_; }
  [[nodiscard]] const std::string& model() const { return model_; }
  [[nodiscard]] const Breaker& breaker() const { return breaker_; }
  [[nodiscard]] TimePoint busy_until() const { return busy_until_; }
  [[nodiscard]] std::uint64_t id() const { return id_; }

 private:
  friend class Health;

  const std::shared_ptr<Load> load_;
  const std::string model_;
  const std::uint64_t id_;  ///< A hash of both names: the same in every lane and process, for affinity.
  Breaker breaker_;
  TimePoint busy_until_{};
};

/// The targets of one revision, in the order of its models and their routes. Whoever pins the revision holds them too.
class Targets {
 public:
  /// A target for each entry of the route of the revision's model number `model`.
  [[nodiscard]] std::span<const std::shared_ptr<Target>> of(std::size_t model) const {
    return {all_.data() + first_[model], first_[model + 1] - first_[model]};
  }
  /// What is known for hedging that model; null: it is not hedged.
  [[nodiscard]] Hedge* hedge(std::size_t model) const { return hedges_[model].get(); }

 private:
  friend class Health;
  std::vector<std::shared_ptr<Target>> all_;
  std::vector<std::shared_ptr<Hedge>> hedges_;  ///< Of each model.
  std::vector<std::size_t> first_;              ///< Of each model, and the end.
};

/// For /metrics and the admin port.
struct TargetState {
  std::string upstream;
  std::string model;
  Breaker::State state;
  Reason cause;  ///< Why it is not closed.
  std::uint32_t failures_in_a_row;
  std::uint64_t opened_total;
  Duration open_for;          ///< Until the next probe; zero: now, or closed.
  Duration busy_for;          ///< What is left of what it asked us to wait.
  std::uint32_t outstanding;  ///< Of the whole upstream, as are the next.
  std::uint32_t waiting;
  std::uint32_t concurrency_limit;  ///< UINT32_MAX: none.
  std::uint64_t retries_total;
  std::uint64_t retries_refused_total;
};

[[nodiscard]] std::string_view name_of(Breaker::State state);
/// 0 closed, 1 half open, 2 open.
[[nodiscard]] int severity_of(Breaker::State state);

/// What all lanes say, a row for each target in the order of names: the worst state of any (open, then half open) with its cause, and
/// sums of what is counted.
[[nodiscard]] std::vector<TargetState> merge(std::span<const std::vector<TargetState>> lanes);

class Health {
 public:
  explicit Health(std::uint32_t lanes) : lanes_{lanes} {}
  Health(const Health&) = delete;
  Health& operator=(const Health&) = delete;

  /// The targets of a new revision: those that are known keep what they went through, under the new policies. An upstream whose
  /// URL changed is another one. A breaker that waits for somebody to correct the configuration asks again at once.
  [[nodiscard]] std::shared_ptr<const Targets> adopt(const catalog::Revision& revision, TimePoint now);

  /// An active probe found out how an upstream is: all its targets are told.
  void probed(std::string_view upstream, Target::Probed found, TimePoint now);

  /// Every target that some revision in use holds, by name.
  [[nodiscard]] std::vector<TargetState> snapshot(TimePoint now) const;

 private:
  std::uint32_t lanes_;
  // Weak: a target lives as long as a revision that names it, so catalogs that come and go leave nothing behind.
  std::map<std::string, std::weak_ptr<Load>> loads_;
  std::map<std::pair<std::string, std::string>, std::weak_ptr<Target>> targets_;
  std::map<std::string, std::weak_ptr<Hedge>> hedges_;  ///< By the model's id.
};

}  // namespace bellwether::relay
