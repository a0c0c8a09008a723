// Sentences and ranges that the terminal's table and the page share.
#pragma once

#include <string>

#include "costing/comparison.h"
#include "report/words.h"

namespace bellwether::report {

/// "500.00–750.00", or one figure where the ends are one.
[[nodiscard]] std::string range_of(const costing::Span& span);
/// As above with a dollar sign before each.
[[nodiscard]] std::string usd_range_of(const costing::Span& span);
[[nodiscard]] std::string percent_range_of(const costing::Row& row);
/// For prices per million tokens: cents from a dollar on, more places below.
[[nodiscard]] std::string unit_price(Money money);
[[nodiscard]] std::string unit_price_range(const costing::Span& span);
/// Won for a dollar: "1400", "1387.50".
[[nodiscard]] std::string rate_text(const costing::ExchangeRate& rate);
[[nodiscard]] std::string verdict_sentence(const costing::Comparison& comparison, const Words& words);
[[nodiscard]] std::string_view verdict_word(costing::Verdict verdict, const Words& words);
[[nodiscard]] std::string volume_sentence(const costing::Comparison& comparison, const Words& words);
[[nodiscard]] std::string break_even_sentence(const costing::Row& row, const Words& words);
[[nodiscard]] std::string finding_text(const costing::Finding& finding, const Words& words);

}  // namespace bellwether::report
