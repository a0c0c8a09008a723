// Every text of the reports, in each language: english.cc and korean.cc hold them, and nothing else in report/ holds words. `{}` and `{0}` are
// filled by `fill`.
#pragma once

#include <array>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace bellwether::report {

struct Words {
  std::string_view code;  ///< For <html lang>.
  std::string_view brand, roi_title, audit_title;

  // Verdicts. {0} candidate, {1} what is saved, {2} its share.
  std::string_view move, stay, undecided;
  std::string_view move_word, stay_word, undecided_word;

  // Sides and columns.
  std::string_view own_side, own_stated, hosted, a_month, per_million, saved, saved_range, verdict, best, today, break_even, share, source, valid, checked,
      amount, formula;
  std::string_view input, cached, output, tokens, requests, low, middle, high, item, volume_line, volume_stated_basis, volume_audited_basis, average_load,
      of_which_cached;
  std::string_view never_breaks_even, break_even_line, break_even_hint, no_tokens, one_off, payback, months, full_capacity, krw_line;
  std::array<std::string_view, 7> cost_lines;  ///< By costing::LineKind.
  std::array<std::string_view, 13> inputs;     ///< By costing::Input.
  std::array<std::string_view, 3> severities;
  std::array<std::string_view, 17> findings;  ///< By costing::FindingKind, with its figures.

  // Headings and captions.
  std::string_view side_by_side, side_caption, curve, curve_caption, curve_x, curve_y, sensitivity, sensitivity_caption, own_lines, findings_title,
      sources_title, data_table, assumptions;
  std::string_view tornado_saving, tornado_tried, explain_title, made_on, no_network, priced_on, flag_price, scenario_price, break_even_tile, never,
      swing_source, swing_low, swing_high, total, cached_unknown, cached_known;

  // The audit's page.
  std::string_view audit_lead, window, window_covered, sources_read, by_day, by_day_caption, heat, heat_caption, by_model, model, peaks, latency, features,
      forecast, forecast_none, basis, bases_hint, day, unknown, per_day, no_daily, no_hourly, lines, kind, note, weak, mean_day, recognised, percentiles,
      hosted_api, requests_with, other_models, forecast_caption, method, method_trend, method_weak;
  std::array<std::string_view, 7> spreads;       ///< By `spread_names`.
  std::array<std::string_view, 5> hosted_kinds;  ///< same, renamed, emulated, ignored, refused.
  std::array<std::string_view, 7> weekdays;
  std::array<std::string_view, 4> bases;  ///< counted, integrated, estimated, unknown.
};

/// What an audit calls its levels and latencies.
inline constexpr std::array<std::string_view, 7> spread_names{
    "concurrency", "input_tokens_per_second", "output_tokens_per_second", "first_token_ms", "inter_token_ms", "total_ms", "queue_ms"};

[[nodiscard]] const Words& english();
[[nodiscard]] const Words& korean();

/// "ko", "ko_KR.UTF-8" and the like: Korean; everything else: English.
[[nodiscard]] const Words& words_for(std::string_view language);

/// The template with its figures in place. A figure that is not there stays empty.
[[nodiscard]] std::string fill(std::string_view text, std::span<const std::string> figures);
[[nodiscard]] std::string fill(std::string_view text, std::initializer_list<std::string> figures);

}  // namespace bellwether::report
