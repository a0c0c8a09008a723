// What a comparison and the reports take from an audit's JSON (bellwether.audit/1, docs/audit.md): read from its text, so that an audit of
// yesterday or of another machine will do.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "costing/question.h"

namespace bellwether::costing {

enum class Basis : std::uint8_t { counted, integrated, estimated, unknown };

/// A number with its bounds; all 0 where nothing is known.
struct Figure {
  double value = 0, low = 0, high = 0;
  Basis basis = Basis::unknown;
  [[nodiscard]] bool is_known() const { return basis != Basis::unknown; }
};

struct Used {
  Figure requests, input, cached, output;
};

struct NamedUse {
  std::string name;  ///< A model, or a day (2026-11-24).
  Used used;
  double covered = 1;
};

struct AuditSource {
  std::string name, format, note;
  std::int64_t recognised = 0;
};

/// On what a quantity rests: one kind of evidence, e.g. the engines' interval lines.
struct AuditEvidence {
  std::string quantity, kind;
  double value = 0;
  bool is_used = false;
  std::int64_t engines = 0;
};

/// A level or a distribution: requests at work, milliseconds to the first token.
struct Spread {
  std::string name;
  double p50 = 0, p95 = 0, p99 = 0;
  std::optional<double> peak;
};

struct AuditFeature {
  std::string name, hosted, note;
  std::int64_t requests = 0;
};

/// A month as an audit forecasts it; nothing where it refuses.
struct MonthForecast {
  Used used;  ///< `low` and `high` over all of the forecast's scenarios, `value` of its flat one.
  std::string method;
  bool is_weak = false;
};

struct AuditFacts {
  std::string begin, end, zone;  ///< As the audit writes them.
  double covered = 1;
  Used totals;
  std::vector<NamedUse> days, models;
  std::optional<std::array<std::array<double, 24>, 7>> heat;  ///< Tokens, Monday first, hours of `zone`.
  std::int32_t zone_minutes = 0;                              ///< Of `zone` ahead of UTC at the window's end.
  std::vector<Spread> levels;                                 ///< concurrency, input_tokens_per_second, output_tokens_per_second.
  std::vector<Spread> latency;                                ///< In milliseconds.
  std::vector<AuditFeature> features;
  std::int64_t feature_requests = 0;
  std::vector<AuditSource> sources;
  std::vector<AuditEvidence> evidence;
  std::vector<std::string> notes;
  std::optional<MonthForecast> forecast;
  std::string forecast_refused;
};

/// Fails with a sentence: not JSON, not an audit, a version that is not known here, or nothing counted in it.
[[nodiscard]] std::expected<AuditFacts, std::string> read_audit(std::string_view json);

/// The month that the audit forecasts, or the sentence why there is none to price. `file` is for the traces.
[[nodiscard]] std::expected<Volume, std::string> volume_of(const AuditFacts& facts, const std::string& file);

/// The audit's heat map as a week of UTC. Nothing: it has none, or nothing in it.
[[nodiscard]] std::optional<HoursOfWeek> hours_of(const AuditFacts& facts);

}  // namespace bellwether::costing
