// Reads vLLM's /metrics pages: the Prometheus text format and OpenMetrics, and what promtool writes (`tsdb dump`, `query`).
//
// One page or many, behind each other. When a page was taken is said, best first, by
//   the samples' own timestamps (milliseconds as Prometheus writes them, seconds as OpenMetrics and `tsdb dump-openmetrics` do);
//   a line before the page: a time as read_time knows them, alone or in a comment (`# 2026-01-02T03:04:05Z`, the output of `date`,
//   `--- 1767322800 ---`, `timestamp: …`);
//   the file's last change. Pages without a time of their own behind the first then follow it a millisecond apart, and each is counted
//   as a skip for want of a time.
// A page is a new one when a series comes that the last one had.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "audit/lines.h"
#include "audit/reading.h"
#include "audit/vllm_metric.h"

namespace bellwether::audit {

/// Whether samples of vLLM, or comments about them, stand at the beginning, behind nothing but other samples, comments and a time.
[[nodiscard]] bool looks_like_prometheus_text(std::string_view begin);
[[nodiscard]] std::unique_ptr<Reader> make_prometheus_text(const ReadingContext& context, Sink& sink);

class PrometheusText final : public Reader {
 public:
  PrometheusText(const ReadingContext& context, Sink& sink) : context_{context}, sink_{sink}, teller_{sink, context.source}, page_at_{context.written} {}

  void read(std::string_view bytes) override;
  void finish() override;

 private:
  void line(std::string_view text, std::uint64_t number);
  void comment(std::string_view text, std::uint64_t number);
  void sample(std::string_view text, std::uint64_t number);
  /// What follows the series: a value, perhaps a time, perhaps an exemplar.
  void value(std::string_view text, std::uint64_t number);
  [[nodiscard]] bool read_series(std::string_view& text);
  [[nodiscard]] bool read_labels(std::string_view& text, bool named);
  void skip(Skip why, std::uint64_t number) { sink_.skipped({context_.source, number}, why); }

  ReadingContext context_;
  Sink& sink_;
  SampleTeller teller_;
  Lines lines_;
  std::optional<Instant> page_at_;
  bool wanted_ = false;    ///< The series that `name_` holds is of interest.
  bool promtool_ = false;  ///< The values of the series come on lines of their own.
  SeriesName name_;
  std::string unescaped_;
};

}  // namespace bellwether::audit
