#include "cli/audit_url.h"

#include <fmt/format.h>
#include <signal.h>

#include <deque>
#include <memory>
#include <tuple>

#include "audit/prometheus_api.h"
#include "audit/prometheus_queries.h"
#include "audit/prometheus_text.h"
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

class Live {
 public:
  Live(const std::string& source, catalog::Url url, const LiveSettings& settings, const audit::ReadingContext& context, audit::Sink& sink)
      : source_{source}, settings_{settings}, context_{context}, sink_{sink}, fetcher_{loop_, std::move(url), settings.bearer} {}

  Outcome run(net::Task<Outcome> (Live::*work)()) {
    net::spawn(
        loop_, "live source",
        [](Live*& live, net::Task<Outcome> (Live::* & work)()) -> net::Task<void> {
          live->outcome_ = co_await (live->*work)();
          live->loop_.stop();
        },
        this, work);
    loop_.run();
    return std::move(outcome_);
  }

  net::Task<Outcome> sample_page();
  net::Task<Outcome> ask_prometheus();

 private:
  std::unexpected<std::string> trouble(std::string_view what) const { return std::unexpected(fmt::format("cannot read {}: {}", source_, what)); }
  void say(const std::string& text) const {
    if (settings_.progress) settings_.progress(text);
  }

  const std::string& source_;
  const LiveSettings& settings_;
  audit::ReadingContext context_;
  audit::Sink& sink_;
  net::Loop loop_{random_seed()};
  Fetcher fetcher_;
  net::Signal pause_{loop_};
  bool ended_early_ = false;
  Outcome outcome_;
};

net::Task<Outcome> Live::sample_page() {
  audit::PrometheusText reader{context_, sink_};
  // Who ends it early wants to know what came until then.
  net::ProcessSignals signals{loop_, {SIGINT, SIGTERM}};
  net::spawn(
      loop_, "end of sampling",
      [](Live*& live, net::ProcessSignals*& signals) -> net::Task<void> {
        co_await signals->next();
        live->ended_early_ = true;
        live->pause_.wake(net::IoStatus::ok);
      },
      this, &signals);
  const TimePoint begin = loop_.now();
  int misses = 0;
  for (std::uint64_t sample = 0;; ++sample) {
    std::string page;
    const audit::Instant at = wall_now();
    Result<Fetcher::Reply> reply = co_await fetcher_.get("", page_bounds, [&](int status, std::string_view piece) {
      // Whole or not at all: half a page would look like a restart.
      if (status == 200) page += piece;
    });
    if (reply && reply->status == 200) {
      if (sample == 0 && !audit::looks_like_prometheus_text(page)) co_return trouble("that is no page of a vLLM's metrics");
      misses = 0;
      reader.read(fmt::format("# {}\n", at.time_since_epoch().count()));
      reader.read(page);
      reader.read("\n");
    } else if (sample == 0 || ++misses == misses_max) {
      reader.finish();
      co_return trouble(reply ? fmt::format("it answered {}", reply->status) : reason_of(reply.error()));
    }
    const Duration next = settings_.every * (sample + 1);
    if (next > settings_.sample_for || ended_early_) break;
    say(fmt::format("{}: {} of {} s", source_, std::chrono::floor<seconds>(next).count(), std::chrono::floor<seconds>(settings_.sample_for).count()));
    std::ignore = co_await pause_.wait(begin + next);
  }
  reader.finish();
  co_return Outcome{};
}

net::Task<Outcome> Live::ask_prometheus() {
  const audit::Instant until = settings_.until.value_or(wall_now());
  const audit::Instant since = settings_.since.value_or(until - std::chrono::days(30));
  if (since >= until) co_return trouble("the time that is asked for ends before it begins");
  audit::PrometheusApi reader{context_, sink_};
  std::deque<audit::PrometheusQuery> queries;
  for (audit::PrometheusQuery& query : audit::plan_queries(since, until)) queries.push_back(std::move(query));
  while (!queries.empty()) {
    const audit::PrometheusQuery query = std::move(queries.front());
    queries.pop_front();
    say(fmt::format("{}: {} days to go", source_, std::chrono::ceil<std::chrono::days>(until - query.begin).count()));
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

std::expected<void, std::string> read_live(const std::string& source, const LiveSettings& settings, const audit::ReadingContext& context, audit::Sink& sink) {
  std::optional<catalog::Url> url = config::parse_url(source);
  if (!url) return std::unexpected(fmt::format("{} is no address: http://gpu-1:8000/metrics and http://prometheus:9090 are", source));
  const bool is_page = url->path.ends_with("/metrics");
  Live live{source, *std::move(url), settings, context, sink};
  return live.run(is_page ? &Live::sample_page : &Live::ask_prometheus);
}

}  // namespace bellwether::cli
