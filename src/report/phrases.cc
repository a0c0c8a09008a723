#include "report/phrases.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace bellwether::report {

using costing::Comparison;
using costing::Row;
using costing::Span;
using costing::to_readable;
using costing::operator-;  // NOLINT(misc-unused-using-decls): found by its operands

namespace {

std::string joined(const std::string& low, const std::string& high) {
  if (low == high) return low;
  // A minus before the second figure would run into the dash.
  return low + (low.starts_with('-') || high.starts_with('-') ? " … " : "–") + high;
}

std::string dollars(Money money) {
  const std::string text = to_readable(money);
  return text.starts_with('-') ? "-$" + text.substr(1) : "$" + text;
}

std::string tokens_range(const costing::BreakEven& at) {
  const std::string low = at.low ? costing::to_short_tokens(*at.low) : "∞";
  const std::string high = at.high ? costing::to_short_tokens(*at.high) : "∞";
  return joined(low, high);
}

std::string rate_range(const costing::BreakEven& at) {
  const auto one = [](const std::optional<std::int64_t>& tokens) {
    return tokens ? costing::with_separators(costing::tokens_per_second(*tokens)) : std::string("∞");
  };
  return joined(one(at.low), one(at.high));
}

}  // namespace

std::string range_of(const Span& span) { return joined(to_readable(span.low), to_readable(span.high)); }
std::string usd_range_of(const Span& span) { return joined(dollars(span.low), dollars(span.high)); }

std::string percent_range_of(const Row& row) {
  if (!row.saved_tenths_low || !row.saved_tenths_high) return "–";
  return joined(costing::to_percent(*row.saved_tenths_low), costing::to_percent(*row.saved_tenths_high)) + " %";
}

std::string unit_price(Money money) {
  // Cents from a dollar on; a place more for each power of ten below, as prices of cached tokens need it.
  constexpr std::int64_t dollar = 1'000'000'000;
  std::int64_t step = dollar / 100;
  for (std::int64_t size = std::abs(money.nano_usd); size > 0 && size < dollar && step > 10; size *= 10) step /= 10;
  return costing::to_short_decimal({costing::to_money(money.nano_usd, step).nano_usd * step});
}

std::string unit_price_range(const Span& span) { return joined(unit_price(span.low), unit_price(span.high)); }

std::string rate_text(const costing::ExchangeRate& rate) {
  std::string text = costing::to_short_decimal(rate.won_per_usd);
  if (text.ends_with(".00")) text.resize(text.size() - 3);
  return text;
}

std::string_view verdict_word(costing::Verdict verdict, const Words& words) {
  switch (verdict) {
    case costing::Verdict::move: return words.move_word;
    case costing::Verdict::stay: return words.stay_word;
    case costing::Verdict::undecided: break;
  }
  return words.undecided_word;
}

std::string verdict_sentence(const Comparison& comparison, const Words& words) {
  const Row* row = &comparison.rows[comparison.best];
  // The cheapest in the middle case need not be the one that is safe at both ends.
  if (comparison.verdict == costing::Verdict::move && row->verdict != costing::Verdict::move)
    row = &*std::ranges::find(comparison.rows, costing::Verdict::move, &Row::verdict);
  const std::string& name = row->candidate.name;
  switch (comparison.verdict) {
    case costing::Verdict::move: {
      std::string percent = percent_range_of(*row);
      if (percent.ends_with(" %")) percent.resize(percent.size() - 2);
      return fill(words.move, {name, usd_range_of(row->saved), percent});
    }
    case costing::Verdict::stay:
      return fill(words.stay, {name, usd_range_of({Money{} - row->saved.high, Money{} - row->saved.value, Money{} - row->saved.low})});
    case costing::Verdict::undecided: break;
  }
  return fill(words.undecided, {name, dollars(row->saved.high), dollars(row->saved.low)});
}

std::string volume_sentence(const Comparison& comparison, const Words& words) {
  const costing::Volume& volume = comparison.question.volume;
  const auto range = [](std::int64_t low, std::int64_t high) {
    return joined(costing::to_short_tokens(std::min(low, high)), costing::to_short_tokens(std::max(low, high)));
  };
  return fill(words.volume_line,
              {range(volume.low.input, volume.high.input),
               volume.cached_is_known ? fill(words.cached_known, {range(volume.low.cached, volume.high.cached)}) : std::string(words.cached_unknown),
               range(volume.low.output, volume.high.output),
               std::string(volume.basis == costing::VolumeBasis::stated ? words.volume_stated_basis : words.volume_audited_basis),
               costing::with_separators(costing::tokens_per_second(volume.value.total()))});
}

std::string break_even_sentence(const Row& row, const Words& words) {
  if (!row.break_even) return fmt::format("{}: {}", row.candidate.name, words.no_tokens);
  if (!row.break_even->low) return fill(words.never_breaks_even, {row.candidate.name});
  return fill(words.break_even_line, {row.candidate.name, tokens_range(*row.break_even), rate_range(*row.break_even)});
}

std::string finding_text(const costing::Finding& finding, const Words& words) {
  return fill(words.findings[static_cast<std::size_t>(finding.kind)], finding.figures);
}

}  // namespace bellwether::report
