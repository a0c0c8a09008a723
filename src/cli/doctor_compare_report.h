// How `doctor --compare` tells what it found: a table for people, JSON for programs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/money.h"
#include "parity/check.h"

namespace bellwether::cli {

struct ComparedCheck {
  const parity::Check* check = nullptr;
  parity::Weight weight = parity::Weight::note;  ///< The check's own, or raised by --need.
  parity::Finding first, second;
  parity::Comparison comparison;
  std::string not_run;  ///< Why not.
  bool is_accepted = false;

  [[nodiscard]] bool is_blocker() const { return comparison.is_worse && weight == parity::Weight::blocker && !is_accepted; }
};

struct ComparedEndpoint {
  std::string name, model;
};

struct CompareReport {
  ComparedEndpoint a, b;
  std::string started_at;
  std::vector<ComparedCheck> checks;
  std::uint64_t tokens = 0, tokens_max = 0, calls = 0;
  std::optional<Money> spent, budget;
  bool interrupted = false;

  [[nodiscard]] bool has_blocker() const;
};

[[nodiscard]] std::string compare_table(const CompareReport& report);
[[nodiscard]] std::string compare_json(const CompareReport& report);

}  // namespace bellwether::cli
