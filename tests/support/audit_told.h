// A Sink that keeps what readers tell, for tests and fuzz targets: everything as text, in order, and sums by kind.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "audit/reading.h"

namespace bellwether::audit {

class Told final : public Sink {
 public:
  void seen(const RequestSeen& r) override {
    std::string text = "request";
    const auto add = [&](std::string_view name, const auto& value) {
      if (value) text += fmt::format(" {}={}", name, *value);
    };
    if (!r.id.empty()) text += fmt::format(" id={}", r.id);
    if (!r.model.empty()) text += fmt::format(" model={}", r.model);
    if (r.end) text += fmt::format(" end={}", r.end->time_since_epoch().count());
    if (r.latency) text += fmt::format(" latency={}", r.latency->count());
    if (r.first_token) text += fmt::format(" first={}", r.first_token->count());
    add("in", r.input_tokens);
    add("cached", r.cached_input_tokens);
    add("out", r.output_tokens);
    add("max", r.output_tokens_max);
    if (r.outcome != Outcome::served) text += fmt::format(" outcome={}", static_cast<int>(r.outcome));
    if (r.features != Feature::none) text += fmt::format(" features={:x}", static_cast<std::uint32_t>(r.features));
    if (r.from_response_cache) text += " cache";
    features.push_back(r.features);
    logs.push_back(r.log);
    keep(r.place, std::move(text));
  }
  void seen(const RatesSeen& r) override { keep(r.place, fmt::format("rates {} {}", r.prompt_tokens_per_second, r.generation_tokens_per_second)); }
  void seen(const CounterSeen& s) override {
    keep(s.place, fmt::format("counter {}{} at={} {}", static_cast<int>(s.counter), labels(s.series), s.at.time_since_epoch().count(), s.value));
    hashes.push_back(s.series.hash);
  }
  void seen(const GaugeSeen& s) override {
    keep(s.place, fmt::format("gauge {}{} at={} {}", static_cast<int>(s.gauge), labels(s.series), s.at.time_since_epoch().count(), s.value));
    hashes.push_back(s.series.hash);
  }
  void seen(const BucketSeen& s) override {
    keep(s.place, fmt::format("bucket {}{} part={} le={} at={} {}", static_cast<int>(s.histogram), labels(s.series), static_cast<int>(s.part), s.upper_bound,
                              s.at.time_since_epoch().count(), s.value));
    hashes.push_back(s.series.hash);
  }
  void seen(const TotalSeen& t) override {
    keep(t.place, fmt::format("total {} {}..{} requests={} failed={} in={} cached={} out={}", t.model, t.begin.time_since_epoch().count() / 1000,
                              t.end.time_since_epoch().count() / 1000, t.requests, t.failed_requests, t.input_tokens, t.cached_input_tokens, t.output_tokens));
  }
  void seen(const BannerSeen& b) override { keep(b.place, fmt::format("banner {} {}", static_cast<int>(b.what), b.text)); }
  void skipped(const Place& place, Skip why) override {
    ++skips[why];
    all.push_back(fmt::format("{}: skip {}", place.line, static_cast<int>(why)));
  }

  std::vector<std::string> told;  ///< Findings, without their places.
  std::vector<std::string> all;   ///< Findings and skips, with the lines that they stand on.
  std::vector<std::uint64_t> hashes;
  std::vector<Feature> features;
  std::vector<RequestLog> logs;
  std::map<Skip, std::uint64_t> skips;

 private:
  static std::string labels(const Series& series) {
    std::string text;
    for (const std::string_view label : {series.model, series.engine, series.instance, series.reason}) text += "," + std::string(label);
    return text;
  }
  void keep(const Place& place, std::string text) {
    all.push_back(fmt::format("{}: {}", place.line, text));
    told.push_back(std::move(text));
  }
};

/// What a reader of this kind tells of a text that comes in pieces of `step` bytes.
template <class SomeReader>
Told told_by(std::string_view text, std::size_t step = std::size_t{1} << 16, ReadingContext context = {}) {
  Told told;
  const auto reader = std::make_unique<SomeReader>(context, told);
  for (std::size_t at = 0; at < text.size(); at += step) reader->read(text.substr(at, step));
  reader->finish();
  return told;
}

using Maker = std::unique_ptr<Reader> (*)(const ReadingContext& context, Sink& sink);

inline Told told_by_maker(Maker make, std::string_view text, std::size_t step = std::size_t{1} << 16, ReadingContext context = {}) {
  Told told;
  const std::unique_ptr<Reader> reader = make(context, told);
  for (std::size_t at = 0; at < text.size(); at += step) reader->read(text.substr(at, step));
  reader->finish();
  return told;
}

}  // namespace bellwether::audit
