// What a comparison is asked: so many tokens, an own side, candidates, a day. All of it values.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "costing/amount.h"
#include "costing/calendar.h"
#include "costing/scenario.h"
#include "costing/tariff.h"

namespace bellwether::costing {

enum class VolumeBasis : std::uint8_t { stated, audited };

/// A figure of an audit that a volume was made from.
struct Trace {
  std::string figure, text, value, source;
};

/// The tokens of a month. `low` is what costs least: fewest tokens, most of them cached.
struct Volume {
  Tokens low, value, high;
  VolumeBasis basis = VolumeBasis::stated;
  bool cached_is_known = false;
  std::optional<std::int64_t> requests;
  std::optional<std::int64_t> peak_tokens_per_second;  ///< In and out together, where an audit saw it.
  std::string source;                                  ///< For people: "--input 100M --output 50M", or the audit's file and method.
  std::vector<Trace> traces;
};

/// Whoever states what a month costs needs no model of it; what the figure can and cannot be is told by findings.
struct Stated {
  Amount monthly;
};
using Own = std::variant<Stated, Scenario>;

enum class Origin : std::uint8_t { flag, scenario, price_list };

struct Candidate {
  std::string name;
  Tariff tariff;
  Origin origin = Origin::flag;
  std::optional<Instant> valid_to;
  std::optional<Date> checked;
  std::string source;
};

struct Question {
  Volume volume;
  std::optional<HoursOfWeek> hours;  ///< Nothing: when the tokens come is not known.
  Own own;
  std::vector<Candidate> candidates;  ///< At least one.
  std::optional<ExchangeRate> rate;
  Date today{};
};

/// Average over the month; rounded to the nearest.
[[nodiscard]] inline std::int64_t tokens_per_second(std::int64_t tokens_of_month) { return (tokens_of_month + seconds_of_month / 2) / seconds_of_month; }

}  // namespace bellwether::costing
