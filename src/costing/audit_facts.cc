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
  if (facts.peak_input_rate || facts.peak_output_rate)
    volume.peak_tokens_per_second = whole_tokens(std::ceil(facts.peak_input_rate.value_or(0) + facts.peak_output_rate.value_or(0)));
  volume.source = fmt::format("{} ({} – {}, {:.0f} % covered)", file, facts.begin, facts.end, facts.covered * 100);
  volume.traces.push_back({"audit.totals.input_tokens", "the observed window", text_of(facts.totals.input), file});
  volume.traces.push_back({"audit.totals.cached_input_tokens", "the observed window", text_of(facts.totals.cached), file});
  volume.traces.push_back({"audit.totals.output_tokens", "the observed window", text_of(facts.totals.output), file});
  volume.traces.push_back({"audit.forecast", facts.forecast->method, text_of(month.input) + " input; " + text_of(month.output) + " output", file});
  for (const AuditSource& source : facts.sources)
    volume.traces.push_back({"audit.sources", source.format, fmt::format("{} lines, samples or records", with_separators(source.recognised)), source.name});
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
  facts.covered = std::clamp(number(member(window, "covered"), 1), 0.0, 1.0);
  facts.totals = used(member(root, "totals"));
  facts.days = named(member(root, "by_day"), "day");
  facts.models = named(member(root, "by_model"), "model");
  if (!facts.totals.input.is_known() && !facts.totals.output.is_known()) return std::unexpected("the audit counts no tokens");
  return facts;
}

}  // namespace bellwether::costing
