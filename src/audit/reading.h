// What the readers of traces find, and where they put it. A reader knows one format; it gets bytes, remembers nothing but where it is in
// them, and tells a Sink what it saw. What the findings add up to is decided behind the Sink. Pure: no file, no clock, no network.
//
// Who may say what (reference: domain of usage audits):
//   RequestSeen    one request that some log recorded                      → counted
//   RatesSeen      one interval line of a vLLM engine                      → integrated
//   CounterSeen    one sample of a counter that only grows                 → counted between its first and last sample
//   GaugeSeen      one sample of a level                                   → peaks and percentiles, as lower bounds
//   BucketSeen     one sample of one bucket of a histogram                 → latency and length distributions, in bounds
//   TotalSeen      one bucket of somebody else's addition (an hour, a day) → counted, in buckets
//   BannerSeen     an engine says its version, starts or stops             → coverage, and how its rates are to be read
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace bellwether::audit {

class Zone;  // audit/zone.h: g++ 12 has no std::chrono::time_zone.

/// UTC. Readers turn local stamps into it with the zone and year that they are given.
using Instant = std::chrono::sys_time<std::chrono::milliseconds>;

/// Where a finding stands, so that each number can be traced to it.
struct Place {
  std::uint32_t source = 0;  ///< Index into the audit's list of sources.
  std::uint64_t line = 0;    ///< From 1. 0: the source as a whole.
};

/// Which traffic a request used of what vLLM has and others may not. A set of bits.
enum class Feature : std::uint32_t {
  none = 0,
  streaming = 1U << 0,
  tools = 1U << 1,
  json_mode = 1U << 2,
  guided_decoding = 1U << 3,  ///< guided_* or structured_outputs.
  logprobs = 1U << 4,
  several_choices = 1U << 5,  ///< n > 1.
  seed = 1U << 6,
  stop = 1U << 7,
  stop_token_ids = 1U << 8,
  top_k = 1U << 9,
  min_p = 1U << 10,
  repetition_penalty = 1U << 11,
  best_of = 1U << 12,
  lora = 1U << 13,
  vision = 1U << 14,
  prompt_logprobs = 1U << 15,
  echo = 1U << 16,
  chat_template_kwargs = 1U << 17,
  embeddings = 1U << 18,
  pooling = 1U << 19,  ///< score, rerank, classify, pooling.
  temperature = 1U << 20,
};
[[nodiscard]] constexpr Feature operator|(Feature a, Feature b) { return static_cast<Feature>(static_cast<std::uint32_t>(a) | static_cast<std::uint32_t>(b)); }
[[nodiscard]] constexpr bool has(Feature set, Feature one) { return (static_cast<std::uint32_t>(set) & static_cast<std::uint32_t>(one)) != 0; }

enum class Outcome : std::uint8_t { served, failed, aborted, unknown };

/// What kind of log recorded a request: the better kind is believed where two tell of the same traffic.
enum class RequestLog : std::uint8_t {
  gateway,        ///< Bellwether's access log.
  spend_log,      ///< LiteLLM.
  usage_records,  ///< Answers or traces with a `usage` block.
  guide_lines,    ///< `Input tokens: N … Output tokens: M`.
  engine_lines,   ///< vLLM's own lines about requests.
  access_lines,   ///< uvicorn, nginx, HAProxy: no tokens.
};

/// All views are valid during the call alone.
struct RequestSeen {
  Place place;
  RequestLog log = RequestLog::access_lines;
  std::optional<Instant> end;  ///< When the answer was complete; the only time that most logs have. None: the format has no times.
  std::optional<std::chrono::milliseconds> latency;
  std::optional<std::chrono::milliseconds> first_token;
  std::string_view id;                        ///< Empty: unknown. The same id twice in one kind of log is one request.
  std::string_view model;                     ///< Empty: unknown.
  std::optional<std::uint64_t> input_tokens;  ///< With the cached ones.
  std::optional<std::uint64_t> cached_input_tokens;
  std::optional<std::uint64_t> output_tokens;
  std::optional<std::uint64_t> output_tokens_max;  ///< max_tokens, as asked.
  Outcome outcome = Outcome::served;
  Feature features = Feature::none;
  bool from_response_cache = false;  ///< Answered by a proxy's own cache: no engine worked, no tokens are to be counted.
};

/// `Avg prompt throughput: …`. One engine, the time since its line before.
struct RatesSeen {
  Place place;
  std::optional<Instant> at;
  std::string_view engine;    ///< `000`, with the process where the line names it. Engines of one file are told apart by it; empty: the only one.
  bool is_aggregate = false;  ///< `2 Engines Aggregated`: the sum of engines that may print lines of their own too.
  bool is_v0 = false;         ///< metrics.py: prints zeros when idle, so that a gap is missing data. V1 is silent when idle.
  double prompt_tokens_per_second = 0;
  double generation_tokens_per_second = 0;
  std::optional<std::uint32_t> running;
  std::optional<std::uint32_t> waiting;
  std::optional<double> cache_usage_percent;
  std::optional<double> prefix_hit_percent;  ///< Over a window that slides: never to be averaged.
};

/// The counters that matter; readers map every name that vLLM ever used to one of them (`_total` or not, gpu_ or not).
enum class Counter : std::uint8_t {
  prompt_tokens,
  generation_tokens,
  requests_succeeded,  ///< vllm:request_success_total, one series for each finished_reason.
  prefix_queries,
  prefix_hits,
  prompt_tokens_cached,
  prompt_tokens_local_compute,
  prompt_tokens_external,
  preemptions,
  http_requests,
};

enum class Gauge : std::uint8_t { running, waiting, cache_usage, process_start_seconds };

/// Histograms, all in seconds or tokens.
enum class Histogram : std::uint8_t { first_token, inter_token, e2e_latency, queue_time, prompt_length, generation_length, max_tokens_asked };

/// Which series a sample belongs to. Labels that only tell copies apart (prometheus_replica, replica) are gone.
struct Series {
  std::uint64_t hash = 0;     ///< Of the name and every label: two series are one when it is equal.
  std::string_view model;     ///< model_name; for LoRA: the adapter's name where the label is there.
  std::string_view engine;    ///< engine.
  std::string_view instance;  ///< instance or pod; empty for a snapshot.
  std::string_view reason;    ///< finished_reason.
};

struct CounterSeen {
  Place place;
  Instant at;
  Series series;
  Counter counter{};
  double value = 0;
};

struct GaugeSeen {
  Place place;
  Instant at;
  Series series;
  Gauge gauge{};
  double value = 0;
};

struct BucketSeen {
  Place place;
  Instant at;
  Series series;  ///< `hash` leaves `le` out: the buckets of one histogram have one hash.
  Histogram histogram{};
  enum class Part : std::uint8_t { bucket, sum, count } part = Part::bucket;
  double upper_bound = 0;  ///< `le`; infinity for the last.
  double value = 0;        ///< Cumulative, as Prometheus says it.
};

/// One bucket of an addition that another system made (OpenAI's usage API, LiteLLM's daily table).
struct TotalSeen {
  Place place;
  Instant begin;
  Instant end;
  std::string_view model;
  std::uint64_t requests = 0;
  std::uint64_t failed_requests = 0;
  std::uint64_t input_tokens = 0;
  std::uint64_t cached_input_tokens = 0;
  std::uint64_t output_tokens = 0;
};

struct BannerSeen {
  Place place;
  std::optional<Instant> at;
  enum class What : std::uint8_t { version, started, stopped, model } what = What::version;
  std::string_view text;  ///< The version (`0.11.2`) or the model's name.
};

/// Why a line told us nothing. Counted, and reported with the first place of each.
enum class Skip : std::uint8_t {
  not_of_this_log,   ///< Some other line: start-up, warnings, application output. Expected.
  malformed,         ///< Looks like one of ours and cannot be read.
  impossible_value,  ///< Negative, not finite, beyond any engine.
  too_long,          ///< A line beyond the reader's bound.
  no_time,           ///< A stamp that cannot be read, or none where one is needed.
  excluded,          ///< Health checks, /metrics, pages that no model served.
};

/// Takes what a reader finds. Called on the thread that reads.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void seen(const RequestSeen& request) = 0;
  virtual void seen(const RatesSeen& rates) = 0;
  virtual void seen(const CounterSeen& sample) = 0;
  virtual void seen(const GaugeSeen& sample) = 0;
  virtual void seen(const BucketSeen& sample) = 0;
  virtual void seen(const TotalSeen& total) = 0;
  virtual void seen(const BannerSeen& banner) = 0;
  virtual void skipped(const Place& place, Skip why) = 0;
};

/// What a reader must be told, because the traces do not say it.
struct ReadingContext {
  std::uint32_t source = 0;
  const Zone* zone = nullptr;      ///< Of stamps without one. Null: UTC.
  std::optional<Instant> written;  ///< The file's last change: the year of stamps without one follows from it.
};

/// Reads one source of one format, piece by piece, in constant memory.
class Reader {
 public:
  virtual ~Reader() = default;
  /// The next bytes, cut anywhere.
  virtual void read(std::string_view bytes) = 0;
  /// The source is at its end: what is held of a last line is read.
  virtual void finish() = 0;
};

}  // namespace bellwether::audit
