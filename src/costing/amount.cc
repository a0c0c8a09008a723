#include "costing/amount.h"

#include <fmt/format.h>

#include "base/check.h"

namespace bellwether::costing {

std::optional<Amount> parse_amount(std::string_view text) {
  Amount amount;
  for (const auto& [word, currency] : {std::pair{std::string_view(" USD"), Currency::usd}, std::pair{std::string_view(" KRW"), Currency::krw}})
    if (text.ends_with(word)) {
      amount.currency = currency;
      text.remove_suffix(word.size());
      break;
    }
  const std::size_t dots = text.find("..");
  const auto low = parse_money(text.substr(0, dots));
  const auto high = dots == std::string_view::npos ? low : parse_money(text.substr(dots + 2));
  if (!low || !high || *low > *high) return std::nullopt;
  amount.low = *low;
  amount.high = *high;
  return amount;
}

std::optional<ExchangeRate> parse_exchange_rate(std::string_view text) {
  const std::size_t at = text.find('@');
  if (at == std::string_view::npos) return std::nullopt;
  const auto won = parse_money(text.substr(0, at));
  const auto on = parse_date(text.substr(at + 1));
  if (!won || won->nano_usd <= 0 || !on) return std::nullopt;
  return ExchangeRate{*won, *on};
}

Span to_usd(const Amount& amount, const std::optional<ExchangeRate>& rate) {
  if (amount.currency == Currency::usd) return {amount.low, amount.middle(), amount.high};
  BW_CHECK(rate.has_value());
  const auto convert = [&](Wide won) { return to_money(won * 1'000'000'000, rate->won_per_usd.nano_usd); };
  return {convert(amount.low.nano_usd), convert(amount.middle().nano_usd), convert(amount.high.nano_usd)};
}

std::int64_t to_won(Money usd, const ExchangeRate& rate) {
  return to_money(Wide{usd.nano_usd} * rate.won_per_usd.nano_usd, Wide{1'000'000'000} * 1'000'000'000).nano_usd;
}

std::variant<metering::Price, std::string> parse_price(std::string_view text) {
  const std::string wanted = "takes USD per million tokens: 0.42 for every token, or input=0.28,cached_input=0.028,output=0.42";
  const auto amount = [](std::string_view decimal) {
    const auto money = parse_money(decimal);
    return money && *money <= price_max ? money : std::nullopt;
  };
  if (const auto flat = amount(text)) return metering::Price{.input = *flat, .cached_input = std::nullopt, .output = *flat};
  std::optional<Money> input, cached, output;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const std::string_view pair = text.substr(at, end - at);
    at = end + 1;
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) return wanted;
    const std::string_view key = pair.substr(0, equals);
    std::optional<Money>* into = key == "input" ? &input : key == "cached_input" ? &cached : key == "output" ? &output : nullptr;
    if (into == nullptr) return fmt::format("does not know '{}'; there are input, cached_input and output", key);
    if (into->has_value()) return fmt::format("has '{}' twice", key);
    *into = amount(pair.substr(equals + 1));
    if (!*into) return fmt::format("has no price for '{}': a decimal below 1000 with at most nine places is wanted", key);
  }
  if (!input || !output) return std::string("needs input and output: an unpriced token is not a free one");
  if (cached && *cached > *input) return std::string("has cached_input above input: cached tokens never cost more");
  return metering::Price{*input, cached, *output};
}

std::optional<Amount> take_amount(config::Table& table, std::string_view key) {
  const toml::node* node = table.take(key);
  if (node == nullptr) return std::nullopt;
  const auto text = node->value_exact<std::string>();
  const auto amount = text ? parse_amount(*text) : std::nullopt;
  if (!amount) table.complain(*node, fmt::format(R"({} must be an amount in a string, such as "2.50", "2.50..3.50" or "182.7 KRW")", table.in(key)));
  return amount;
}

std::optional<Money> take_price(config::Table& table, std::string_view key) {
  const toml::node* node = table.take(key);
  if (node == nullptr) return std::nullopt;
  const auto text = node->value_exact<std::string>();
  const auto money = text ? parse_money(*text) : std::nullopt;
  if (!money || *money > price_max) {
    table.complain(*node, fmt::format(R"({} must be USD per million tokens as a decimal string such as "0.42", below 1000)", table.in(key)));
    return std::nullopt;
  }
  return money;
}

std::optional<Parts> take_share(config::Table& table, std::string_view key) {
  const toml::node* node = table.take(key);
  if (node == nullptr) return std::nullopt;
  const auto text = node->value_exact<std::string>();
  const auto share = text ? parse_share(*text) : std::nullopt;
  if (!share) table.complain(*node, fmt::format(R"({} must be a share such as "60%" or "56.3%")", table.in(key)));
  return share;
}

}  // namespace bellwether::costing
