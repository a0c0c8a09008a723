// `bellwether drill`: a rehearsal of a config. Stand-ins for its upstreams fail in each way in turn, under load, and what callers see is told.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/cli.h"
#include "cli/drill_stage.h"
#include "cli/load.h"
#include "cli/verbs.h"
#include "drill/call.h"
#include "drill/faults.h"
#include "json/reader.h"
#include "net/exchange.h"
#include "net/pool.h"
#include "net/process_signals.h"
#include "net/spawn.h"
#include "simulator/words.h"
#include "store/data_folder.h"

namespace bellwether::cli {
namespace {

using drill::Verdict;

struct Options {
  Given given;
  std::vector<std::string> faults, models;
  double seconds = 2;
  unsigned concurrency = 8;
  bool json = false, real_timeouts = false, without_gateway = false;
};

// What a real SDK would wait for; the gateway is told so, as the SDKs tell it.
constexpr Duration caller_patience = std::chrono::seconds(20);
// A caller of a stream may wait for longer as long as something comes; for longer than this over both waits it hangs.
constexpr Duration grace = std::chrono::seconds(10);
constexpr Duration wait_max = std::chrono::seconds(2);  // Of an upstream's silence, unless --real-timeouts.
constexpr Duration between_calls = std::chrono::milliseconds(20);
constexpr Duration well_before = std::chrono::milliseconds(300);  // Of the load, before the fault.
constexpr Duration look_every = std::chrono::milliseconds(5);
constexpr Duration home_within = std::chrono::seconds(15);  // Longer is "not home": three times what resilience.md promises.
// Said by each caller, so that no default of a route cuts answers; far more than an answer has, thoughts included.
constexpr std::size_t output_tokens_max = 20 * drill::answer_tokens;
constexpr std::size_t examples_max = 3;                               // Of what was worse, told for each rehearsal.
constexpr Duration usual_overhead = std::chrono::milliseconds(2500);  // Of a rehearsal, beside the load: answers under way, the way home.

std::int64_t milliseconds(Duration duration) { return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count(); }

/// One model whose first upstream is made to fail.
struct Subject {
  std::string model;      ///< As callers ask for it.
  std::size_t first = 0;  ///< Its first upstream.
  std::string first_name, model_there;
  std::vector<std::size_t> others;
  bool in_order = true;  ///< All calls go to the first one while it is well.
};

/// What was seen of one fault at one model.
struct Row {
  const Subject* subject;
  drill::Fault fault;
  std::array<std::uint64_t, drill::verdict_names.size()> seen{};
  std::optional<Duration> over_after;  ///< From the fault's begin to the first answer by another upstream.
  std::optional<Duration> home_after;  ///< From its end until answers came from home; nothing: not in time, or home has no answer.
  bool was_away = false;
  std::vector<std::string> examples;

  [[nodiscard]] std::uint64_t count(Verdict verdict) const { return seen[static_cast<std::size_t>(verdict)]; }
  [[nodiscard]] std::uint64_t calls() const {
    std::uint64_t all = 0;
    for (const std::uint64_t one : seen) all += one;
    return all;
  }
  [[nodiscard]] std::uint64_t worse() const { return calls() - count(Verdict::served) - count(Verdict::rescued) - count(Verdict::clean_error); }
};

class Drill {
 public:
  Drill(const Options& options, const config::Config& config, std::string_view toml, std::vector<drill::Fault> faults);

  [[nodiscard]] int run();

 private:
  [[nodiscard]] net::Task<void> rehearse_all();
  [[nodiscard]] net::Task<void> rehearse(Row& row);
  [[nodiscard]] net::Task<void> keep_calling(Row& row);
  [[nodiscard]] net::Task<drill::Call> call(const Subject& subject, const std::string& question, bool stream);
  void note(Row& row, const drill::Call& call, std::string_view expected, bool stream, TimePoint began);
  void inject(const Row& row);
  void heal(const Row& row);
  [[nodiscard]] bool is_home(const Row& row) const;
  [[nodiscard]] std::string table() const;
  [[nodiscard]] std::string json() const;

  // Constant after construction.
  const Options& options_;
  std::vector<Subject> subjects_;
  std::vector<drill::Fault> faults_;
  Duration bound_;
  // This thread's loop only.
  net::Loop loop_{random_seed()};
  net::ProcessSignals signals_{loop_, {SIGTERM, SIGINT}};  ///< Before the stage, whose threads inherit them blocked.
  Stage stage_;
  std::unique_ptr<net::Pool> pool_;  ///< Of callers' connections.
  std::vector<Row> rows_;
  bool interrupted_ = false;
  std::string trouble_;
  // Of the rehearsal under way.
  bool calling_ = false;
  std::size_t callers_ = 0, home_in_a_row_ = 0;
  std::uint64_t questions_ = 0;
  TimePoint fault_began_{}, fault_ended_{};
  bool healed_ = false;
  TimePoint home_since_{};
};

std::vector<Subject> subjects_of(const config::Config& config, const std::vector<std::string>& wanted) {
  std::vector<Subject> subjects;
  for (const catalog::Model& model : config.models) {
    const auto is_wanted = [&](const std::string& name) { return name == model.id || std::ranges::find(model.aliases, name) != model.aliases.end(); };
    if (!wanted.empty() && std::ranges::none_of(wanted, is_wanted)) continue;
    Subject subject{.model = model.id, .first = 0, .first_name = {}, .model_there = {}, .others = {}, .in_order = model.policy == catalog::Policy::ordered};
    bool first = true;
    for (const catalog::RouteEntry& entry : model.route) {
      if (entry.purpose != catalog::Purpose::every_request) continue;
      if (!first && entry.upstream != subject.first) subject.others.push_back(entry.upstream);
      if (!std::exchange(first, false)) continue;
      subject.first = entry.upstream;
      subject.first_name = config.upstreams[entry.upstream].name;
      subject.model_there = entry.model;
    }
    subjects.push_back(std::move(subject));
  }
  if (!config.models.empty()) return subjects;
  // Without models in the file, every upstream serves what it lists: the stand-ins list the same one.
  Subject subject{.model = "drill", .first = 0, .first_name = config.upstreams.front().name, .model_there = "drill", .others = {}, .in_order = true};
  for (std::size_t i = 1; i < config.upstreams.size(); ++i) subject.others.push_back(i);
  return {subject};
}

Duration bound_of(const config::Config& config, Duration silence_max) {
  Duration idle{};
  for (const catalog::Upstream& upstream : config.upstreams) idle = std::max(idle, std::min(upstream.timeouts.idle, silence_max));
  return caller_patience + 2 * idle + grace;
}

constexpr Duration for_ever = std::chrono::hours(24);
Duration silence_max(const Options& options) { return options.real_timeouts ? for_ever : wait_max; }

Drill::Drill(const Options& options, const config::Config& config, std::string_view toml, std::vector<drill::Fault> faults)
    : options_{options},
      subjects_{subjects_of(config, options.models)},
      faults_{std::move(faults)},
      bound_{bound_of(config, silence_max(options))},
      stage_{config, toml, silence_max(options)} {}

// ---- Calls ----

net::Task<drill::Call> Drill::call(const Subject& subject, const std::string& question, bool stream) {
  const TimePoint until = loop_.now() + bound_;
  const std::string body =
      fmt::format(R"({{"model":{},"messages":{},"max_tokens":{}{}}})", json::quote(options_.without_gateway ? subject.model_there : subject.model), question,
                  output_tokens_max, stream ? R"(,"stream":true,"stream_options":{"include_usage":true})" : "");
  const std::string head = fmt::format(
      "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n"
      "x-stainless-read-timeout: {}\r\ncontent-length: {}\r\n\r\n",
      stage_.key(), std::chrono::duration_cast<std::chrono::seconds>(caller_patience).count(), body.size());
  drill::CallReader reader;
  net::Pool::Waiting waiting;
  // Each call on a connection of its own: one that lay idle may have been closed, which would be this caller's to notice.
  Result<net::Lease> lease = co_await pool_->lease(net::Pool::Wanted::fresh, {std::chrono::seconds(5), std::chrono::seconds(5)}, until, waiting);
  if (!lease) co_return std::move(reader).end(drill::Ending::broken);
  net::Exchange exchange{*std::move(lease)};
  const std::array<std::string_view, 2> pieces{head, body};
  const auto ending_of = [](const Failure& failure) { return failure.reason == Reason::upstream_timeout ? drill::Ending::timed_out : drill::Ending::broken; };
  if (Result<void> sent = co_await exchange.send(pieces, std::chrono::seconds(5)); !sent) co_return std::move(reader).end(ending_of(sent.error()));
  const Result<const http::ReplyHead*> reply = co_await exchange.read_head(until);
  if (!reply) co_return std::move(reader).end(ending_of(reply.error()));
  reader.head((*reply)->status, (*reply)->fields.find("content-type").value_or(""), (*reply)->fields.find("x-bellwether-upstream").value_or(""));
  for (;;) {
    Result<net::Exchange::Piece> piece = co_await exchange.read_piece(until);
    if (!piece) co_return std::move(reader).end(ending_of(piece.error()));
    reader.piece(piece->content);
    if (piece->complete) break;
  }
  co_return std::move(reader).end(drill::Ending::complete);
}

std::string answer_to(const std::string& question) {
  const simulator::Words words{stage_seed, question};
  std::string text;
  for (std::uint64_t i = 0; i < drill::answer_tokens; ++i) text += words.text(i);
  return text;
}

/// One caller: asks again and again, each time something else, so that one answer cannot pass for another.
net::Task<void> Drill::keep_calling(Row& row) {
  while (calling_ && !interrupted_) {
    const std::uint64_t number = ++questions_;
    const bool stream = number % 2 == 0;
    const std::string question = fmt::format(R"([{{"role":"user","content":"Rehearsal {}"}}])", number);
    const std::string expected = answer_to(question);
    const TimePoint began = loop_.now();
    const drill::Call seen = co_await call(*row.subject, question, stream);
    note(row, seen, expected, stream, began);
    co_await loop_.sleep_for(between_calls);
  }
  --callers_;
}

void Drill::note(Row& row, const drill::Call& call, std::string_view expected, bool stream, TimePoint began) {
  const Verdict verdict = drill::judge(call, expected, options_.without_gateway ? drill::Source::unneeded : drill::Source::needed);
  ++row.seen[static_cast<std::size_t>(verdict)];
  const TimePoint now = loop_.now();
  if (drill::is_worse(verdict) && row.examples.size() < examples_max)
    row.examples.push_back(fmt::format("{}, {}: status {}, {} of {} bytes of text, {} finish_reason(s), {}, after {} ms",
                                       drill::verdict_names[static_cast<std::size_t>(verdict)], stream ? "streamed" : "not streamed", call.status,
                                       call.text.size(), expected.size(), call.finishes,
                                       call.ending == drill::Ending::complete ? "ended properly"
                                       : call.ending == drill::Ending::broken ? "connection ended"
                                                                              : "no end",
                                       milliseconds(now - began)));
  const bool answered = verdict == Verdict::served || verdict == Verdict::rescued;
  const bool at_home = answered && (options_.without_gateway || call.source == row.subject->first_name);
  if (answered && !at_home && began >= fault_began_ && row.subject->in_order) {
    row.was_away = true;
    if (!row.over_after) row.over_after = now - fault_began_;
  }
  if (!healed_ || began < fault_ended_) return;
  if (!at_home) {
    if (row.subject->in_order) home_in_a_row_ = 0;
  } else if (++home_in_a_row_ == 1) {
    home_since_ = now;
  }
}

// ---- Rehearsals ----

void Drill::inject(const Row& row) {
  if (!row.fault.first.empty()) stage_.set_fault(row.subject->first, simulator::parse_fault(row.fault.first).value());
  if (!row.fault.others.empty())
    for (const std::size_t other : row.subject->others) stage_.set_fault(other, simulator::parse_fault(row.fault.others).value());
}

void Drill::heal(const Row& row) {
  stage_.set_fault(row.subject->first, std::nullopt);
  for (const std::size_t other : row.subject->others) stage_.set_fault(other, std::nullopt);
}

bool Drill::is_home(const Row& row) const { return home_in_a_row_ >= (row.subject->in_order ? 2 * options_.concurrency : 1); }

net::Task<void> Drill::rehearse(Row& row) {
  const auto port = options_.without_gateway ? stage_.upstream_port(row.subject->first) : stage_.gateway_port();
  const net::Target target{.host = "127.0.0.1", .port = port, .socket_path = {}, .tls = false};
  pool_ = std::make_unique<net::Pool>(loop_, target, net::PoolLimits{.connections_max = options_.concurrency, .idle_max = 0},
                                      net::PoolObserver{[] {}, [] {}, [] {}});
  healed_ = false;
  home_in_a_row_ = 0;
  calling_ = true;
  callers_ = options_.concurrency;
  fault_began_ = TimePoint::max();
  for (unsigned i = 0; i < options_.concurrency; ++i) net::spawn(loop_, "drill caller", [this, &row] { return keep_calling(row); });
  // The fault comes while answers are under way.
  co_await loop_.sleep_for(well_before);
  fault_began_ = loop_.now();
  inject(row);
  const TimePoint until = fault_began_ + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(options_.seconds));
  while (loop_.now() < until && !interrupted_) co_await loop_.sleep_for(look_every);
  heal(row);
  fault_ended_ = loop_.now();
  healed_ = true;
  while (!is_home(row) && loop_.now() < fault_ended_ + home_within && !interrupted_) co_await loop_.sleep_for(look_every);
  if (is_home(row)) row.home_after = home_since_ - fault_ended_;
  calling_ = false;
  while (callers_ > 0) co_await loop_.sleep_for(look_every);
}

net::Task<void> Drill::rehearse_all() {
  for (Row& row : rows_) {
    if (interrupted_) break;
    // What one fault did to an upstream's standing and retry budget is not the next one's.
    try {
      if (!options_.without_gateway && &row != &rows_.front()) stage_.restart_gateway();
    } catch (const std::exception& exception) {
      trouble_ = exception.what();
      break;
    }
    co_await rehearse(row);
    if (!options_.without_gateway && !stage_.gateway_lives()) {
      trouble_ = "the gateway died:\n" + stage_.gateway_said();
      break;
    }
  }
  loop_.stop();
}

int Drill::run() {
  for (const Subject& subject : subjects_)
    for (const drill::Fault& fault : faults_) rows_.push_back({.subject = &subject, .fault = fault});
  const Duration each = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(options_.seconds)) + usual_overhead;
  const auto about = std::chrono::duration_cast<std::chrono::seconds>(each * static_cast<std::int64_t>(rows_.size())).count();
  std::fprintf(stderr, "bellwether drill: %zu model(s), %zu fault(s), %u callers: about %lld s%s\n", subjects_.size(), faults_.size(), options_.concurrency,
               static_cast<long long>(about), options_.real_timeouts ? ", longer where the file's timeouts are" : "");
  net::spawn(loop_, "signals", [this]() -> net::Task<void> {
    std::ignore = co_await signals_.next();
    interrupted_ = true;
    loop_.stop();
  });
  net::spawn(loop_, "drill", [this] { return rehearse_all(); });
  loop_.run();
  if (interrupted_) {
    stage_.end();
    std::_Exit(exit_interrupted);  // Calls are under way; nobody waits for them.
  }
  if (!trouble_.empty()) {
    std::fprintf(stderr, "bellwether: %s\n", trouble_.c_str());
    return exit_failed;
  }
  fmt::print("{}\n", options_.json ? json() : table());
  return std::ranges::all_of(rows_, [](const Row& row) { return row.worse() == 0; }) ? exit_ok : exit_threshold_missed;
}

// ---- What is told ----

std::string time_text(const std::optional<Duration>& duration) { return duration ? fmt::format("{} ms", milliseconds(*duration)) : "-"; }

std::string Drill::table() const {
  std::size_t width = 5;
  for (const Subject& subject : subjects_) width = std::max(width, subject.model.size());
  std::string out = fmt::format("{:<{}}  {:<15}  {:>6}  {:>6}  {:>7}  {:>6}  {:>5}  {:>10}  {:>10}\n", "model", width, "fault", "calls", "served", "rescued",
                                "errors", "worse", "over after", "home after");
  std::uint64_t calls = 0, worse = 0;
  for (const Row& row : rows_) {
    calls += row.calls();
    worse += row.worse();
    const std::string home = !row.home_after ? "not home" : row.was_away ? time_text(row.home_after) : "-";
    out += fmt::format("{:<{}}  {:<15}  {:>6}  {:>6}  {:>7}  {:>6}  {:>5}  {:>10}  {:>10}\n", row.subject->model, width, row.fault.name, row.calls(),
                       row.count(Verdict::served), row.count(Verdict::rescued), row.count(Verdict::clean_error), row.worse(), time_text(row.over_after), home);
  }
  for (const Row& row : rows_)
    for (const std::string& example : row.examples) out += fmt::format("{}, {}: {}\n", row.subject->model, row.fault.name, example);
  out += worse == 0 ? fmt::format("{} calls: nobody saw anything worse than a clean error", calls)
                    : fmt::format("{} of {} calls saw something worse than a clean error", worse, calls);
  return out;
}

std::string Drill::json() const {
  bool ok = true;
  std::string rows;
  const auto number = [](const std::optional<Duration>& duration) { return duration ? std::to_string(milliseconds(*duration)) : "null"; };
  for (const Row& row : rows_) {
    ok = ok && row.worse() == 0;
    std::string kinds, examples;
    for (std::size_t i = 0; i < row.seen.size(); ++i)
      if (drill::is_worse(static_cast<Verdict>(i)) && row.seen[i] > 0)
        kinds += fmt::format("{}{}:{}", kinds.empty() ? "" : ",", json::quote(drill::verdict_names[i]), row.seen[i]);
    for (const std::string& example : row.examples) examples += (examples.empty() ? "" : ",") + json::quote(example);
    rows += fmt::format(
        R"({}{{"model":{},"upstream":{},"fault":{},"calls":{},"served":{},"rescued":{},"clean_errors":{},"worse":{},"kinds":{{{}}},"over_after_ms":{},"home_after_ms":{},"examples":[{}]}})",
        rows.empty() ? "" : ",", json::quote(row.subject->model), json::quote(row.subject->first_name), json::quote(row.fault.name), row.calls(),
        row.count(Verdict::served), row.count(Verdict::rescued), row.count(Verdict::clean_error), row.worse(), kinds, number(row.over_after),
        number(row.home_after), examples);
  }
  return fmt::format(R"({{"schema":"bellwether.drill/1","ok":{},"gateway":{},"seconds":{},"concurrency":{},"rows":[{}]}})", ok, !options_.without_gateway,
                     options_.seconds, options_.concurrency, rows);
}

int run_drill(const Options& options) {
  const auto faults = drill::faults_named(options.faults);
  if (!faults) {
    std::fprintf(stderr, "bellwether: %s\n", faults.error().about.text.str().c_str());
    return exit_usage;
  }
  auto config = load(options.given, Secrets::unneeded, Purpose::data_only);
  if (config && config->file.empty()) config = std::unexpected(std::vector{config::Problem{.file = {}, .text = "drill needs a config file: --config FILE"}});
  if (config && config->upstreams.empty())
    config = std::unexpected(std::vector{config::Problem{.file = config->file, .text = "there is no upstream: a config has [upstream.NAME]"}});
  if (!config) {
    complain(config.error());
    return exit_invalid;
  }
  if (subjects_of(*config, options.models).empty()) {
    std::fprintf(stderr, "bellwether: the config has no such model\n");
    return exit_invalid;
  }
  // A rehearsal is not the service that a supervisor may have started us as: its gateway must neither report to it nor take its sockets.
  for (const char* name : {"NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"}) ::unsetenv(name);
  const auto toml = store::read_file(config->file);
  if (!toml) throw std::runtime_error(toml.error().detail.text.str());
  return Drill{options, *config, *toml, *faults}.run();
}

std::string list_of_faults() {
  std::string text;
  for (const drill::Fault& fault : drill::faults) text += fmt::format("  {:<16} {}\n", fault.name, fault.what);
  return text;
}

}  // namespace

void add_drill(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("drill", "Rehearse a config: each upstream fails in each way, and callers tell what they saw");
  verb->add_option("--config", options->given.config, "The config file; bellwether.toml if it is there")->type_name("FILE");
  verb->add_option("--faults", options->faults, "Only these, with commas between")->delimiter(',')->type_name("NAME,…");
  verb->add_option("--model", options->models, "Only this model (repeatable)")->allow_extra_args(false)->type_name("NAME");
  verb->add_option("--seconds", options->seconds, "How long each fault stays")->check(CLI::Range(0.1, 600.0))->capture_default_str();
  verb->add_option("--concurrency", options->concurrency, "Callers at once, every other call streamed")->check(CLI::Range(1, 256))->capture_default_str();
  verb->add_flag("--real-timeouts", options->real_timeouts, "Keep the file's first_token and idle timeouts; without it none is longer than 2 s");
  verb->add_flag("--without-gateway", options->without_gateway, "Show what callers see without Bellwether: straight at the first upstream");
  verb->add_flag("--json", options->json, "Say the result as JSON (bellwether.drill/1)");
  verb->footer(
      "Nothing of yours is touched: simulators stand in for the upstreams, no secret is read, the data folder is a temporary one.\n"
      "The exit code is 0 if no caller saw anything worse than a clean error, 99 otherwise, 3 for a config that is not valid.\n\n"
      "Faults:\n" +
      list_of_faults() +
      "\nExamples:\n  bellwether drill --config bellwether.toml\n  bellwether drill --config bellwether.toml --faults cut,stall --model deepseek-chat --json\n"
      "  bellwether drill --config bellwether.toml --without-gateway");
  verb->callback([options, &chosen] { chosen = [options] { return run_drill(*options); }; });
}

}  // namespace bellwether::cli
