#include "cli/bench_run.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>

#include "calling/chat_event.h"
#include "cli/cli.h"
#include "cli/entropy.h"
#include "net/spawn.h"

namespace bellwether::cli {
namespace {

constexpr std::size_t gaps_max = 1'000'000;  // Kept of each endpoint, as a fair choice: eight MB, and percentiles to three digits.
constexpr Duration progress_every = std::chrono::milliseconds(250);

bool has(TimePoint at) { return at != TimePoint{}; }

/// What a reply that is no whole, proper answer is counted as.
std::string error_of(const calling::Reply& reply) {
  switch (reply.end) {
    case calling::End::unreachable: return "unreachable";
    case calling::End::timed_out: return "timeout";
    case calling::End::cut: return "cut";
    case calling::End::too_large: return "too_large";
    case calling::End::cancelled: return "cancelled";
    case calling::End::complete:
    case calling::End::enough: break;
  }
  return reply.status == 200 ? "" : fmt::format("status_{}", reply.status);
}

}  // namespace

/// One endpoint while it is being measured.
struct BenchRun::Side {
  Side(net::Loop& loop, const BenchTarget& target, std::uint32_t connections_max)
      : caller{loop, target.endpoint, connections_max}, model_quoted{json::quote(target.model)} {}
  calling::Caller caller;
  std::string model_quoted;
  bool answered = false;
};

/// Reads one answer, and when its parts came.
class BenchRun::Reading final : public calling::Listener {
 public:
  Reading(json::Reader& reader, TimePoint intended, std::vector<double>& gaps) : reader_{reader}, intended_{intended}, gaps_{gaps} {}

  Wants on_event(TimePoint at, std::string_view data) override {
    const calling::ChatEvent event = calling::read_chat_event(data, reader_);
    if (event.is_error || event.is_malformed) {
      sample.error = event.is_error ? "error_in_stream" : "malformed";
      return Wants::enough;
    }
    take(event);
    if (event.is_done) done_at_ = at;
    if (event.has_token) {
      ++sample.chunks;
      if (sample.first_token) gaps_.push_back(milliseconds_of(at - intended_ - *sample.last_token));
      else sample.first_token = at - intended_;
      sample.last_token = at - intended_;
    }
    return Wants::more;
  }

  void end(const calling::Reply& reply) {
    if (has(reply.sent)) sample.sent = reply.sent - intended_;
    if (has(reply.first_byte)) sample.first_byte = reply.first_byte - intended_;
    sample.total = (has(done_at_) ? done_at_ : reply.over) - intended_;
    if (sample.error.empty()) sample.error = error_of(reply);
    if (!sample.error.empty()) return;
    if (!reply.is_stream) {
      const calling::ChatEvent whole = calling::read_chat_event(reply.body, reader_);
      if (whole.is_error) sample.error = "error_in_body";
      else if (whole.is_malformed || whole.is_done) sample.error = "malformed";
      take(whole);
    } else if (reply.mid_event || (!has(done_at_) && !finished_)) {
      sample.error = "unfinished";  // Neither [DONE] nor a finish_reason: what came may be half of it.
    }
  }

  measuring::Sample sample;

 private:
  void take(const calling::ChatEvent& event) {
    finished_ |= !event.finish.empty();
    // Counts below zero are none.
    if (!event.usage || event.usage->output < 0 || event.usage->input < 0) return;
    sample.input_tokens = event.usage->input;
    sample.cached_input_tokens = event.usage->cached_input;
    sample.output_tokens = event.usage->output;
  }

  json::Reader& reader_;
  TimePoint intended_, done_at_{};
  std::vector<double>& gaps_;
  bool finished_ = false;
};

BenchRun::BenchRun(const BenchPlan& plan, const Prompts& prompts, const BodyOptions& body, const std::vector<BenchTarget>& targets)
    : plan_{plan},
      prompts_{prompts},
      body_{body},
      targets_{targets},
      loop_{random_seed()},
      signals_{loop_, {SIGINT, SIGTERM}},
      alarm_{loop_},
      all_ended_{loop_},
      place_{loop_} {
  for (const BenchTarget& target : targets) {
    sides_.push_back(std::make_unique<Side>(loop_, target, plan.load == Load::closed ? plan.concurrency : plan.in_flight_max));
    seen_.push_back({.samples = {}, .gaps = measuring::Reservoir{gaps_max, plan.seed}});
  }
}

BenchRun::~BenchRun() = default;

bool BenchRun::is_over() const { return interrupted_ || refusal_.has_value(); }

void BenchRun::ended() {
  --in_flight_;
  if (std::exchange(waits_for_place_, false)) place_.wake(net::IoStatus::ok);
  if (all_sent_ && in_flight_ == 0) all_ended_.wake(net::IoStatus::ok);
}

net::Task<void> BenchRun::ask(std::size_t side, Phase phase, std::uint64_t number, TimePoint intended) {
  Side& asked = *sides_[side];
  BenchSeen& seen = seen_[side];
  ++seen.under_way;
  std::vector<double> gaps;
  Reading reading{reader_, intended, gaps};
  calling::Ongoing ongoing;
  const calling::Request request{.body = prompts_.body(number, asked.model_quoted, body_)};
  const calling::Reply reply = co_await asked.caller.call(request, plan_.patience, reading, ongoing);
  reading.end(reply);
  --seen.under_way;
  asked.answered |= reply.status == 200;
  if (const bool is_refused = reply.status == 401 || reply.status == 403; is_refused && !asked.answered && !refusal_) {
    refusal_ = refusal_of(reply, targets_[side].url);
    alarm_.ring();
  }
  if (phase == Phase::warmup) co_return;
  ++done_;
  reading.sample.number = number;
  reading.sample.intended = intended - began_;
  if (!reading.sample.error.empty()) ++failed_;
  else
    for (const double gap : gaps) seen.gaps.offer(gap);
  seen.samples.push_back(std::move(reading.sample));
}

// ---- Closed load ----

net::Task<void> BenchRun::keep_asking(Phase phase, std::uint64_t count, std::size_t first_side) {
  const TimePoint until = phase == Phase::measured && plan_.duration ? began_ + *plan_.duration : TimePoint::max();
  while (next_ < count && !is_over() && loop_.now() < until) {
    const std::uint64_t number = next_++;
    // The same question to both, one after the other: A B A B. Every other caller begins with B, so that both have the same load.
    for (std::size_t i = 0; i < sides_.size() && !is_over(); ++i) {
      const TimePoint now = loop_.now();
      co_await ask((first_side + i) % sides_.size(), phase, number, now);
    }
  }
  ended();
}

net::Task<void> BenchRun::run_closed(Phase phase, std::uint64_t count) {
  next_ = 0;
  const std::uint32_t callers = static_cast<std::uint32_t>(std::min<std::uint64_t>(plan_.concurrency, count));
  if (callers == 0) co_return;
  in_flight_ = callers;
  all_sent_ = true;
  for (std::uint32_t i = 0; i < callers; ++i)
    net::spawn(loop_, "bench caller", [this, phase, count, first = i % sides_.size()] { return keep_asking(phase, count, first); });
  std::ignore = co_await all_ended_.wait(TimePoint::max());
}

// ---- Open load ----

net::Task<void> BenchRun::run_open() {
  // Two endpoints take turns on one schedule of twice the rate: each has the rate, and both never have the same instant.
  const std::size_t sides = sides_.size();
  measuring::Schedule schedule{plan_.arrivals, plan_.rate * static_cast<double>(sides), plan_.seed};
  const std::uint64_t count = plan_.requests ? *plan_.requests * sides : UINT64_MAX;
  all_sent_ = false;
  in_flight_ = 0;
  for (std::uint64_t i = 0; i < count && !is_over(); ++i) {
    const Duration offset = schedule.next();
    if (plan_.duration && offset >= *plan_.duration) break;
    const TimePoint intended = began_ + offset;
    while (loop_.now() < intended && !is_over()) co_await alarm_.at(intended);
    // Memory has a bound: beyond it requests leave late, and their latency counts from when they should have left.
    while (in_flight_ >= std::uint64_t{plan_.in_flight_max} * sides && !is_over()) {
      waits_for_place_ = true;
      std::ignore = co_await place_.wait(TimePoint::max());
    }
    if (is_over()) break;
    ++in_flight_;
    net::spawn(loop_, "bench request", [this, i, sides, intended]() -> net::Task<void> {
      co_await ask(i % sides, Phase::measured, i / sides, intended);
      ended();
    });
  }
  all_sent_ = true;
  if (in_flight_ > 0) std::ignore = co_await all_ended_.wait(TimePoint::max());
}

net::Task<void> BenchRun::run_all() {
  if (plan_.warmup > 0) {
    const bool closed = plan_.load == Load::closed;
    began_ = loop_.now();
    if (closed) {
      co_await run_closed(Phase::warmup, plan_.warmup);
    } else {
      // Of an open load one after the other: enough to open connections and to load what is loaded lazily.
      next_ = 0;
      in_flight_ = 1;
      all_sent_ = false;
      co_await keep_asking(Phase::warmup, plan_.warmup, 0);
    }
  }
  if (!is_over()) {
    began_ = loop_.now();
    if (plan_.load == Load::closed) co_await run_closed(Phase::measured, plan_.requests.value_or(UINT64_MAX));
    else co_await run_open();
  }
  loop_.stop();
}

net::Task<void> BenchRun::show_progress() {
  if (::isatty(STDERR_FILENO) != 1) co_return;
  const std::uint64_t all = plan_.requests.value_or(0) * sides_.size();
  for (;;) {
    co_await loop_.sleep_for(progress_every);
    const double seconds = std::chrono::duration<double>(loop_.now() - began_).count();
    const std::string of = all > 0          ? fmt::format("/{}", all)
                           : plan_.duration ? fmt::format(", {:.0f} of {:.0f} s", seconds, std::chrono::duration<double>(*plan_.duration).count())
                                            : "";
    std::fprintf(stderr, "\r\x1b[K%llu%s requests, %.0f/s, %llu failed", static_cast<unsigned long long>(done_), of.c_str(),
                 seconds > 0 ? static_cast<double>(done_) / seconds : 0.0, static_cast<unsigned long long>(failed_));
    std::fflush(stderr);
  }
}

void BenchRun::run() {
  net::spawn(loop_, "signals", [this]() -> net::Task<void> {
    std::ignore = co_await signals_.next();
    interrupted_ = true;
    loop_.stop();
  });
  net::spawn(loop_, "progress", [this] { return show_progress(); });
  net::spawn(loop_, "bench", [this] { return run_all(); });
  loop_.run();
  if (::isatty(STDERR_FILENO) == 1) std::fputs("\r\x1b[K", stderr);
}

}  // namespace bellwether::cli
