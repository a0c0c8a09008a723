#include "costing/price_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/check.h"
#include "config/document.h"
#include "costing/amount.h"

namespace bellwether::costing {
namespace {

using config::Problem;
using config::Reading;
using config::Table;

constexpr std::size_t entries_max = 10'000;  // The largest public databases hold a few thousand models.
constexpr std::size_t windows_max = 32;
constexpr std::array<std::string_view, 7> day_names{"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
constexpr std::int32_t minutes_of_day = 24 * 60;

std::optional<metering::Price> take_prices(Table& section, const toml::table& table) {
  const auto input = take_price(section, "input");
  const auto cached = take_price(section, "cached_input");
  const auto output = take_price(section, "output");
  if (table.get("input") == nullptr || table.get("output") == nullptr) section.complain("a price needs input and output: an unpriced token is not a free one");
  if (cached && input && *cached > *input)
    section.complain(*table.get("cached_input"), section.in("cached_input") + " is above input: cached tokens never cost more");
  if (!input || !output) return std::nullopt;
  return metering::Price{*input, cached, *output};
}

/// Moves a window into UTC. One that begins on another day there takes its days with it.
void to_utc(Window& window, std::int32_t ahead) {
  const auto wrapped = [](std::int32_t minute) { return ((minute % minutes_of_day) + minutes_of_day) % minutes_of_day; };
  const std::int32_t from = window.from_minute - ahead;
  const int shift = from < 0 ? 6 : from >= minutes_of_day ? 1 : 0;
  std::array<bool, 7> days{};
  for (std::size_t day = 0; day < 7; ++day) days[(day + static_cast<std::size_t>(shift)) % 7] = window.days[day];
  window.days = days;
  window.from_minute = wrapped(from);
  window.to_minute = wrapped(window.to_minute - ahead);
}

void take_days(Table& section, Window& window) {
  const toml::node* node = section.take("days");
  if (node == nullptr) return window.days.fill(true);
  const toml::array* list = node->as_array();
  if (list == nullptr || list->empty()) return section.complain(*node, section.in("days") + R"( must be a list such as ["mon", "tue"])");
  for (const toml::node& entry : *list) {
    const auto name = entry.value_exact<std::string>();
    const auto found = name ? std::ranges::find(day_names, std::string_view(*name)) : day_names.end();
    if (found == day_names.end()) section.complain(entry, section.in("days") + " knows mon, tue, wed, thu, fri, sat and sun");
    else window.days[static_cast<std::size_t>(found - day_names.begin())] = true;
  }
}

template <class Value, class Parse>
std::optional<Value> take_parsed(Table& section, std::string_view key, Parse parse, std::string_view wanted) {
  const toml::node* node = section.take(key);
  if (node == nullptr) {
    section.complain(fmt::format("{} is missing: {}", section.in(key), wanted));
    return std::nullopt;
  }
  const auto text = node->value_exact<std::string>();
  const std::optional<Value> value = text ? parse(*text) : std::nullopt;
  if (!value) section.complain(*node, fmt::format("{} must be {}", section.in(key), wanted));
  return value;
}

std::optional<Window> take_window(const toml::table& table, Reading& reading) {
  Table section{table, "[[price.window]]", reading};
  Window window;
  window.name = section.take_string("name").value_or("");
  take_days(section, window);
  const auto from = take_parsed<std::int32_t>(section, "from", parse_minute_of_day, "a time of day such as \"01:00\"");
  const auto to = take_parsed<std::int32_t>(section, "to", parse_minute_of_day, "a time of day such as \"04:00\"");
  const auto zone = take_parsed<std::int32_t>(section, "zone", parse_zone, "\"UTC\", an offset such as \"+09:00\", Asia/Seoul, Asia/Shanghai or Asia/Tokyo");
  const auto price = take_prices(section, table);
  section.end();
  if (!from || !to || !zone || !price) return std::nullopt;
  window.from_minute = *from;
  window.to_minute = *to;
  window.price = *price;
  to_utc(window, *zone);
  return window;
}

bool overlap(const std::vector<Window>& windows) {
  std::vector<std::pair<std::int32_t, std::int32_t>> spans;
  for (const Window& window : windows) {
    const auto more = minutes_of(window);
    spans.insert(spans.end(), more.begin(), more.end());
  }
  std::ranges::sort(spans);
  for (std::size_t i = 1; i < spans.size(); ++i)
    if (spans[i].first < spans[i - 1].second) return true;
  return false;
}

void take_windows(Table& section, Reading& reading, Tariff& tariff) {
  const toml::node* node = section.take("window");
  if (node == nullptr) return;
  const toml::array* list = node->as_array();
  if (list == nullptr || list->size() > windows_max)
    return section.complain(*node, fmt::format("window must be [[price.window]] tables, at most {}", windows_max));
  for (const toml::node& entry : *list) {
    if (entry.as_table() == nullptr) {
      section.complain(entry, "a window must be a table");
      continue;
    }
    if (auto window = take_window(*entry.as_table(), reading)) tariff.windows.push_back(*std::move(window));
  }
  if (overlap(tariff.windows)) section.complain(*node, "two windows overlap: at one time there is one price");
}

std::optional<PriceEntry> take_entry(const toml::table& table, Reading& reading) {
  Table section{table, "[[price]]", reading};
  const std::size_t before = reading.problems.size();
  PriceEntry entry;
  const auto text = [](const std::string& value) { return value.empty() ? std::nullopt : std::optional(value); };
  entry.provider = take_parsed<std::string>(section, "provider", text, "a name such as \"deepseek\"").value_or("");
  entry.model = take_parsed<std::string>(section, "model", text, "the model's name at the provider").value_or("");
  if (const toml::node* node = section.take("aliases")) {
    const toml::array* list = node->as_array();
    if (list == nullptr) section.complain(*node, "aliases must be an array of strings");
    else
      for (const toml::node& alias : *list) entry.aliases.push_back(alias.value_exact<std::string>().value_or(""));
  }
  entry.valid_from = take_parsed<Instant>(section, "valid_from", parse_instant, "a date such as \"2026-09-10\" or a time such as \"2026-09-10T04:00:00Z\"")
                         .value_or(Instant{});
  if (table.get("valid_to") != nullptr) entry.valid_to = take_parsed<Instant>(section, "valid_to", parse_instant, "a date or a time in UTC");
  else static_cast<void>(section.take("valid_to"));
  entry.source = take_parsed<std::string>(section, "source", text, "where the price stands").value_or("");
  entry.checked = take_parsed<Date>(section, "checked", parse_date, "the date on which somebody last looked there, such as \"2026-09-27\"").value_or(Date{});
  entry.note = section.take_string("note").value_or("");
  entry.tariff.batch_discount = take_share(section, "batch_discount").value_or(0);
  if (const auto price = take_prices(section, table)) entry.tariff.price = *price;
  take_windows(section, reading, entry.tariff);
  section.end();
  if (entry.valid_to && *entry.valid_to <= entry.valid_from) section.complain("valid_to must be later than valid_from");
  if (reading.problems.size() != before) return std::nullopt;
  return entry;
}

/// Whether the name means this entry's model.
bool names(const PriceEntry& entry, std::string_view name) {
  return name == entry.model || std::ranges::find(entry.aliases, name) != entry.aliases.end() || name == entry.name();
}

bool is_valid(const PriceEntry& entry, Instant at) { return entry.valid_from <= at && (!entry.valid_to || at < *entry.valid_to); }
Instant end_of(Date day) { return Instant{day} + std::chrono::hours(24) - std::chrono::seconds(1); }

bool collide(const PriceEntry& left, const PriceEntry& right) {
  return left.name() == right.name() && (is_valid(left, right.valid_from) || is_valid(right, left.valid_from));
}

}  // namespace

std::variant<PriceList, std::vector<Problem>> read_price_list(std::string_view toml, const std::string& file) {
  const auto document = config::parse_document(toml, file);
  if (const auto* problem = std::get_if<Problem>(&document)) return std::vector{*problem};
  const config::SecretSource no_secrets{};
  Reading reading{file, {}, no_secrets, {}};
  PriceList list;
  try {
    Table root{std::get<toml::table>(document), "", reading};
    const toml::node* node = root.take("price");
    root.end();
    const toml::array* entries = node != nullptr ? node->as_array() : nullptr;
    if (entries == nullptr || entries->size() > entries_max) root.complain(fmt::format("a price list is [[price]] tables, from 1 to {}", entries_max));
    else
      for (const toml::node& one : *entries) {
        if (one.as_table() == nullptr) {
          root.complain(one, "a price must be a table");
          continue;
        }
        auto entry = take_entry(*one.as_table(), reading);
        if (!entry) continue;
        for (const PriceEntry& other : list)
          if (collide(*entry, other)) root.complain(one, fmt::format("{} has another price at the same time: give the older one a valid_to", entry->name()));
        list.push_back(*std::move(entry));
      }
  } catch (const config::BrokenToml&) {
    return std::vector{config::broken_document(file)};
  }
  if (!reading.problems.empty()) return std::move(reading.problems);
  return list;
}

const PriceList& shipped_prices() {
  static const PriceList list = [] {
    PriceList all;
    for (const ShippedFile& file : shipped_price_files()) {
      auto read = read_price_list(file.text, std::string(file.name));
      BW_CHECK(std::holds_alternative<PriceList>(read));  // A test reads them too.
      auto& entries = std::get<PriceList>(read);
      all.insert(all.end(), entries.begin(), entries.end());
    }
    return all;
  }();
  return list;
}

const PriceEntry* find_price(const PriceList& list, std::string_view name, Date day) {
  const PriceEntry* found = nullptr;
  for (const PriceEntry& entry : list) {
    if (!names(entry, name) || !is_valid(entry, end_of(day))) continue;
    if (found != nullptr && found->name() != entry.name()) return nullptr;
    found = &entry;
  }
  return found;
}

const PriceEntry* find_past_price(const PriceList& list, std::string_view name, Date day) {
  const PriceEntry* found = nullptr;
  for (const PriceEntry& entry : list)
    if (names(entry, name) && entry.valid_from <= end_of(day) && (found == nullptr || entry.valid_from > found->valid_from)) found = &entry;
  return found;
}

Candidate to_candidate(const PriceEntry& entry) {
  return {
      .name = entry.name(), .tariff = entry.tariff, .origin = Origin::price_list, .valid_to = entry.valid_to, .checked = entry.checked, .source = entry.source};
}

std::vector<const PriceEntry*> prices_of(const PriceList& list, Date day) {
  std::vector<const PriceEntry*> found;
  for (const PriceEntry& entry : list)
    if (is_valid(entry, end_of(day))) found.push_back(&entry);
  return found;
}

}  // namespace bellwether::costing
