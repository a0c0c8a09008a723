// What the own side of the comparison consists of, as a scenario file says it (docs/roi.md), and what else the file may say. Read strictly:
// an unknown key is an error with its place and the nearest right one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/read.h"
#include "costing/amount.h"
#include "costing/facts.h"
#include "costing/tariff.h"

namespace bellwether::costing {

/// Whether what was bought is counted. Sunk money is gone either way: only avoidable cost decides then.
enum class Capital : std::uint8_t { counted, sunk };

struct Node {
  std::int64_t count = 1;  ///< Nodes that run today, spares not among them.
  std::int64_t spares = 0;
  std::int64_t gpus = 8;
  std::string gpu;
  std::optional<std::int64_t> memory_gb;          ///< Of one GPU. Nothing: from the table of GPUs, or not known.
  std::optional<std::int64_t> tokens_per_second;  ///< In and out together, at which the node still answers as it should.
  Parts utilisation = 600'000;                    ///< How much of that may be planned for: the rest is for minutes above the hour's mean.
};

struct Rent {
  Amount per_gpu_hour;
  bool committed = true;                ///< Paid for every hour, used or not.
  std::int64_t hours = hours_of_month;  ///< On demand: the hours in which it runs.
};

struct Purchase {
  Amount per_node;
  std::int64_t months = 36;
  Parts residual = 0;
  Capital capital = Capital::counted;
};

struct Power {
  std::int64_t watts_per_node = node_watts;
  Parts load = 750'000;   ///< Of those watts, on average.
  Parts pue = 1'400'000;  ///< Power usage effectiveness: what the building takes for each watt of the machines.
  Amount per_kwh;
};

struct Staff {
  Parts hours = 0;  ///< A month, in millionths of an hour.
  Amount per_hour;
};

/// What is paid once for moving. Not part of a month; it gives the time until it is earned back.
struct Migration {
  Parts hours = 0;
  Amount per_hour;
  std::int64_t double_running_weeks = 0;
};

struct ScenarioCandidate {
  std::string name;
  metering::Price price;
  Parts batch_discount = 0;
};

struct Scenario {
  std::string name;
  std::string model;
  Precision precision = Precision::fp8;
  std::optional<std::int64_t> weights_gb;
  Node node;
  std::optional<Rent> rent;
  std::optional<Purchase> purchase;
  std::optional<Power> power;
  std::optional<Amount> colocation_per_kw;  ///< A month, for each kW of `watts_per_node`.
  std::optional<Amount> other;              ///< Network, storage, licences: a month, whatever the nodes.
  std::optional<Staff> staff;
  std::optional<Migration> migration;
  std::vector<ScenarioCandidate> candidates;
  Parts batch_share = 0;            ///< Of the tokens that may wait for a batch API.
  std::optional<Parts> peak_share;  ///< Of the tokens that meet a tariff's windows, where hours are not known.
  Parts fee = 0;                    ///< Of the hosted bill: payment and credit fees.
  std::optional<Amount> gateway;    ///< What runs in front of the hosted API, a month.
};

/// Whether amounts in won can be taken: they need a rate.
enum class Won : std::uint8_t { have_a_rate, have_none };

/// All problems at once, or the scenario.
[[nodiscard]] std::variant<Scenario, std::vector<config::Problem>> read_scenario(std::string_view toml, const std::string& file, Won won);

}  // namespace bellwether::costing
