// Reads what a Prometheus (Thanos, Mimir, VictoriaMetrics) answers over HTTP, whole or cut into pieces: `query` and `query_range` with
// vectors and matrices, and VictoriaMetrics' export lines. An answer of hundreds of megabytes is one line: nothing of it is held but the
// series that is being read.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "audit/reading.h"
#include "audit/vllm_metric.h"
#include "json/events.h"

namespace bellwether::audit {

[[nodiscard]] bool looks_like_prometheus_api(std::string_view begin);
[[nodiscard]] std::unique_ptr<Reader> make_prometheus_api(const ReadingContext& context, Sink& sink);

class PrometheusApi final : public Reader, private json::Handler {
 public:
  PrometheusApi(const ReadingContext& context, Sink& sink) : context_{context}, sink_{sink}, teller_{sink, context.source}, events_{*this} {}

  void read(std::string_view bytes) override { events_.feed(bytes); }
  void finish() override { events_.finish(); }

  /// The `error` of an answer that is one, empty otherwise. For whoever asked.
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  Children begin(json::Path path, json::Kind kind, std::string_view key) override;
  void end(json::Path path, json::Kind kind) override;
  bool wants(json::Path path) override;
  void value(json::Path path, json::Kind kind, std::string_view key, std::string_view text) override;
  void broken(Trouble trouble) override;

  /// One of [time, "value"].
  void part_of_pair(json::Kind kind, std::string_view text);
  void begin_metric();
  void end_metric();
  /// Of an export line: all values, then all times.
  void tell_columns();
  void skip(Skip why) { sink_.skipped({context_.source, events_.line()}, why); }

  ReadingContext context_;
  Sink& sink_;
  SampleTeller teller_;
  json::Events events_;
  SeriesName name_;
  std::string error_;
  std::string metric_name_;
  std::vector<std::pair<std::string, std::string>> labels_;  ///< Reused; `label_count_` of them are of this series.
  std::size_t label_count_ = 0;
  bool in_metric_ = false;
  bool wanted_ = false;
  std::size_t in_pair_ = 0;  ///< How many of the pair have come.
  std::optional<Instant> at_;
  std::vector<double> values_;
  std::vector<Instant> times_;
};

}  // namespace bellwether::audit
