// Adds up what readers find, in constant memory: per stream of evidence and hour, and beside that minutes, distributions, gaps. What the sums
// mean where several sources tell of the same traffic is decided by reconcile.h. One thread's.
//
// Which findings are one stream: those of one kind, of one group of sources, of one engine, read under one version and model. A group is a
// process's logs, one after the other: a rotated set, or files that begin alike. Within a stream time only goes on: when another source of
// the group begins with times that were read already, those are passed over as repeated.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "audit/evidence.h"
#include "audit/rate_integral.h"
#include "audit/reading.h"
#include "audit/report.h"
#include "audit/spread.h"
#include "audit/sweep.h"
#include "audit/timeline.h"
#include "audit/zone.h"

namespace bellwether::audit {

struct Period {
  std::optional<Instant> since, until;  ///< `until` is the first instant that is not counted any more.
};

class Tally final : public Sink {
 public:
  explicit Tally(Zone zone, Period period = {});
  ~Tally() override;

  /// The number that the source's reader is to use. `group`: of sources that tell of one process one after the other.
  [[nodiscard]] std::uint32_t add_source(std::string name, std::string format, std::uint32_t group);
  /// To be called behind each source's last byte.
  void end_source(std::uint32_t source);
  /// What the source's row in the report says of it, for what only the caller knows (bytes, trouble).
  [[nodiscard]] SourceRow& source(std::uint32_t source) { return sources_[source].row; }

  void seen(const RequestSeen& request) override;
  void seen(const RatesSeen& rates) override;
  void seen(const CounterSeen& sample) override;
  void seen(const GaugeSeen& sample) override;
  void seen(const BucketSeen& sample) override;
  void seen(const TotalSeen& total) override;
  void seen(const BannerSeen& banner) override;
  void skipped(const Place& place, Skip why) override;

  /// All but the forecast. Only `models` are counted, or all if it is empty. Ends the tally.
  [[nodiscard]] Report report(const std::vector<std::string>& models);
  /// All models that were told of, by name.
  [[nodiscard]] std::vector<std::string> models() const;
  /// From when to when what was read reaches that lies outside of the period; nothing where all of it lies within.
  [[nodiscard]] const std::optional<std::pair<Instant, Instant>>& outside() const { return outside_; }

 private:
  struct Source {
    SourceRow row;
    std::uint32_t group = 0;
    std::array<SkippedRow, 8> skipped{};
    std::optional<Instant> first_sample;
    std::unique_ptr<Sweep> sweep;
    Kind sweep_kind{};
    std::size_t rates_last = SIZE_MAX;  ///< Of rates_: the stream of the last line.
    bool is_one_snapshot = true;
  };
  /// What banners said last, in one group.
  struct Group {
    std::string model;
    PromptRate prompt_rate = PromptRate::unknown;
    bool idle_is_silent = false;  ///< Of V0: from 0.6.5 on.
    std::uint32_t era = 0;        ///< Another version or model: another stream.
  };
  struct Rates {
    std::size_t stream = 0;
    std::string engine;
    std::uint32_t group = 0, era = 0, source = 0;
    bool is_aggregate = false, is_v0 = false;
    RateIntegral integral;
    std::optional<Instant> last, gate;  ///< `gate`: what is not later was read from the source before.
    std::int64_t minute = INT64_MIN;
    float minute_peak = 0;
    std::deque<std::pair<std::uint32_t, std::uint32_t>> busy;  ///< Running of the samples that the integral holds, with their source.
    std::int64_t cell_hour = INT64_MIN;
    Cell* cell = nullptr;
  };
  struct Series {
    std::size_t stream = 0;
    Instant first{}, last{};
    std::chrono::milliseconds spacing{};  ///< Of the last two samples; 0: there was only one.
    double first_value = 0, value = 0, rate = 0;
    std::uint64_t samples = 0;
    std::uint32_t source = 0;
    Counter counter{};
    bool is_abort = false;
  };
  struct Records {
    std::size_t stream = 0;
    std::uint32_t source = 0;
    std::optional<Instant> last, gate;
  };

  /// Notes in `outside_` what is not.
  [[nodiscard]] bool is_in_period(Instant at);
  [[nodiscard]] std::int64_t hour_of(Instant at) const;
  [[nodiscard]] std::size_t stream_of(Kind kind, std::uint32_t group, std::string_view engine, std::string_view model, PromptRate prompt_rate, bool aggregate);
  [[nodiscard]] Cell& cell(Stream& stream, std::int64_t hour);
  [[nodiscard]] Rates& rates_of(const RatesSeen& seen);
  void take(Rates& rates, const RatePiece& piece);
  void gap(Rates& rates, const RatePiece& piece);
  void flush(Rates& rates);
  void end_minute(Rates& rates);
  void increase(Series& series, double amount, Instant from, Instant to, double slack);
  template <class Give>
  void spread(Instant from, Instant to, Give&& give);
  void sweep(Source& source, Kind kind, const RequestSeen& request);
  void at_work(Kind kind, Instant from, Instant to, std::int32_t requests);
  [[nodiscard]] Timeline& timeline(Kind kind);
  void note_window(Source& source, Instant begin, Instant end);
  void end_snapshots();
  [[nodiscard]] bool is_repeated(std::string_view id, RequestLog log);
  void put_gap(Gap gap);

  // Constant.
  Zone zone_;
  Period period_;
  std::int64_t phase_ms_ = 0;  ///< How far the zone's hours begin after UTC's.

  std::optional<std::pair<Instant, Instant>> outside_;
  std::vector<Source> sources_;
  std::unordered_map<std::uint32_t, Group> groups_;
  std::vector<Stream> streams_;
  std::unordered_map<std::string, std::size_t> stream_index_;
  std::size_t cells_ = 0;
  std::deque<Rates> rates_;  ///< Elements stay where they are.
  std::unordered_map<std::uint64_t, Series> series_;
  std::unordered_map<std::uint64_t, Series> buckets_;
  struct LastLevel {
    Instant at{};
    double value = 0;
  };
  std::unordered_map<std::uint64_t, LastLevel> gauges_;
  std::unordered_map<std::uint32_t, double> process_start_;  ///< By source, seconds since 1970.
  std::unordered_map<std::string, Records> records_;
  std::unordered_set<std::uint64_t> ids_, ids_before_;
  std::array<std::unique_ptr<Timeline>, kind_count> timelines_;
  Spread latency_, first_token_, inter_token_, input_length_, output_length_, asked_length_;
  std::array<Buckets, 7> histograms_;
  std::array<std::uint64_t, 32> features_{};
  std::uint64_t feature_requests_ = 0;
  std::array<std::uint64_t, kind_count> failed_{}, aborted_{};
  std::uint64_t aborted_counted_ = 0, response_cache_hits_ = 0, requests_with_embeddings_ = 0;
  std::vector<Gap> gaps_;
  std::uint64_t gaps_count_ = 0;
  double idle_seconds_ = 0, missing_seconds_ = 0;
  static constexpr std::size_t gaps_kept = 64;  ///< The longest.
  bool is_full_ = false, sweep_is_inexact_ = false, series_full_ = false;
};

}  // namespace bellwether::audit
