// Amounts as people write them into flags and scenario files: "2.50", "2.50..3.50", "182.7 KRW".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "config/table.h"
#include "costing/calendar.h"
#include "costing/quantity.h"
#include "metering/price.h"

namespace bellwether::costing {

enum class Currency : std::uint8_t { usd, krw };

/// A range of money in one currency; won are kept in billionths too.
struct Amount {
  Money low, high;
  Currency currency = Currency::usd;
  [[nodiscard]] Money middle() const { return to_money(Wide{low.nano_usd} + high.nano_usd, 2); }
  friend bool operator==(const Amount&, const Amount&) = default;
};

/// Won for a dollar, on a day. Given by whoever asks, never fetched.
struct ExchangeRate {
  Money won_per_usd;
  Date on{};
};

/// "2.50", "2.50..3.50", either with " KRW" or " USD" behind it. Nothing for anything else, or where low is above high.
[[nodiscard]] std::optional<Amount> parse_amount(std::string_view text);
/// "1400@2026-11-01".
[[nodiscard]] std::optional<ExchangeRate> parse_exchange_rate(std::string_view text);

/// In USD. Won need a rate: a missing one is a broken invariant, since reading refuses it.
[[nodiscard]] Span to_usd(const Amount& amount, const std::optional<ExchangeRate>& rate);
/// Whole won.
[[nodiscard]] std::int64_t to_won(Money usd, const ExchangeRate& rate);

/// "0.42" (for every token), or "input=…,cached_input=…,output=…" with `input` and `output` needed. USD per million tokens, below 1,000.
[[nodiscard]] std::variant<metering::Price, std::string> parse_price(std::string_view text);
inline constexpr Money price_max{999'999'999'999};

/// Takes an amount from a TOML table; says what is wrong with it.
[[nodiscard]] std::optional<Amount> take_amount(config::Table& table, std::string_view key);
/// Takes a price per million tokens: USD, no range.
[[nodiscard]] std::optional<Money> take_price(config::Table& table, std::string_view key);
[[nodiscard]] std::optional<Parts> take_share(config::Table& table, std::string_view key);

}  // namespace bellwether::costing
