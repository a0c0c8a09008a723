// Decides what the streams of evidence say together: several sources of the same traffic are weighed, not added. Pure.
//
// The rule. Streams of one kind are different traffic, and are added: engines, replicas, proxies. Streams of different kinds tell of the same
// traffic, if they may mean the same model (the same name, or one of them names none) in the same hour: for each quantity and hour the best
// kind that tells of it speaks, the others are compared with it. Hours, or a quarter of one at least, of which the best kind tells nothing are
// the next one's to tell. Two streams of one kind that told exactly the same in an hour are one, told twice: one of them counts.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "audit/evidence.h"
#include "audit/report.h"
#include "audit/zone.h"

namespace bellwether::audit {

/// Amounts of several kinds, added as cells, so that errors grow as they should.
class Sum {
 public:
  void add(Kind kind, PromptRate meaning, Quantity quantity, const Cell& cell);
  [[nodiscard]] Quantities quantities() const;

 private:
  std::map<std::tuple<Quantity, Kind, PromptRate>, Cell> cells_;
};

struct Reconciled {
  Sum totals, untimed;
  std::map<std::string, Sum> models;
  std::vector<std::pair<Instant, Quantities>> hours;
  std::map<std::chrono::sys_days, Sum> days;  ///< Days of the zone, as if it were UTC.
  std::map<std::chrono::sys_days, double> day_missing_seconds;
  std::map<std::chrono::sys_days, std::uint32_t> day_streams;
  std::map<std::string, Sum> months;
  std::vector<Evidence> evidence;
  std::vector<Disagreement> disagreements;
  std::vector<std::string> notes;
};

/// The streams' duplicates are taken out of them. `phase`: how far the zone's hours begin after UTC's.
[[nodiscard]] Reconciled reconcile(std::vector<Stream>& streams, const Zone& zone, std::chrono::milliseconds phase, const std::vector<std::string>& models);

}  // namespace bellwether::audit
