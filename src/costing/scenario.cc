#include "costing/scenario.h"

#include <fmt/format.h>

#include <array>

#include "base/nearest.h"
#include "config/document.h"

namespace bellwether::costing {
namespace {

using config::Problem;
using config::Reading;
using config::Table;

// Bounds far beyond anybody's plant; they keep products within 128 bits.
constexpr std::int64_t nodes_max = 10'000, gpus_max = 1'024, memory_gb_max = 10'000, watts_max = 1'000'000, months_max = 240, weeks_max = 520;
constexpr std::int64_t tokens_per_second_max = 1'000'000'000;
constexpr std::size_t candidates_max = 50;

class ScenarioReader {
 public:
  ScenarioReader(const std::string& file, Won won) : reading_{file, {}, no_secrets_, {}}, won_{won} {}

  [[nodiscard]] std::variant<Scenario, std::vector<Problem>> read(const toml::table& root);

 private:
  void node(const toml::table& table);
  void rent(const toml::table& table);
  void purchase(const toml::table& table);
  void power(const toml::table& table);
  void staff(const toml::table& table);
  void migration(const toml::table& table);
  void hosted(const toml::table& table);
  void candidates(const toml::node& node, Table& root);
  void candidate(const toml::table& table);
  [[nodiscard]] std::optional<Amount> amount(Table& section, std::string_view key);
  /// As above; complains where it is missing.
  [[nodiscard]] Amount needed_amount(Table& section, const toml::table& table, std::string_view key);
  [[nodiscard]] Parts factor(Table& section, std::string_view key, Parts usual, std::string_view example);

  const config::SecretSource no_secrets_{};
  Reading reading_;
  Won won_;
  Scenario scenario_;
};

std::optional<Amount> ScenarioReader::amount(Table& section, std::string_view key) {
  auto value = take_amount(section, key);
  if (value && value->currency == Currency::krw && won_ == Won::have_none)
    section.complain(section.in(key) + " is in won, which need a rate: give --krw 1400@2026-11-01");
  return value;
}

Amount ScenarioReader::needed_amount(Table& section, const toml::table& table, std::string_view key) {
  const auto value = amount(section, key);
  if (table.get(key) == nullptr) section.complain(section.in(key) + " is missing");
  return value.value_or(Amount{});
}

Parts ScenarioReader::factor(Table& section, std::string_view key, Parts usual, std::string_view example) {
  const toml::node* node = section.take(key);
  if (node == nullptr) return usual;
  if (const auto whole_number = node->value_exact<std::int64_t>(); whole_number && *whole_number >= 0 && *whole_number <= 100'000) return *whole_number * whole;
  const auto text = node->value_exact<std::string>();
  const auto value = text ? parse_factor(*text) : std::nullopt;
  if (!value) section.complain(*node, fmt::format("{} must be a number of at most 1000, with a fraction in quotes, such as {}", section.in(key), example));
  return value.value_or(usual);
}

void ScenarioReader::node(const toml::table& table) {
  Table section{table, "[node]", reading_};
  Node& node = scenario_.node;
  section.take_integer("count", node.count, 1, nodes_max);
  section.take_integer("spares", node.spares, 0, nodes_max);
  section.take_integer("gpus", node.gpus, 1, gpus_max);
  node.gpu = section.take_string("gpu").value_or("");
  std::int64_t memory = 0, speed = 0;
  section.take_integer("memory_gb", memory, 1, memory_gb_max);
  section.take_integer("tokens_per_second", speed, 1, tokens_per_second_max);
  if (memory > 0) node.memory_gb = memory;
  if (speed > 0) node.tokens_per_second = speed;
  node.utilisation = take_share(section, "utilisation").value_or(node.utilisation);
  if (node.utilisation == 0) section.complain(*table.get("utilisation"), section.in("utilisation") + " must be above 0%");
  section.end();
  if (!node.gpu.empty() && !node.memory_gb) {
    if (const Gpu* gpu = find_gpu(node.gpu)) node.memory_gb = gpu->memory_gb;
    else {
      std::vector<std::string_view> names;
      for (const Gpu& known : gpus()) names.push_back(known.name);
      const auto near = nearest(node.gpu, names, 1);
      section.complain(*table.get("gpu"), fmt::format("gpu \"{}\" is not in the table{}; give memory_gb beside it", node.gpu,
                                                      near.empty() ? "" : fmt::format(" (did you mean \"{}\"?)", near.front())));
    }
  }
}

void ScenarioReader::rent(const toml::table& table) {
  Table section{table, "[rent]", reading_};
  Rent rent;
  rent.per_gpu_hour = needed_amount(section, table, "per_gpu_hour");
  constexpr std::array terms{std::pair{std::string_view("committed"), true}, std::pair{std::string_view("on-demand"), false}};
  section.take_word("term", rent.committed, terms);
  section.take_integer("hours", rent.hours, 0, hours_of_month);
  if (rent.committed && table.get("hours") != nullptr)
    section.complain(*table.get("hours"), "hours in [rent] go with term = \"on-demand\": committed GPUs are paid for all 730");
  section.end();
  scenario_.rent = rent;
}

void ScenarioReader::purchase(const toml::table& table) {
  Table section{table, "[purchase]", reading_};
  Purchase purchase;
  purchase.per_node = needed_amount(section, table, "per_node");
  const Parts years = factor(section, "years", 3 * whole, "3 or \"3.5\"");
  purchase.months = years * 12 / whole;
  if (purchase.months < 1 || purchase.months > months_max) section.complain(section.in("years") + " must be between a month and 20 years");
  purchase.residual = take_share(section, "residual").value_or(0);
  if (section.take_boolean("sunk").value_or(false)) purchase.capital = Capital::sunk;
  section.end();
  scenario_.purchase = purchase;
}

void ScenarioReader::power(const toml::table& table) {
  Table section{table, "[power]", reading_};
  Power power;
  section.take_integer("watts_per_node", power.watts_per_node, 1, watts_max);
  power.load = take_share(section, "load").value_or(power.load);
  power.pue = factor(section, "pue", power.pue, "\"1.4\"");
  if (power.pue < whole) section.complain(section.in("pue") + " is never below 1");
  power.per_kwh = needed_amount(section, table, "per_kwh");
  section.end();
  scenario_.power = power;
}

void ScenarioReader::staff(const toml::table& table) {
  Table section{table, "[staff]", reading_};
  Staff staff;
  staff.hours = factor(section, "hours", 0, "16 or \"7.5\"");
  staff.per_hour = needed_amount(section, table, "per_hour");
  section.end();
  scenario_.staff = staff;
}

void ScenarioReader::migration(const toml::table& table) {
  Table section{table, "[migration]", reading_};
  Migration migration;
  migration.hours = factor(section, "hours", 0, "80");
  migration.per_hour = needed_amount(section, table, "per_hour");
  section.take_integer("double_running_weeks", migration.double_running_weeks, 0, weeks_max);
  section.end();
  scenario_.migration = migration;
}

void ScenarioReader::hosted(const toml::table& table) {
  Table section{table, "[hosted]", reading_};
  scenario_.batch_share = take_share(section, "batch_share").value_or(0);
  scenario_.peak_share = take_share(section, "peak_share");
  scenario_.fee = take_share(section, "fee").value_or(0);
  scenario_.gateway = amount(section, "gateway_per_month");
  section.end();
}

void ScenarioReader::candidate(const toml::table& table) {
  Table section{table, "[[candidate]]", reading_};
  ScenarioCandidate candidate;
  candidate.name = section.take_string("name").value_or("");
  if (candidate.name.empty()) section.complain("name in [[candidate]] is missing");
  const auto input = take_price(section, "input");
  const auto cached = take_price(section, "cached_input");
  const auto output = take_price(section, "output");
  if (table.get("input") == nullptr || table.get("output") == nullptr)
    section.complain("[[candidate]] needs input and output: an unpriced token is not a free one");
  if (cached && input && *cached > *input)
    section.complain(*table.get("cached_input"), "cached_input in [[candidate]] is above input: cached tokens never cost more");
  candidate.batch_discount = take_share(section, "batch_discount").value_or(0);
  section.end();
  if (input && output) candidate.price = {*input, cached, *output};
  scenario_.candidates.push_back(std::move(candidate));
}

void ScenarioReader::candidates(const toml::node& node, Table& root) {
  const toml::array* list = node.as_array();
  if (list == nullptr || list->size() > candidates_max)
    return root.complain(node, fmt::format("candidate must be [[candidate]] tables, at most {}", candidates_max));
  for (const toml::node& entry : *list) {
    if (entry.as_table() != nullptr) candidate(*entry.as_table());
    else root.complain(entry, "a candidate must be a table");
  }
}

std::variant<Scenario, std::vector<Problem>> ScenarioReader::read(const toml::table& root_table) {
  Table root{root_table, "", reading_};
  scenario_.name = root.take_string("name").value_or("");
  scenario_.model = root.take_string("model").value_or("");
  constexpr std::array precisions{std::pair{std::string_view("fp8"), Precision::fp8}, std::pair{std::string_view("int4"), Precision::int4},
                                  std::pair{std::string_view("bf16"), Precision::bf16}};
  root.take_word("precision", scenario_.precision, precisions);
  std::int64_t gb = 0;
  root.take_integer("weights_gb", gb, 1, memory_gb_max);
  if (gb > 0) scenario_.weights_gb = gb;
  if (const auto* table = root.take_table("node")) node(*table);
  if (const auto* table = root.take_table("rent")) rent(*table);
  if (const auto* table = root.take_table("purchase")) purchase(*table);
  if (const auto* table = root.take_table("power")) power(*table);
  scenario_.colocation_per_kw = amount(root, "colocation_per_kw");
  scenario_.other = amount(root, "other_per_month");
  if (const auto* table = root.take_table("staff")) staff(*table);
  if (const auto* table = root.take_table("migration")) migration(*table);
  if (const auto* table = root.take_table("hosted")) hosted(*table);
  if (const auto* list = root.take("candidate")) candidates(*list, root);
  root.end();
  if (!scenario_.rent && !scenario_.purchase)
    root.complain("the GPUs are neither rented nor bought: give [rent] with per_gpu_hour, or [purchase] with per_node (sunk = true if they are paid for)");
  if (scenario_.rent && scenario_.purchase) root.complain("the GPUs are rented or bought: give [rent] or [purchase], not both");
  if (!reading_.problems.empty()) return std::move(reading_.problems);
  return std::move(scenario_);
}

}  // namespace

std::variant<Scenario, std::vector<Problem>> read_scenario(std::string_view toml, const std::string& file, Won won) {
  const auto document = config::parse_document(toml, file);
  if (const auto* problem = std::get_if<Problem>(&document)) return std::vector{*problem};
  try {
    return ScenarioReader{file, won}.read(std::get<toml::table>(document));
  } catch (const config::BrokenToml&) {
    return std::vector{config::broken_document(file)};
  }
}

}  // namespace bellwether::costing
