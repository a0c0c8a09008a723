// The comparison: a month on the own side beside a month at each candidate, what is saved, from what volume on the own side wins, and
// whether the answer holds at both ends of what is known.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "costing/finding.h"
#include "costing/own_side.h"
#include "costing/question.h"
#include "costing/sensitivity.h"

namespace bellwether::costing {

/// `move` and `stay` hold at both ends of every range; what does not is undecided.
enum class Verdict : std::uint8_t { move, stay, undecided };
[[nodiscard]] std::string_view to_text(Verdict verdict);

/// Tokens a month from which on the own side costs less. Nothing: never, since a full node costs more for its tokens than the candidate asks.
struct BreakEven {
  std::optional<std::int64_t> low, value, high;
  friend bool operator==(const BreakEven&, const BreakEven&) = default;
};

struct Row {
  Candidate candidate;
  Span monthly;
  std::optional<Span> per_million;  ///< Nothing without tokens.
  Span saved;                       ///< Below zero: it costs more than the own side.
  std::optional<std::int64_t> saved_tenths_low, saved_tenths_value, saved_tenths_high;
  Shares shares;  ///< Of the tokens at the tariff's windows, in the middle case.
  std::optional<BreakEven> break_even;
  Verdict verdict = Verdict::undecided;
  std::string formula;
};

struct Comparison {
  Question question;
  OwnSide own;
  std::optional<Span> own_per_million;
  std::optional<Span> own_per_million_full;  ///< If the paid nodes served all they can.
  std::vector<Row> rows;                     ///< In the candidates' order.
  std::size_t best = 0;                      ///< The cheapest row.
  Verdict verdict = Verdict::undecided;
  std::vector<Swing> swings;  ///< For the best row; widest first.
  std::vector<Finding> findings;
  std::optional<Money> one_off;                ///< Of the migration.
  std::optional<std::int64_t> payback_tenths;  ///< Of a month.
};

/// Fails where an amount passes ±9.2 billion USD.
[[nodiscard]] std::expected<Comparison, std::string> compare(Question question);

/// A month of so many tokens, mixed as in the question, at one candidate. For break-even and for plots. Throws Overflow.
[[nodiscard]] Span hosted_cost(const Question& question, const Candidate& candidate);
/// The question with another number of tokens in the same mix, low, middle and high alike.
[[nodiscard]] Question with_total(const Question& question, std::int64_t tokens);
/// What the middle case saves with a candidate: own side less hosted side.
[[nodiscard]] Money saving(const Question& question, const Candidate& candidate);

}  // namespace bellwether::costing
