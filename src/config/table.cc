#include "config/table.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/nearest.h"

namespace bellwether::config {
namespace {

std::string_view kind_of(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table: return "a table";
    case toml::node_type::array: return "an array";
    case toml::node_type::string: return "a string";
    case toml::node_type::integer: return "an integer";
    case toml::node_type::floating_point: return "a number with a fraction";
    case toml::node_type::boolean: return "a boolean";
    case toml::node_type::date:
    case toml::node_type::time:
    case toml::node_type::date_time: return "a date or time";
    case toml::node_type::none: break;
  }
  return "something else";
}

}  // namespace

void Reading::complain(const toml::source_region& where, std::string text) {
  problems.push_back({file, static_cast<std::uint32_t>(where.begin.line), static_cast<std::uint32_t>(where.begin.column), std::move(text)});
}

std::string Table::in(std::string_view key) const { return name_.empty() ? std::string(key) : fmt::format("{} in {}", key, name_); }

const toml::node* Table::take(std::string_view key) {
  known_.push_back(key);
  return table_.get(key);
}

void Table::wrong_type(const toml::node& at, std::string_view key, std::string_view wanted) {
  complain(at, fmt::format("{} must be {}, not {}", in(key), wanted, kind_of(at)));
}

const toml::table* Table::take_table(std::string_view key) {
  const toml::node* node = take(key);
  if (node == nullptr) return nullptr;
  if (node->as_table() == nullptr) wrong_type(*node, key, "a table");
  return node->as_table();
}

std::optional<std::string> Table::take_string(std::string_view key) {
  const toml::node* node = take(key);
  if (node == nullptr) return std::nullopt;
  const auto text = node->value_exact<std::string>();
  if (!text) wrong_type(*node, key, "a string");
  return text;
}

void Table::take_duration(std::string_view key, Duration& into, Duration min) {
  const toml::node* node = take(key);
  if (node == nullptr) return;
  const auto text = node->value_exact<std::string>();
  const auto value = text ? parse_duration(*text) : std::nullopt;
  if (!value) complain(*node, fmt::format("{} must be a time such as \"10s\", \"250ms\", \"2m\" or \"1h\" (at most a year)", in(key)));
  else if (*value < min) complain(*node, fmt::format("{} must be at least {} ms", in(key), std::chrono::duration_cast<std::chrono::milliseconds>(min).count()));
  else into = *value;
}

void Table::take_bytes(std::string_view key, std::uint64_t& into, std::uint64_t min) {
  const toml::node* node = take(key);
  if (node == nullptr) return;
  const auto text = node->value_exact<std::string>();
  const auto value = text ? parse_bytes(*text) : std::nullopt;
  if (!value) complain(*node, fmt::format("{} must be a size such as \"32MiB\", \"64KiB\" or \"10MB\" (at most 1 TiB)", in(key)));
  else if (*value < min) complain(*node, fmt::format("{} must be at least {} bytes", in(key), min));
  else into = *value;
}

void Table::take_percent(std::string_view key, std::uint32_t& into, std::uint32_t min, std::uint32_t max) {
  const toml::node* node = take(key);
  if (node == nullptr) return;
  const auto text = node->value_exact<std::string>();
  const auto value = text ? parse_percent(*text) : std::nullopt;
  if (!value || *value < min || *value > max) complain(*node, fmt::format("{} must be a share from \"{}%\" to \"{}%\"", in(key), min, max));
  else into = *value;
}

std::optional<bool> Table::take_boolean(std::string_view key) {
  const toml::node* node = take(key);
  if (node == nullptr) return std::nullopt;
  const auto value = node->value_exact<bool>();
  if (!value) wrong_type(*node, key, "true or false");
  return value;
}

std::optional<std::size_t> Table::word(std::string_view key, std::span<const std::string_view> names) {
  const auto text = take_string(key);
  if (!text) return std::nullopt;
  const auto found = std::ranges::find(names, std::string_view(*text));
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  const auto near = nearest(*text, names, 1);
  std::string words;
  for (std::size_t i = 0; i < names.size(); ++i) words += fmt::format("{}{}", i == 0 ? "" : i + 1 == names.size() ? " and " : ", ", names[i]);
  complain(*table_.get(key),
           fmt::format("{} cannot be \"{}\"{}; there {} {}", in(key), *text, near.empty() ? std::string{} : fmt::format("; did you mean \"{}\"?", near.front()),
                       names.size() == 1 ? "is only" : "are", words));
  return std::nullopt;
}

std::optional<std::int64_t> Table::integer(std::string_view key, std::int64_t min, std::int64_t max) {
  const toml::node* node = take(key);
  if (node == nullptr) return std::nullopt;
  const auto value = node->value_exact<std::int64_t>();
  if (value && *value >= min && *value <= max) return value;
  if (value) complain(*node, fmt::format("{} must be between {} and {}", in(key), min, max));
  else wrong_type(*node, key, "an integer");
  return std::nullopt;
}

std::optional<std::string> Table::take_secret(std::string_view key) {
  const toml::node* node = take(key);
  if (node == nullptr) return std::nullopt;
  const toml::table* table = node->as_table();
  if (table == nullptr) {
    complain(*node, fmt::format("{} must be {{ env = \"NAME\" }} or {{ file = \"PATH\" }}: a secret does not belong into this file", in(key)));
    return std::nullopt;
  }
  Table reference{*table, in(key), reading_};
  const std::size_t before = reading_.problems.size();
  const auto variable = reference.take_string("env");
  const auto path = reference.take_string("file");
  reference.end();
  if (reading_.problems.size() != before) return std::nullopt;
  if (variable.has_value() == path.has_value()) {
    complain(*node, fmt::format("{} must have either env or file", in(key)));
    return std::nullopt;
  }
  std::optional<std::string> value = variable ? reading_.secrets.environment(*variable) : reading_.secrets.file(reading_.resolved(*path));
  const std::string what = variable ? "the environment variable " + *variable : "the file " + reading_.resolved(*path);
  if (!value) {
    complain(*node, fmt::format("{} refers to {}, which {}", in(key), what, variable ? "is not set" : "cannot be read"));
    return std::nullopt;
  }
  while (!value->empty() && (value->back() == '\n' || value->back() == '\r')) value->pop_back();
  // It travels in a head's field: a byte order mark or a blank in it would be sent, and refused far from here.
  const bool is_printable = std::ranges::all_of(*value, [](char c) { return c > ' ' && c <= '~'; });
  if (value->empty() || !is_printable) {
    complain(*node,
             fmt::format("{} refers to {}, which {}", in(key), what, value->empty() ? "is empty" : "holds blanks or other characters than printable ASCII"));
    return std::nullopt;
  }
  return value;
}

void Table::end() {
  for (auto&& [key, node] : table_) {
    if (std::ranges::find(known_, key.str()) != known_.end()) continue;
    std::string text = fmt::format("unknown key {}", in(key.str()));
    const auto near = nearest(key.str(), known_, 1);
    if (!near.empty()) text += fmt::format("; did you mean {}?", near.front());
    reading_.complain(key.source(), std::move(text));
  }
}

}  // namespace bellwether::config
