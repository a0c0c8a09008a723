// What is compared of two endpoints: a table of checks. Each names the probes that it needs, reads one endpoint's answers to them, and says
// what to do where the two differ. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parity/answer.h"

namespace bellwether::parity {

/// What one endpoint does.
enum class State : std::uint8_t {
  works,    ///< And to be seen to: `value` says how.
  ignored,  ///< Accepted, and without effect.
  refused,  ///< By the endpoint itself: 4xx.
  broken,   ///< No proper answer: 5xx, cut, no JSON.
  unknown   ///< What it answered does not tell.
};
inline constexpr std::array<std::string_view, 5> state_names{"works", "ignored", "refused", "broken", "unknown"};

struct Finding {
  State state = State::unknown;
  std::string value;            ///< Two that work are the same where these are.
  std::string detail;           ///< For people; may be empty.
  std::vector<double> numbers;  ///< For checks that compare numbers.
};

/// What it means that the second endpoint cannot do what the first can.
enum class Weight : std::uint8_t {
  blocker,  ///< Whoever uses it cannot move, and nothing in between can make up for it.
  adapter,  ///< A change of configuration or of the caller makes up for it: `advice`.
  note      ///< Good to know.
};
inline constexpr std::array<std::string_view, 3> weight_names{"blocker", "adapter", "note"};

enum class Verdict : std::uint8_t {
  same,
  differs,  ///< Both can, in different ways, or only the second can.
  refused,  ///< The first can; the second refuses it, or has no proper answer.
  ignored,  ///< The first can; the second takes it and does nothing.
  unknown,  ///< One of them does not tell.
  not_run
};
inline constexpr std::array<std::string_view, 6> verdict_names{"same", "differs", "refused", "ignored", "unknown", "not_run"};

struct Comparison {
  Verdict verdict = Verdict::unknown;
  std::string detail;
  bool is_worse = false;  ///< The second cannot do what the first can: what makes a check's weight count.
};

struct Check {
  std::string name;
  std::string_view group;
  Weight weight;
  std::vector<std::string> probes;
  std::function<Finding(const History&)> read;
  std::string_view advice;
  /// Empty: by state and value.
  std::function<Comparison(const Finding&, const Finding&)> compare = {};
};

[[nodiscard]] const std::vector<Check>& checks();

[[nodiscard]] Comparison compare(const Check& check, const Finding& first, const Finding& second);

/// How many more tokens the second counts: the mean of the texts' ratios, with a 95 % interval by Student's t over the texts.
struct Ratio {
  double value = 1, low = 1, high = 1;
};
[[nodiscard]] std::optional<Ratio> ratio_of(const std::vector<double>& first, const std::vector<double>& second);

}  // namespace bellwether::parity
