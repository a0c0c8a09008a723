#include "cli/audit_url.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <deque>
#include <initializer_list>
#include <memory>
#include <tuple>
#include <vector>

#include "audit/prometheus_api.h"
#include "audit/prometheus_queries.h"
#include "audit/prometheus_text.h"
#include "cli/cli.h"
#include "cli/entropy.h"
#include "cli/fetch.h"
#include "config/read.h"
#include "net/process_signals.h"
#include "net/signal.h"
#include "net/spawn.h"

namespace bellwether::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Outcome = std::expected<void, std::string>;

// A page of the largest known deployments is 2 MB; of a server that is something else altogether no more than this is read.
constexpr Fetcher::Bounds page_bounds{.first_byte = seconds(10), .idle = seconds(10), .bytes_max = std::uint64_t{64} << 20};
// Prometheus' own bound for a query is two minutes. An answer is read as it comes, so that its size only bounds the time.
constexpr Fetcher::Bounds answer_bounds{.first_byte = seconds(150), .idle = seconds(60), .bytes_max = std::uint64_t{8} << 30};
constexpr std::size_t complaint_max = std::size_t{64} << 10;
// Failing twice may be a restart that is under way; the audit is of what was served, and a longer silence is an end.
constexpr int misses_max = 3;

audit::Instant wall_now() { return std::chrono::floor<milliseconds>(std::chrono::system_clock::now()); }

std::string reason_of(const Failure& failure) { return failure.detail.text.empty() ? std::string(name_of(failure.reason)) : failure.detail.text.str(); }

/// What an answer says about itself, if it is an error: Prometheus' own `error`, or how its text begins.
std::string complaint_of(int status, const std::string& body) {
  struct Nowhere final : audit::Sink {
    void seen(const audit::RequestSeen&) override {}
    void seen(const audit::RatesSeen&) override {}
    void seen(const audit::CounterSeen&) override {}
    void seen(const audit::GaugeSeen&) override {}
    void seen(const audit::BucketSeen&) override {}
    void seen(const audit::TotalSeen&) override {}
    void seen(const audit::BannerSeen&) override {}
    void skipped(const audit::Place&, audit::Skip) override {}
  } nowhere;
  audit::PrometheusApi reader{{}, nowhere};
  reader.read(body);
  reader.finish();
  if (!reader.error().empty()) return fmt::format("it answered {}: {}", status, reader.error());
  return fmt::format("it answered {}", status);
}

bool is_too_much(int status, const std::string& complaint) {
  return status == 422 || status == 503 || status == 504 || complaint.find("samples") != std::string::npos || complaint.find("exceed") != std::string::npos;
}

/// What all addresses of one audit share: the loop, and when somebody ends it.
struct Shared {
  net::Loop loop{random_seed()};
  bool ended_early = false;
  std::vector<net::Signal*> pauses;  ///< Of the pages that are being sampled.
  std::size_t running = 0;
};

class Live {
 public:
  Live(Shared& shared, LiveSource& source, catalog::Url url, const LiveSettings& settings, audit::Sink& sink)
      : shared_{shared},
        source_{source},
        settings_{settings},
        sink_{sink},
        is_page_{is_page_address(source.url)},
        fetcher_{shared.loop, std::move(url), settings.bearer} {}

  [[nodiscard]] bool is_page() const { return is_page_; }
  /// To its end; then the source knows its trouble.
  net::Task<void> run() {
    Outcome outcome;
    if (is_page_) outcome = co_await sample_page();
    else outcome = co_await ask_prometheus();
    if (!outcome) source_.trouble = outcome.error();
    if (--shared_.running == 0) shared_.loop.stop();
  }

 private:
  net::Task<Outcome> sample_page();
  net::Task<Outcome> ask_prometheus();
  std::unexpected<std::string> trouble(std::string_view what) const { return std::unexpected(std::string(what)); }
  void say(const std::string& text) const {
    if (settings_.progress) settings_.progress(text);
  }

  Shared& shared_;
  LiveSource& source_;
  const LiveSettings& settings_;
  audit::Sink& sink_;
  bool is_page_;
  Fetcher fetcher_;
};

/// Who ends the sampling early wants to know what came until then.
net::Task<void> end_early(Shared& shared, net::ProcessSignals& signals) {
  std::ignore = co_await signals.next();
  shared.ended_early = true;
  for (net::Signal* pause : shared.pauses) pause->wake(net::IoStatus::ok);
  // Who asks twice does not want to wait for a server that does not answer.
  std::ignore = co_await signals.next();
  ::_exit(exit_interrupted);
}

net::Task<Outcome> Live::sample_page() {
  audit::PrometheusText reader{source_.context, sink_};
  net::Signal pause{shared_.loop};
  shared_.pauses.push_back(&pause);
  const TimePoint begin = shared_.loop.now();
  int misses = 0;
  for (std::uint64_t sample = 0;; ++sample) {
    std::string page;
    const audit::Instant at = wall_now();
    Result<Fetcher::Reply> reply = co_await fetcher_.get("", page_bounds, [&](int status, std::string_view piece) {
      // Whole or not at all: half a page would look like a restart.
      if (status == 200) page += piece;
    });
    if (reply && reply->status == 200) {
      if (sample == 0 && !audit::looks_like_prometheus_text(page)) {
        std::erase(shared_.pauses, &pause);
        co_return trouble("that is no page of a vLLM's metrics");
      }
      misses = 0;
      reader.read(fmt::format("# {}\n", at.time_since_epoch().count()));
      reader.read(page);
      reader.read("\n");
    } else if (sample == 0 || ++misses == misses_max) {
      std::erase(shared_.pauses, &pause);
      reader.finish();
      co_return trouble(reply ? fmt::format("it answered {}", reply->status) : reason_of(reply.error()));
    }
    const Duration next = settings_.every * (sample + 1);
    if (next > settings_.sample_for || shared_.ended_early) break;
    say(fmt::format("{}: {} of {} s", source_.url, std::chrono::floor<seconds>(next).count(), std::chrono::floor<seconds>(settings_.sample_for).count()));
    std::ignore = co_await pause.wait(begin + next);
  }
  std::erase(shared_.pauses, &pause);
  reader.finish();
  co_return Outcome{};
}

net::Task<Outcome> Live::ask_prometheus() {
  const audit::Instant until = settings_.until.value_or(wall_now());
  const audit::Instant since = settings_.since.value_or(until - std::chrono::days(30));
  if (since >= until) co_return trouble("the time that is asked for ends before it begins");
  audit::PrometheusApi reader{source_.context, sink_};
  std::deque<audit::PrometheusQuery> queries;
  for (audit::PrometheusQuery& query : audit::plan_queries(since, until)) queries.push_back(std::move(query));
  while (!queries.empty()) {
    const audit::PrometheusQuery query = std::move(queries.front());
    queries.pop_front();
    say(fmt::format("{}: {} days to go", source_.url, std::chrono::ceil<std::chrono::days>(until - query.begin).count()));
    std::string complaint;
    const std::string target = query.target();
    Result<Fetcher::Reply> reply = co_await fetcher_.get(target, answer_bounds, [&](int status, std::string_view piece) {
      if (status == 200) reader.read(piece);
      else complaint += piece.substr(0, complaint_max - std::min(complaint_max, complaint.size()));
    });
    if (!reply) {
      reader.finish();
      co_return trouble(reason_of(reply.error()));
    }
    if (reply->status == 200) {
      reader.read("\n");
      if (reader.error().empty()) continue;
      co_return trouble(reader.error());
    }
    const auto halves = is_too_much(reply->status, complaint) ? audit::halve(query) : std::nullopt;
    if (!halves) co_return trouble(complaint_of(reply->status, complaint) + (reply->status == 404 ? "; is this a Prometheus server's address?" : ""));
    queries.push_front(halves->second);
    queries.push_front(halves->first);
  }
  reader.finish();
  co_return Outcome{};
}

}  // namespace

bool is_live(std::string_view source) { return source.starts_with("http://") || source.starts_with("https://") || source.starts_with("unix:"); }

bool is_page_address(std::string_view address) {
  while (address.ends_with('/')) address.remove_suffix(1);
  return address.ends_with("/metrics");
}

void read_live(std::vector<LiveSource>& sources, const LiveSettings& settings, audit::Sink& sink) {
  Shared shared;
  std::vector<std::unique_ptr<Live>> all;
  bool any_page = false;
  for (LiveSource& source : sources) {
    std::optional<catalog::Url> url = config::parse_url(source.url);
    if (!url) {
      source.trouble = "that is no address such as http://gpu-1:8000/metrics or http://prometheus:9090";
      continue;
    }
    all.push_back(std::make_unique<Live>(shared, source, *std::move(url), settings, sink));
    any_page = any_page || all.back()->is_page();
  }
  if (all.empty()) return;
  shared.running = all.size();
  std::optional<net::ProcessSignals> signals;
  if (any_page) {
    signals.emplace(shared.loop, std::initializer_list<int>{SIGINT, SIGTERM});
    net::spawn(
        shared.loop, "end of sampling", [](Shared*& shared, net::ProcessSignals*& signals) -> net::Task<void> { return end_early(*shared, *signals); }, &shared,
        &*signals);
  }
  for (const std::unique_ptr<Live>& live : all) net::spawn(shared.loop, "live source", [](Live*& live) -> net::Task<void> { return live->run(); }, live.get());
  shared.loop.run();
}

}  // namespace bellwether::cli
