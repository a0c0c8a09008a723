// How `bench` tells what it measured: a table for people, JSON and CSV for programs.
#pragma once

#include <string>
#include <vector>

#include "cli/bench_run.h"
#include "measuring/threshold.h"

namespace bellwether::cli {

/// All that a report is made of.
struct BenchReport {
  const BenchPlan& plan;
  const BodyOptions& body;
  const std::vector<BenchTarget>& targets;
  const std::vector<BenchSeen>& seen;
  measuring::Outcome outcome;
  std::vector<measuring::Threshold> thresholds;
  std::vector<measuring::Judgement> judgements;  ///< As `thresholds`.
  std::string started_at;
  bool interrupted = false;
};

[[nodiscard]] std::string bench_table(const BenchReport& report);
[[nodiscard]] std::string bench_json(const BenchReport& report);
/// A row for each request, under a head line.
[[nodiscard]] std::string bench_csv(const BenchReport& report);
/// A line for each threshold that was missed.
[[nodiscard]] std::string missed_text(const BenchReport& report);

}  // namespace bellwether::cli
