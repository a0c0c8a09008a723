#include "costing/audit_facts.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace bellwether::costing {
namespace {

using Json = nlohmann::json;

constexpr std::size_t rows_max = 100'000;  // Of any list: a few hundred years of days.
constexpr double amount_max = static_cast<double>(tokens_max);

/// A member, or null: nothing here throws for what a file may hold.
const Json& member(const Json& object, const char* key) {
  static const Json null;
  if (!object.is_object()) return null;
  const auto found = object.find(key);
  return found == object.end() ? null : *found;
}

double number(const Json& value, double otherwise = 0) {
  if (!value.is_number()) return otherwise;
  const double found = value.get<double>();
  return std::isfinite(found) ? std::clamp(found, -amount_max, amount_max) : otherwise;
}

std::string text(const Json& value) { return value.is_string() ? value.get<std::string>() : std::string{}; }

Basis basis_of(const std::string& name) {
  if (name == "counted") return Basis::counted;
  if (name == "integrated") return Basis::integrated;
  if (name == "estimated") return Basis::estimated;
  return Basis::unknown;
}

Figure figure(const Json& value) {
  Figure found{.value = number(member(value, "value")), .low = 0, .high = 0, .basis = basis_of(text(member(value, "basis")))};
  found.low = std::clamp(number(member(value, "low"), found.value), 0.0, std::max(found.value, 0.0));
  found.high = std::max(number(member(value, "high"), found.value), found.value);
  if (!found.is_known() || found.value < 0) return {};
  return found;
}

Used used(const Json& row) {
  return {figure(member(row, "requests")), figure(member(row, "input_tokens")), figure(member(row, "cached_input_tokens")),
          figure(member(row, "output_tokens"))};
}

std::vector<NamedUse> named(const Json& rows, const char* key) {
  std::vector<NamedUse> found;
  if (!rows.is_array()) return found;
  for (const Json& row : rows) {
    if (found.size() == rows_max) break;
    found.push_back({text(member(row, key)), used(row), std::clamp(number(member(row, "covered"), 1), 0.0, 1.0)});
  }
  return found;
}

std::int64_t whole_tokens(double tokens) { return std::llround(std::clamp(tokens, 0.0, amount_max)); }

std::string text_of(const Figure& figure) {
  static constexpr std::array<std::string_view, 4> names{"counted", "integrated", "estimated", "unknown"};
  return fmt::format("{} ({}–{}), {}", with_separators(whole_tokens(figure.value)), with_separators(whole_tokens(figure.low)),
                     with_separators(whole_tokens(figure.high)), names[static_cast<std::size_t>(figure.basis)]);
}

}  // namespace

std::expected<Volume, std::string> volume_of(const AuditFacts& facts, const std::string& file) {
  if (!facts.forecast) {
    return std::unexpected(
        fmt::format("{}: the audit makes no monthly figure{}{}; audit a longer window (14 days or more), or say a month's tokens with --input and --output",
                    file, facts.forecast_refused.empty() ? "" : ": ", facts.forecast_refused));
  }
  const Used& month = facts.forecast->used;
  if (!month.input.is_known() || !month.output.is_known())
    return std::unexpected(fmt::format("{}: the audit does not know the {} tokens of a month, and an unpriced token is not a free one", file,
                                       month.input.is_known() ? "output" : "input"));
  Volume volume{.basis = VolumeBasis::audited, .cached_is_known = month.cached.is_known()};
  const auto tokens = [&](double Figure::* input, double Figure::* cached) {
    Tokens found{whole_tokens(month.input.*input), whole_tokens(month.cached.*cached), whole_tokens(month.output.*input)};
    found.cached = std::min(found.cached, found.input);
    return found;
  };
  volume.low = tokens(&Figure::low, &Figure::high);
  volume.value = tokens(&Figure::value, &Figure::value);
  volume.high = tokens(&Figure::high, &Figure::low);
  if (month.requests.is_known()) volume.requests = whole_tokens(month.requests.value);
  // The 95th percentiles: a burst of a few seconds is waited out in the queue, not met with another node.
  double busy = 0;
  for (const Spread& level : facts.levels)
    if (level.name.ends_with("_tokens_per_second")) busy += level.p95;
  if (busy > 0) volume.peak_tokens_per_second = whole_tokens(std::ceil(busy));
  volume.source = fmt::format("{} ({} – {}, {:.0f} % covered)", file, facts.begin.substr(0, 10), facts.end.substr(0, 10), facts.covered * 100);
  volume.traces.push_back({"audit.totals.input_tokens", "the observed window", text_of(facts.totals.input), file});
  volume.traces.push_back({"audit.totals.cached_input_tokens", "the observed window", text_of(facts.totals.cached), file});
  volume.traces.push_back({"audit.totals.output_tokens", "the observed window", text_of(facts.totals.output), file});
  volume.traces.push_back({"audit.forecast", facts.forecast->method, text_of(month.input) + " input; " + text_of(month.output) + " output", file});
  for (const AuditEvidence& one : facts.evidence)
    volume.traces.push_back({"audit.evidence." + one.quantity,
                             fmt::format("{}, {}", one.kind, one.is_used ? "in the totals" : "not used: a better kind tells the same"),
                             with_separators(whole_tokens(one.value)), fmt::format("{}; {} engine(s)", file, one.engines)});
  for (const AuditSource& source : facts.sources)
    volume.traces.push_back({"audit.sources", source.format, fmt::format("{} lines, samples or records", with_separators(source.recognised)),
                             source.note.empty() ? source.name : source.name + ": " + source.note});
  if (volume.peak_tokens_per_second)
    volume.traces.push_back(
        {"audit.busy_tokens_per_second", "95th percentile of input and of output, together", with_separators(*volume.peak_tokens_per_second), file});
  return volume;
}

std::optional<HoursOfWeek> hours_of(const AuditFacts& facts) {
  if (!facts.heat) return std::nullopt;
  double all = 0;
  for (const auto& day : *facts.heat)
    for (const double tokens : day) all += std::max(tokens, 0.0);
  if (!(all > 0)) return std::nullopt;
  HoursOfWeek hours{};
  constexpr std::int32_t minutes_of_week = 7 * 24 * 60;
  for (std::int32_t hour = 0; hour < 168; ++hour) {
    const double tokens = std::max((*facts.heat)[static_cast<std::size_t>(hour / 24)][static_cast<std::size_t>(hour % 24)], 0.0);
    // A zone of half hours puts its hour onto the UTC hour in which it begins: half an hour's error at the windows' edges.
    const std::int32_t begin = ((hour * 60 - facts.zone_minutes) % minutes_of_week + minutes_of_week) % minutes_of_week;
    hours[static_cast<std::size_t>(begin / 60)] += static_cast<std::int64_t>(tokens / all * static_cast<double>(weights_sum_max));
  }
  return hours;
}

namespace {

/// "…+09:00" or "…Z", as the audit ends its times.
std::int32_t minutes_ahead(const std::string& time) {
  if (time.size() < 6) return 0;
  return parse_zone(std::string_view(time).substr(time.size() - 6)).value_or(0);
}

Spread spread(const std::string& name, const Json& value) {
  const auto at = [&](const char* key) { return member(value, key).is_object() ? number(member(member(value, key), "value")) : number(member(value, key)); };
  Spread found{.name = name, .p50 = at("p50"), .p95 = at("p95"), .p99 = at("p99")};
  if (member(value, "peak").is_object()) found.peak = number(member(member(value, "peak"), "value"));
  return found;
}

/// Tokens of such an hour on average, so that a window of nine days does not count two Mondays.
std::optional<std::array<std::array<double, 24>, 7>> heat(const Json& rows) {
  if (!rows.is_array() || rows.size() != 7) return std::nullopt;
  std::array<std::array<double, 24>, 7> found{};
  double all = 0;
  for (std::size_t day = 0; day < 7; ++day) {
    if (!rows[day].is_array() || rows[day].size() != 24) return std::nullopt;
    for (std::size_t hour = 0; hour < 24; ++hour) {
      const Json& cell = rows[day][hour];
      const double hours = number(member(cell, "hours"));
      if (hours > 0) found[day][hour] = std::max(number(member(cell, "input_tokens")) + number(member(cell, "output_tokens")), 0.0) / hours;
      all += found[day][hour];
    }
  }
  return all > 0 ? std::optional(found) : std::nullopt;
}

AuditSource source(const Json& row) {
  AuditSource found{.name = text(member(row, "name")), .format = text(member(row, "format")), .note = {}, .recognised = 0};
  for (const char* kind : {"rate_lines", "requests", "samples", "totals"}) found.recognised += whole_tokens(number(member(member(row, "recognised"), kind)));
  for (const char* why : {"trouble", "looks_like"})
    if (const std::string said = text(member(row, why)); !said.empty()) found.note += (found.note.empty() ? "" : "; ") + said;
  if (const std::string same = text(member(row, "same_as")); !same.empty()) found.note += "same as " + same;
  return found;
}

std::optional<MonthForecast> forecast(const Json& value) {
  if (!member(value, "given").is_boolean() || !member(value, "given").get<bool>() || !member(value, "monthly").is_array()) return std::nullopt;
  MonthForecast found{.used = {}, .method = text(member(value, "method")), .is_weak = member(value, "weak").is_boolean() && member(value, "weak").get<bool>()};
  for (const Json& row : member(value, "monthly")) {
    const std::string quantity = text(member(row, "quantity"));
    Figure* into = quantity == "requests"              ? &found.used.requests
                   : quantity == "input_tokens"        ? &found.used.input
                   : quantity == "cached_input_tokens" ? &found.used.cached
                   : quantity == "output_tokens"       ? &found.used.output
                                                       : nullptr;
    if (into == nullptr) continue;
    const double low = std::max(number(member(row, "low")), 0.0), middle = std::max(number(member(row, "value")), 0.0),
                 high = std::max(number(member(row, "high")), middle);
    const bool is_first = !into->is_known();
    into->basis = Basis::estimated;
    into->low = is_first ? low : std::min(into->low, low);
    into->high = is_first ? high : std::max(into->high, high);
    if (is_first || text(member(row, "scenario")) == "flat") into->value = middle;
  }
  return found;
}

template <class Read>
void each(const Json& rows, Read read) {
  if (!rows.is_array()) return;
  std::size_t count = 0;
  for (const Json& row : rows)
    if (++count <= rows_max) read(row);
}

}  // namespace

std::expected<AuditFacts, std::string> read_audit(std::string_view json) {
  const Json root = Json::parse(json, nullptr, false);
  if (root.is_discarded()) return std::unexpected("this is not JSON: `bellwether audit … --json > audit.json` writes what is wanted here");
  const std::string schema = text(member(root, "schema"));
  if (schema != "bellwether.audit/1")
    return std::unexpected(fmt::format("the schema is '{}', not bellwether.audit/1: `bellwether audit … --json` writes it", schema.substr(0, 60)));
  AuditFacts facts;
  const Json& window = member(root, "window");
  facts.begin = text(member(window, "begin"));
  facts.end = text(member(window, "end"));
  facts.zone = text(member(window, "zone"));
  facts.zone_minutes = minutes_ahead(facts.end);
  facts.covered = std::clamp(number(member(member(root, "coverage"), "share"), 1), 0.0, 1.0);
  facts.totals = used(member(root, "totals"));
  if (!facts.totals.input.is_known() && !facts.totals.output.is_known() && !facts.totals.requests.is_known())
    return std::unexpected("the audit counts nothing: neither requests nor tokens");
  facts.days = named(member(root, "by_day"), "day");
  facts.models = named(member(root, "by_model"), "model");
  facts.heat = heat(member(root, "heat"));
  for (const char* name : {"concurrency", "input_tokens_per_second", "output_tokens_per_second"})
    if (const Json& level = member(root, name); level.is_object()) facts.levels.push_back(spread(name, level));
  if (const Json& all = member(root, "latency"); all.is_object())
    for (const auto& [name, value] : all.items()) facts.latency.push_back(spread(name, value));
  each(member(root, "sources"), [&](const Json& row) { facts.sources.push_back(source(row)); });
  each(member(root, "evidence"), [&](const Json& row) {
    facts.evidence.push_back({text(member(row, "quantity")), text(member(row, "from")), number(member(row, "value")),
                              member(row, "used").is_boolean() && member(row, "used").get<bool>(), whole_tokens(number(member(row, "engines")))});
  });
  each(member(root, "features"), [&](const Json& row) {
    facts.features.push_back(
        {text(member(row, "name")), text(member(row, "hosted")), text(member(row, "note")), whole_tokens(number(member(row, "requests")))});
  });
  facts.feature_requests = whole_tokens(number(member(root, "feature_requests")));
  each(member(root, "notes"), [&](const Json& row) { facts.notes.push_back(text(row)); });
  facts.forecast = forecast(member(root, "forecast"));
  facts.forecast_refused = text(member(member(root, "forecast"), "refused"));
  return facts;
}

}  // namespace bellwether::costing
