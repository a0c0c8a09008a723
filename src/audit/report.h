// What an audit found, as values: made by Tally::report, printed by report_json, report_text and report_csv. docs/audit.md describes each.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/reading.h"
#include "audit/zone.h"

namespace bellwether::audit {

/// What a number rests on, the best first. A sum is as good as its worst part.
enum class Basis : std::uint8_t { counted, integrated, estimated, unknown };
[[nodiscard]] std::string_view name_of(Basis basis);

/// A number with its bounds. `unknown`: nothing is known of it, the three are 0.
struct Figure {
  double value = 0, low = 0, high = 0;
  Basis basis = Basis::unknown;
};

/// Adds what is known: the sum is unknown only if all of it is.
void add(Figure& sum, const Figure& part);

enum class Quantity : std::uint8_t { requests, input, cached, output };
inline constexpr std::size_t quantity_count = 4;
inline constexpr std::array<std::string_view, quantity_count> quantity_names{"requests", "input_tokens", "cached_input_tokens", "output_tokens"};

struct Quantities {
  std::array<Figure, quantity_count> of{};
  [[nodiscard]] Figure& operator[](Quantity quantity) { return of[static_cast<std::size_t>(quantity)]; }
  [[nodiscard]] const Figure& operator[](Quantity quantity) const { return of[static_cast<std::size_t>(quantity)]; }
};
void add(Quantities& sum, const Quantities& part);

struct ModelRow {
  std::string model;  ///< Empty: no source named it.
  Quantities used;
};

struct HourRow {
  Instant begin;
  Quantities used;
};

/// A day or a month of the chosen zone.
struct PeriodRow {
  std::string name;  ///< 2026-11-24, 2026-11.
  Instant begin, end;
  Quantities used;
  double covered = 1;  ///< Of the whole period, 0 to 1.
  bool is_weekend = false;
};

struct HeatCell {
  double input = 0, output = 0, requests = 0;  ///< Of all such hours together.
  double hours = 0;                            ///< So many such hours lie in the window.
};

/// A level over time: requests at work, tokens a second.
struct Level {
  bool known = false;
  double mean = 0, p50 = 0, p90 = 0, p95 = 0, p99 = 0;
  Figure peak;
  std::optional<Instant> peak_at;
  std::string_view how;  ///< In one sentence.
};

struct Percentile {
  double of = 0;  ///< 50, 90, 95, 99.
  double value = 0, low = 0, high = 0;
  bool open_above = false;  ///< The last bucket has no end: `high` is its beginning.
};

/// Of latencies in milliseconds, or of lengths in tokens.
struct Distribution {
  std::string_view name;
  std::vector<Percentile> percentiles;
  double mean = 0;
  std::uint64_t samples = 0;
  Basis basis = Basis::unknown;
};

struct Gap {
  Instant begin, end;
  std::uint32_t source = 0;
  std::string engine;
  std::string_view why;
};

struct SkippedRow {
  Skip why{};
  std::uint64_t count = 0;
  std::uint64_t first_line = 0;
};

/// What was recognised in one source.
struct SourceRow {
  std::string name, format;
  std::string looks_like;  ///< Where nothing was recognised.
  std::string trouble;     ///< Why it could not be read, or not to its end.
  std::uint64_t bytes = 0;
  std::uint64_t rate_lines = 0, requests = 0, samples = 0, totals = 0, banners = 0, repeated = 0;
  std::optional<Instant> begin, end;
  std::vector<SkippedRow> skipped;
  std::vector<std::string> versions, models;
  std::string same_as;  ///< Another source with the same content: this one was not read.
  [[nodiscard]] std::uint64_t recognised() const { return rate_lines + requests + samples + totals; }
};

/// On which evidence a quantity rests.
struct Evidence {
  Quantity quantity{};
  std::string_view kind;
  double value = 0;
  bool used = false;  ///< In the totals, for at least a part of the time.
  std::uint32_t engines = 0;
};

struct Disagreement {
  Quantity quantity{};
  std::string_view used_kind, other_kind;
  double used = 0, other = 0;  ///< In the hours that both tell of.
  double percent = 0;          ///< (other - used) / used.
  std::string likely;
};

/// What a hosted API does with a parameter.
enum class Hosted : std::uint8_t { same, renamed, emulated, ignored, refused };
struct FeatureRow {
  std::string_view name;
  std::uint64_t requests = 0;
  Hosted hosted{};
  std::string_view note;
};

struct Scenario {
  std::string_view name;  ///< `flat`, `trend`.
  Quantity quantity{};
  double value = 0, low = 0, high = 0;
};

struct Forecast {
  bool given = false;
  std::string refused;  ///< Why there is none.
  bool weak = false;
  double days_used = 0;
  std::string method;
  std::vector<Scenario> scenarios;
  /// The observed window as it would be over 30 days, unadjusted, where no forecast is given. A band, not a forecast.
  std::vector<Scenario> rough;
};

struct Report {
  std::string zone, zone_from;
  std::optional<Instant> begin, end;
  double covered = 1;
  double missing_seconds = 0, idle_seconds = 0;
  Quantities totals;
  std::optional<std::uint64_t> failed_requests, aborted_requests, excluded_requests, response_cache_hits;
  Quantities untimed;  ///< The part of the totals that has no time.
  std::vector<ModelRow> models;
  std::vector<HourRow> hours;
  std::vector<PeriodRow> days, months;
  std::array<std::array<HeatCell, 24>, 7> heat{};  ///< Monday first.
  Level concurrency, input_rate, output_rate;
  std::vector<Distribution> latency, lengths;
  std::vector<Gap> gaps;  ///< The longest.
  std::uint64_t gaps_count = 0;
  std::vector<SourceRow> sources;
  std::vector<Evidence> evidence;
  std::vector<Disagreement> disagreements;
  std::vector<FeatureRow> features;
  std::uint64_t feature_requests = 0;  ///< Requests whose parameters some log told.
  std::vector<std::string> notes;      ///< Sentences that qualify the figures.
  Forecast forecast;
  [[nodiscard]] bool is_empty() const;
};

}  // namespace bellwether::audit
