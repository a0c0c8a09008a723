// The doing of `bench`: sends what the plan says when it says, to one endpoint or to two in turn, on one loop, and keeps what came of each
// request. What that means is for measuring/.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "calling/alarm.h"
#include "calling/call.h"
#include "cli/bench_prompts.h"
#include "cli/endpoint.h"
#include "json/reader.h"
#include "measuring/schedule.h"
#include "measuring/summary.h"
#include "net/process_signals.h"
#include "net/signal.h"

namespace bellwether::cli {

enum class Load : std::uint8_t {
  closed,  ///< So many callers, each of whom asks again once it was answered.
  open     ///< So many requests a second, whatever comes of them.
};

struct BenchPlan {
  Load load = Load::closed;
  std::uint32_t concurrency = 1;
  double rate = 0;
  measuring::Arrivals arrivals = measuring::Arrivals::poisson;
  std::optional<std::uint64_t> requests;  ///< To each endpoint. Either this
  std::optional<Duration> duration;       ///< or how long requests are sent.
  std::uint64_t warmup = 0;               ///< To each endpoint, before the measurement.
  Duration patience = std::chrono::minutes(10);
  std::uint32_t in_flight_max = 1024;  ///< To each endpoint; what an open load sends beyond has to wait, and is late from its intended time.
  std::uint64_t seed = 1;
};

struct BenchTarget {
  std::string url, model;
  calling::Endpoint endpoint;
};

/// What came of one endpoint's requests.
struct BenchSeen {
  std::vector<measuring::Sample> samples;  ///< In the order in which they ended.
  measuring::Reservoir gaps;
  std::uint64_t under_way = 0;
};

class BenchRun {
 public:
  BenchRun(const BenchPlan& plan, const Prompts& prompts, const BodyOptions& body, const std::vector<BenchTarget>& targets);
  ~BenchRun();

  void run();
  [[nodiscard]] bool interrupted() const { return interrupted_; }
  /// An endpoint that refused the key in every request.
  [[nodiscard]] const std::optional<Refusal>& refusal() const { return refusal_; }
  [[nodiscard]] std::vector<BenchSeen>& seen() { return seen_; }

 private:
  enum class Phase : std::uint8_t { warmup, measured };
  struct Side;
  class Reading;

  [[nodiscard]] net::Task<void> run_all();
  [[nodiscard]] net::Task<void> run_closed(Phase phase, std::uint64_t count);
  [[nodiscard]] net::Task<void> run_open();
  [[nodiscard]] net::Task<void> keep_asking(Phase phase, std::uint64_t count, std::size_t first_side);
  [[nodiscard]] net::Task<void> ask(std::size_t side, Phase phase, std::uint64_t number, TimePoint intended);
  [[nodiscard]] net::Task<void> show_progress();
  void ended();
  [[nodiscard]] bool is_over() const;

  // Constant after construction.
  const BenchPlan& plan_;
  const Prompts& prompts_;
  const BodyOptions& body_;
  const std::vector<BenchTarget>& targets_;
  // This thread's loop only.
  net::Loop loop_;
  net::ProcessSignals signals_;
  calling::Alarm alarm_;
  net::Signal all_ended_, place_;
  json::Reader reader_;
  std::vector<std::unique_ptr<Side>> sides_;
  std::vector<BenchSeen> seen_;
  TimePoint began_{};
  std::uint64_t next_ = 0, in_flight_ = 0, done_ = 0, failed_ = 0;
  bool waits_for_place_ = false, all_sent_ = false, interrupted_ = false;
  std::optional<Refusal> refusal_;
};

}  // namespace bellwether::cli
