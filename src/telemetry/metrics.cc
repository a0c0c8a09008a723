#include "telemetry/metrics.h"

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <iterator>
#include <map>
#include <unordered_map>
#include <utility>

#include "telemetry/histogram.h"

namespace bellwether::telemetry {
namespace {

// Series of one lane. Reached only by reloads that rename everything again and again; what comes later is counted under "other".
constexpr std::size_t rows_max = 20'000;

void append_label(std::string& out, std::string_view name, std::string_view value) {
  if (!out.empty()) out += ',';
  out += name;
  out += "=\"";
  for (const char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') out += "\\n";
    else out += c;
  }
  out += '"';
}

/// What is known of each model at each upstream.
struct ModelRow {
  explicit ModelRow(std::string labels) : labels{std::move(labels)} {}
  const std::string labels;
  Counter input_tokens, cached_tokens, output_tokens, reasoning_tokens;
  Counter unreported;  ///< Requests whose tokens nobody counted but us, or nobody at all.
  Counter absurd;
  Histogram duration{duration_bounds_us}, first_token{duration_bounds_us}, overhead{overhead_bounds_us};
  ModelRow* next = nullptr;
};

struct RequestRow {
  RequestRow(std::string labels, ModelRow& model) : labels{std::move(labels)}, model{model} {}
  const std::string labels;
  ModelRow& model;
  Counter requests;
  RequestRow* next = nullptr;
};

struct CountRow {
  explicit CountRow(std::string labels) : labels{std::move(labels)} {}
  const std::string labels;
  Counter count;
  CountRow* next = nullptr;
};

/// Rows by key. One thread adds and looks up; others walk the list, to which complete rows are pushed and from which none goes.
template <class Row>
class Rows {
 public:
  ~Rows() {
    for (Row* row = first_.load(); row != nullptr;) delete std::exchange(row, row->next);
  }
  [[nodiscard]] Row* find(std::string_view key) const {
    const auto found = by_key_.find(key);
    return found == by_key_.end() ? nullptr : found->second;
  }
  [[nodiscard]] bool full() const { return by_key_.size() >= rows_max; }
  template <class... Args>
  Row& add(std::string_view key, Args&&... args) {
    Row* const row = new Row(std::forward<Args>(args)...);
    row->next = first_.load(std::memory_order_relaxed);
    first_.store(row, std::memory_order_release);
    by_key_.emplace(key, row);
    return *row;
  }
  template <class Visit>
  void for_each(Visit visit) const {
    for (const Row* row = first_.load(std::memory_order_acquire); row != nullptr; row = row->next) visit(*row);
  }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };
  std::atomic<Row*> first_{nullptr};
  std::unordered_map<std::string, Row*, Hash, std::equal_to<>> by_key_;
};

/// Fields of a key one behind the other; none of them holds the separator.
void begin_key(std::string& key, std::initializer_list<std::string_view> parts) {
  key.clear();
  for (const std::string_view part : parts) {
    key += part;
    key += '\0';
  }
}

/// The row that was counted in last, because most requests are like the one before: comparing is cheaper than looking up.
template <class Row>
class LastRow {
 public:
  template <class... Parts>
  [[nodiscard]] Row* find(Parts... parts) const {
    std::string_view rest = key_;
    const bool same = (take(rest, parts) && ...);
    return same && rest.empty() ? row_ : nullptr;
  }
  Row& keep(std::string_view key, Row& row) {
    key_ = key;
    row_ = &row;
    return row;
  }

 private:
  /// Whether the key goes on with this part and its separator.
  static bool take(std::string_view& rest, std::string_view part) {
    if (rest.size() <= part.size() || rest[part.size()] != '\0' || !rest.starts_with(part)) return false;
    rest.remove_prefix(part.size() + 1);
    return true;
  }

  std::string key_;
  Row* row_ = nullptr;
};

}  // namespace

struct Metrics::Tables {
  Rows<RequestRow> requests;
  Rows<ModelRow> models;
  Rows<CountRow> attempts;
  Rows<CountRow> failures;
  std::string key;
  LastRow<RequestRow> last_request;
  LastRow<CountRow> last_attempt;

  ModelRow& model_row(std::string_view model, std::string_view upstream) {
    begin_key(key, {model, upstream});
    if (ModelRow* row = models.find(key)) return *row;
    if (models.full() && model != "other") return model_row("other", "other");
    std::string labels;
    append_label(labels, "model", model);
    append_label(labels, "upstream", upstream);
    return models.add(key, std::move(labels));
  }

  RequestRow& request_row(std::string_view endpoint, std::string_view model, std::string_view upstream, int status) {
    const std::array<char, 4> code{static_cast<char>('0' + status / 100 % 10), static_cast<char>('0' + status / 10 % 10), static_cast<char>('0' + status % 10),
                                   '\0'};
    const std::string_view code_text{code.data(), 3};
    if (RequestRow* row = last_request.find(endpoint, model, upstream, code_text)) return *row;
    begin_key(key, {endpoint, model, upstream, code_text});
    if (RequestRow* row = requests.find(key)) return last_request.keep(key, *row);
    if (requests.full() && model != "other") return request_row(endpoint, "other", "other", status);
    std::string labels;
    append_label(labels, "route", endpoint);
    append_label(labels, "model", model);
    append_label(labels, "upstream", upstream);
    append_label(labels, "code", code_text);
    const std::string own_key = key;
    ModelRow& model_of = model_row(model, upstream);
    return requests.add(own_key, std::move(labels), model_of);
  }
};

Metrics::Metrics() : tables_{std::make_unique<Tables>()} {}
Metrics::~Metrics() = default;

void Metrics::count(const RequestRecord& record) {
  RequestRow& row = tables_->request_row(record.endpoint, record.model, record.upstream, record.status);
  row.requests.add();
  if (!record.failure.empty()) {
    CountRow* failure = tables_->failures.find(record.failure);
    if (failure == nullptr) {
      std::string labels;
      append_label(labels, "reason", record.failure);
      failure = &tables_->failures.add(record.failure, std::move(labels));
    }
    failure->count.add();
  }
  ModelRow& model = row.model;
  model.overhead.add(record.overhead);
  model.duration.add(record.total);
  if (record.first_token.count() > 0) model.first_token.add(record.first_token);
  const metering::Usage& usage = record.usage;
  model.input_tokens.add(static_cast<std::uint64_t>(usage.input));
  model.cached_tokens.add(static_cast<std::uint64_t>(usage.cached_input));
  model.output_tokens.add(static_cast<std::uint64_t>(usage.output));
  model.reasoning_tokens.add(static_cast<std::uint64_t>(usage.reasoning_output));
  if (record.status == 200 && !record.model.empty() && usage.basis != metering::Basis::reported) model.unreported.add();
  if (usage.absurd) model.absurd.add();
}

void Metrics::count_attempt(std::string_view upstream, std::string_view outcome) {
  CountRow* row = tables_->last_attempt.find(upstream, outcome);
  if (row != nullptr) return row->count.add();
  begin_key(tables_->key, {upstream, outcome});
  row = tables_->attempts.find(tables_->key);
  if (row == nullptr) {
    if (tables_->attempts.full() && upstream != "other") return count_attempt("other", outcome);
    std::string labels;
    append_label(labels, "upstream", upstream);
    append_label(labels, "outcome", outcome);
    row = &tables_->attempts.add(tables_->key, std::move(labels));
  }
  tables_->last_attempt.keep(tables_->key, *row).count.add();
}

namespace {

struct Sum {
  std::array<std::uint64_t, 17> buckets{};
  std::uint64_t sum_ns = 0;
  void add(const Histogram& histogram) {
    for (std::size_t i = 0; i < buckets.size(); ++i) buckets[i] += histogram.bucket(i);
    sum_ns += histogram.sum_ns();
  }
};

struct ModelSum {
  std::uint64_t input = 0, cached = 0, output = 0, reasoning = 0, unreported = 0, absurd = 0;
  Sum duration, first_token, overhead;
};

using Counts = std::map<std::string, std::uint64_t>;

/// Appends to the page.
class Page {
 public:
  void head(std::string_view name, std::string_view type, std::string_view help) {
    fmt::format_to(std::back_inserter(text), "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  }
  template <class Value>
  void value(std::string_view name, std::string_view labels, Value value) {
    if (labels.empty()) fmt::format_to(std::back_inserter(text), "{} {}\n", name, value);
    else fmt::format_to(std::back_inserter(text), "{}{{{}}} {}\n", name, labels, value);
  }
  template <class Value>
  void single(std::string_view name, std::string_view type, std::string_view help, Value amount) {
    head(name, type, help);
    value(name, {}, amount);
  }
  void counts(std::string_view name, std::string_view help, const Counts& counts) {
    head(name, "counter", help);
    for (const auto& [labels, count] : counts) value(name, labels, count);
  }
  void histogram(std::string_view name, std::string_view labels, const Sum& sum, std::span<const std::int64_t, 16> bounds_us) {
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < bounds_us.size(); ++i) {
      below += sum.buckets[i];
      fmt::format_to(std::back_inserter(text), "{}_bucket{{{},le=\"{}\"}} {}\n", name, labels, static_cast<double>(bounds_us[i]) / 1e6, below);
    }
    below += sum.buckets.back();
    fmt::format_to(std::back_inserter(text), "{}_bucket{{{},le=\"+Inf\"}} {}\n{}_sum{{{}}} {:.9f}\n{}_count{{{}}} {}\n", name, labels, below, name, labels,
                   static_cast<double>(sum.sum_ns) / 1e9, name, labels, below);
  }
  std::string text;
};

void append_models(Page& page, const std::map<std::string, ModelSum>& models) {
  page.head("bellwether_tokens_total", "counter", "Tokens, by kind; cached are part of prompt, reasoning of completion.");
  for (const auto& [labels, sum] : models) {
    page.value("bellwether_tokens_total", labels + ",type=\"prompt\"", sum.input);
    page.value("bellwether_tokens_total", labels + ",type=\"cached\"", sum.cached);
    page.value("bellwether_tokens_total", labels + ",type=\"completion\"", sum.output);
    page.value("bellwether_tokens_total", labels + ",type=\"reasoning\"", sum.reasoning);
  }
  page.head("bellwether_usage_unreported_total", "counter", "Answers whose tokens the upstream did not count.");
  for (const auto& [labels, sum] : models) page.value("bellwether_usage_unreported_total", labels, sum.unreported);
  page.head("bellwether_usage_absurd_total", "counter", "Answers whose counts could not be true and were clamped.");
  for (const auto& [labels, sum] : models) page.value("bellwether_usage_absurd_total", labels, sum.absurd);
  page.head("bellwether_request_duration_seconds", "histogram", "Request read to last byte of the reply handed to the kernel.");
  for (const auto& [labels, sum] : models) page.histogram("bellwether_request_duration_seconds", labels, sum.duration, duration_bounds_us);
  page.head("bellwether_time_to_first_token_seconds", "histogram", "Request read to the first event with content (or the whole answer).");
  for (const auto& [labels, sum] : models) page.histogram("bellwether_time_to_first_token_seconds", labels, sum.first_token, duration_bounds_us);
  page.head("bellwether_overhead_seconds", "histogram", "Our own share of a request: without waiting for upstreams and callers.");
  for (const auto& [labels, sum] : models) page.histogram("bellwether_overhead_seconds", labels, sum.overhead, overhead_bounds_us);
}

void append_process(Page& page, const ProcessFacts& process) {
  std::string build;
  append_label(build, "version", process.version);
  append_label(build, "commit", process.commit);
  page.head("bellwether_build_info", "gauge", "Always 1.");
  page.value("bellwether_build_info", build, 1);
  page.single("bellwether_catalog_revision", "gauge", "Number of the catalog revision in use.", process.revision);
  page.head("bellwether_reloads_total", "counter", "Reloads of the config.");
  page.value("bellwether_reloads_total", "outcome=\"adopted\"", process.reloads);
  page.value("bellwether_reloads_total", "outcome=\"refused\"", process.reload_failures);
  page.single("bellwether_access_log_dropped_total", "counter", "Access lines dropped because they could not be written in time.", process.access_log_dropped);
  page.single("process_resident_memory_bytes", "gauge", "Resident memory.", process.resident_bytes);
  page.head("process_cpu_seconds_total", "counter", "CPU time, user and system.");
  page.value("process_cpu_seconds_total", {}, fmt::format("{:.6f}", process.cpu_seconds));
  page.single("process_open_fds", "gauge", "Open file descriptors.", process.open_files);
  page.single("process_start_time_seconds", "gauge", "Start of the process, seconds since 1970.", unix_seconds(process.started));
}

void append_targets(Page& page, const std::vector<TargetFacts>& targets) {
  const auto labels = [](const TargetFacts& target) {
    std::string text;
    append_label(text, "upstream", target.upstream);
    append_label(text, "model", target.model);
    return text;
  };
  page.head("bellwether_upstream_state", "gauge", "Worst breaker of any lane: 0 closed, 1 half open, 2 open. The model's name is the upstream's.");
  for (const TargetFacts& target : targets) page.value("bellwether_upstream_state", labels(target), target.state);
  page.head("bellwether_upstream_breaker_opened_total", "counter", "Times that a lane's breaker opened.");
  for (const TargetFacts& target : targets) page.value("bellwether_upstream_breaker_opened_total", labels(target), target.opened_total);
}

void append_upstreams(Page& page, const std::vector<UpstreamFacts>& upstreams) {
  const auto each = [&](std::string_view name, std::string_view type, std::string_view help, auto value_of) {
    page.head(name, type, help);
    for (const UpstreamFacts& upstream : upstreams) {
      std::string labels;
      append_label(labels, "upstream", upstream.upstream);
      page.value(name, labels, value_of(upstream));
    }
  };
  each("bellwether_upstream_outstanding", "gauge", "Attempts begun and not ended, those that wait for a place included.",
       [](const auto& it) { return it.outstanding; });
  each("bellwether_upstream_waiting", "gauge", "Attempts that wait for a place.", [](const auto& it) { return it.waiting; });
  each("bellwether_upstream_concurrency_limit", "gauge", "Places at present; +Inf: no limit.",
       [](const auto& it) { return it.concurrency_limit == UINT32_MAX ? std::string("+Inf") : std::to_string(it.concurrency_limit); });
  each("bellwether_upstream_retries_total", "counter", "Tries beyond a request's first at that upstream.", [](const auto& it) { return it.retries_total; });
  each("bellwether_upstream_retries_refused_total", "counter", "Retries that were not made for want of budget.",
       [](const auto& it) { return it.retries_refused_total; });
}

}  // namespace

std::string to_prometheus(std::span<const Metrics* const> lanes, const ProcessFacts& process) {
  Counts requests, attempts, failures;
  std::map<std::string, ModelSum> models;
  struct Single {
    std::string_view name, type, help;
    const Counter Metrics::* counter;
  };
  for (const Metrics* lane : lanes) {
    lane->tables_->requests.for_each([&](const RequestRow& row) { requests[row.labels] += row.requests.value(); });
    lane->tables_->attempts.for_each([&](const CountRow& row) { attempts[row.labels] += row.count.value(); });
    lane->tables_->failures.for_each([&](const CountRow& row) { failures[row.labels] += row.count.value(); });
    lane->tables_->models.for_each([&](const ModelRow& row) {
      ModelSum& sum = models[row.labels];
      sum.input += row.input_tokens.value();
      sum.cached += row.cached_tokens.value();
      sum.output += row.output_tokens.value();
      sum.reasoning += row.reasoning_tokens.value();
      sum.unreported += row.unreported.value();
      sum.absurd += row.absurd.value();
      sum.duration.add(row.duration);
      sum.first_token.add(row.first_token);
      sum.overhead.add(row.overhead);
    });
  }
  static constexpr std::array singles{
      Single{"bellwether_inflight_requests", "gauge", "Requests being served.", &Metrics::requests_in_flight},
      Single{"bellwether_streams_open", "gauge", "Streams being relayed.", &Metrics::streams_open},
      Single{"bellwether_streams_cut_by_caller_total", "counter", "Streams whose caller hung up.", &Metrics::streams_cut_by_caller},
      Single{"bellwether_streams_cut_by_upstream_total", "counter", "Streams that ended with an in-band error.", &Metrics::streams_cut_by_upstream},
      Single{"bellwether_streams_rescued_total", "counter", "Streams that broke off in mid-answer and were finished by another attempt.",
             &Metrics::streams_rescued},
      Single{"bellwether_hedges_total", "counter", "Second attempts beside a slow one.", &Metrics::hedges},
      Single{"bellwether_connections_open", "gauge", "Callers' connections.", &Metrics::connections_open},
      Single{"bellwether_connections_total", "counter", "Callers' connections accepted.", &Metrics::connections_total},
      Single{"bellwether_connections_refused_total", "counter", "Callers' connections closed at the bound on open ones.", &Metrics::connections_refused},
      Single{"bellwether_upstream_connections_open", "gauge", "Connections to upstreams, idle ones included.", &Metrics::upstream_connections_open},
      Single{"bellwether_upstream_connections_total", "counter", "Connections made to upstreams.", &Metrics::upstream_connections_total},
      Single{"bellwether_upstream_connections_reused_total", "counter", "Attempts on a connection that was kept from an earlier one.",
             &Metrics::upstream_connections_reused}};

  Page page;
  page.counts("bellwether_requests_total", "Requests by path, canonical model, upstream that answered and status; 499: the caller hung up.", requests);
  page.counts("bellwether_failures_total", "Requests that failed, by reason.", failures);
  page.counts("bellwether_upstream_attempts_total", "Attempts by upstream and outcome.", attempts);
  for (const Single& single : singles) {
    std::uint64_t sum = 0;
    for (const Metrics* lane : lanes) sum += (lane->*single.counter).value();
    page.single(single.name, single.type, single.help, sum);
  }
  append_targets(page, process.targets);
  append_upstreams(page, process.upstreams);
  append_models(page, models);
  append_process(page, process);
  return std::move(page.text);
}

}  // namespace bellwether::telemetry
