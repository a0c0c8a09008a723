#include "cli/doctor_compare.h"

#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <set>

#include "base/money.h"
#include "base/nearest.h"
#include "calling/call.h"
#include "calling/chat_event.h"
#include "cli/cli.h"
#include "cli/doctor_compare_report.h"
#include "cli/entropy.h"
#include "config/read.h"
#include "net/process_signals.h"
#include "net/spawn.h"
#include "parity/probe.h"

namespace bellwether::cli {
namespace {

constexpr Duration list_patience = std::chrono::seconds(10);
constexpr Duration busy_wait = std::chrono::seconds(1), busy_wait_max = std::chrono::seconds(5);  // Before the one retry after a 429.
constexpr std::size_t events_kept_max = 4096;                                                     // Of a stream: probes ask for 96 tokens at the most.

int complain_with(int code, std::string_view text) {
  std::fprintf(stderr, "bellwether: %.*s\n", static_cast<int>(text.size()), text.data());
  return code;
}

/// What a call may cost, in money.
struct Price {
  Money input, output;  ///< Of a million tokens.

  /// Rounded up: a budget is not to be overrun by what rounding hides.
  [[nodiscard]] Money of(const parity::Spending& spending) const {
    const auto part = [](std::uint64_t tokens, Money price) { return static_cast<unsigned __int128>(tokens) * static_cast<std::uint64_t>(price.nano_usd); };
    return Money{static_cast<std::int64_t>((part(spending.input, input) + part(spending.output, output) + 999'999) / 1'000'000)};
  }
};

/// What may be spent, and what was.
struct Purse {
  std::uint64_t tokens_max = 0;
  std::optional<Price> price;
  std::optional<Money> budget;
  parity::Spending spent = {};

  [[nodiscard]] bool has_room_for(const parity::Spending& more) const {
    const parity::Spending after{spent.input + more.input, spent.output + more.output};
    return after.sum() <= tokens_max && (!budget || price->of(after) <= *budget);
  }
  void take(const parity::Spending& more) { spent = {spent.input + more.input, spent.output + more.output}; }
};

/// One of the two.
struct Side {
  std::string name;  ///< As it was given.
  std::string model;
  calling::Endpoint endpoint;
  std::unique_ptr<calling::Caller> caller, wrong_caller;  ///< The second shows a wrong key.
  parity::History history;
};

/// Keeps a stream's events, until there are enough of them.
class Keeper final : public calling::Listener {
 public:
  Keeper(json::Reader& reader, TimePoint began, std::uint64_t events_max, parity::Answer& answer)
      : reader_{reader}, began_{began}, events_max_{events_max}, answer_{answer} {}

  Wants on_event(TimePoint at, std::string_view data) override {
    const calling::ChatEvent event = calling::read_chat_event(data, reader_);
    if (event.has_token) {
      if (answer_.ttft_ms == 0) answer_.ttft_ms = milliseconds_of(at - began_);
      answer_.total_ms = milliseconds_of(at - began_);
      ++tokens_;
    }
    answer_.events.emplace_back(data);
    return answer_.events.size() >= events_kept_max || (events_max_ > 0 && tokens_ >= events_max_) ? Wants::enough : Wants::more;
  }

 private:
  json::Reader& reader_;
  TimePoint began_;
  std::uint64_t events_max_, tokens_ = 0;
  parity::Answer& answer_;
};

class Compare {
 public:
  Compare(const CompareOptions& options, Duration patience, Purse purse, std::array<Side, 2> sides, std::vector<ComparedCheck> checks)
      : json_wanted_{options.json}, patience_{patience}, purse_{purse}, sides_{std::move(sides)}, checks_{std::move(checks)} {
    for (Side& side : sides_) {
      side.caller = std::make_unique<calling::Caller>(loop_, side.endpoint, 1);
      calling::Endpoint wrong = side.endpoint;
      wrong.api_key = "sk-bellwether-wrong-key-on-purpose";
      side.wrong_caller = std::make_unique<calling::Caller>(loop_, wrong, 1);
    }
  }

  [[nodiscard]] int run();

 private:
  enum class Asked : std::uint8_t { yes, no_room };
  [[nodiscard]] net::Task<void> run_all();
  [[nodiscard]] net::Task<void> look_at(ComparedCheck& compared);
  [[nodiscard]] net::Task<Asked> ask_both(const parity::Probe& probe);
  [[nodiscard]] net::Task<void> ask(Side& side, const parity::Probe& probe, parity::Body body);
  [[nodiscard]] net::Task<calling::Reply> send(Side& side, const parity::Probe& probe, const std::string& body, parity::Answer& answer);
  void settle(const parity::Probe& probe, const parity::Body& body, const parity::Said& said);
  void show_progress(const ComparedCheck& compared, std::size_t number) const;
  [[nodiscard]] bool is_over() const { return interrupted_ || refusal_.has_value(); }

  // Constant after construction.
  bool json_wanted_;
  Duration patience_;
  // This thread's loop only.
  net::Loop loop_{random_seed()};
  net::ProcessSignals signals_{loop_, {SIGINT, SIGTERM}};
  calling::Ongoing* ongoing_ = nullptr;
  json::Reader reader_;
  Purse purse_;
  std::array<Side, 2> sides_;
  std::vector<ComparedCheck> checks_;
  std::set<std::string, std::less<>> asked_{"models"};
  std::uint64_t calls_ = 0;
  bool interrupted_ = false;
  std::optional<Refusal> refusal_;
};

// ---- Calls ----

net::Task<calling::Reply> Compare::send(Side& side, const parity::Probe& probe, const std::string& body, parity::Answer& answer) {
  ++calls_;
  calling::Ongoing ongoing;
  ongoing_ = &ongoing;
  Keeper keeper{reader_, loop_.now(), probe.events_max, answer};
  calling::Caller& caller = probe.key == parity::ShownKey::own ? *side.caller : *side.wrong_caller;
  const calling::Request request{.path = probe.path, .body = body};
  calling::Reply reply = co_await caller.call(request, patience_, keeper, ongoing);
  ongoing_ = nullptr;
  co_return reply;
}

std::string without_key(std::string text, const std::string& key) {
  for (std::size_t at = 0; !key.empty() && (at = text.find(key, at)) != std::string::npos;) text.replace(at, key.size(), "***");
  return text;
}

net::Task<void> Compare::ask(Side& side, const parity::Probe& probe, parity::Body body) {
  parity::Body whole;
  whole["model"] = probe.model.empty() ? side.model : probe.model;
  if (probe.shape == parity::Shape::stream) whole["stream"] = true;
  whole.update(body);
  const std::string text = whole.dump();
  parity::Answer answer;
  calling::Reply reply = co_await send(side, probe, text, answer);
  if (reply.status == 429 && !is_over()) {
    std::int64_t seconds = 0;
    std::from_chars(reply.retry_after.data(), reply.retry_after.data() + reply.retry_after.size(), seconds);
    const Duration wait = seconds > 0 ? std::min<Duration>(std::chrono::seconds(seconds), busy_wait_max) : busy_wait;
    co_await loop_.sleep_for(wait);
    answer = {};
    reply = co_await send(side, probe, text, answer);
  }
  if (reply.end == calling::End::cancelled) co_return;
  if (reply.end == calling::End::unreachable) {
    refusal_ = refusal_of(reply, side.name);
    co_return;
  }
  const bool own_key_refused = probe.name == "whole" && (reply.status == 401 || reply.status == 403);
  if (own_key_refused) {
    refusal_ = refusal_of(reply, side.name);
    co_return;
  }
  answer.status = reply.status;
  answer.content_type = reply.content_type;
  answer.body = without_key(reply.body, side.endpoint.api_key);
  answer.comments = reply.comments;
  answer.was_left = reply.end == calling::End::enough;
  if (!answer.was_left && reply.end != calling::End::complete) answer.trouble = reply.detail.empty() ? "no whole answer" : reply.detail;
  parity::Said said = parity::read_answer(answer);
  settle(probe, body, said);
  side.history.emplace(probe.name, std::move(said));
}

/// What it cost: as the endpoint counted, nothing for a refusal, else the most that it can have been.
void Compare::settle(const parity::Probe& probe, const parity::Body& body, const parity::Said& said) {
  if (said.status >= 400) return;
  parity::Spending spending = parity::spending_max_of(probe, body);
  if (said.usage && said.usage->input && said.usage->output && *said.usage->input >= 0 && *said.usage->output >= 0)
    spending = {static_cast<std::uint64_t>(*said.usage->input), static_cast<std::uint64_t>(*said.usage->output)};
  purse_.take(spending);
}

net::Task<Compare::Asked> Compare::ask_both(const parity::Probe& probe) {
  std::array<std::optional<parity::Body>, 2> bodies;
  parity::Spending most;
  for (std::size_t i = 0; i < sides_.size(); ++i) {
    bodies[i] = probe.body(sides_[i].history);
    if (!bodies[i]) continue;
    const parity::Spending one = parity::spending_max_of(probe, *bodies[i]);
    most = {most.input + one.input, most.output + one.output};
  }
  if (!purse_.has_room_for(most)) co_return Asked::no_room;
  // Now A first, now B: neither is always the one whose connections, caches and hour are the better.
  const std::size_t first = asked_.size() % sides_.size();
  asked_.insert(probe.name);
  for (std::size_t i = 0; i < sides_.size() && !is_over(); ++i) {
    const std::size_t side = (first + i) % sides_.size();
    if (!bodies[side]) continue;
    co_await ask(sides_[side], probe, *bodies[side]);
  }
  co_return Asked::yes;
}

// ---- Checks ----

net::Task<void> Compare::look_at(ComparedCheck& compared) {
  compared.comparison.verdict = parity::Verdict::not_run;
  for (const std::string& name : compared.check->probes) {
    if (asked_.contains(name)) continue;
    const Asked asked = co_await ask_both(parity::probe_named(name));
    if (asked == Asked::no_room) {
      compared.not_run = "budget";
      co_return;
    }
    if (is_over()) {
      compared.not_run = "interrupted";
      co_return;
    }
  }
  compared.first = compared.check->read(sides_[0].history);
  compared.second = compared.check->read(sides_[1].history);
  compared.comparison = parity::compare(*compared.check, compared.first, compared.second);
}

void Compare::show_progress(const ComparedCheck& compared, std::size_t number) const {
  if (::isatty(STDERR_FILENO) != 1) return;
  std::fprintf(stderr, "\r\x1b[K%zu/%zu %s, %llu tokens", number, checks_.size(), compared.check->name.c_str(),
               static_cast<unsigned long long>(purse_.spent.sum()));
  std::fflush(stderr);
}

net::Task<void> Compare::run_all() {
  std::size_t number = 0;
  for (ComparedCheck& compared : checks_) {
    show_progress(compared, ++number);
    if (is_over()) {
      compared.comparison.verdict = parity::Verdict::not_run;
      compared.not_run = "interrupted";
      continue;
    }
    co_await look_at(compared);
  }
  loop_.stop();
}

int Compare::run() {
  const std::string started_at = to_rfc3339(std::chrono::system_clock::now());
  net::spawn(loop_, "signals", [this]() -> net::Task<void> {
    std::ignore = co_await signals_.next();
    interrupted_ = true;
    if (ongoing_ != nullptr) ongoing_->cancel();
  });
  net::spawn(loop_, "compare", [this] { return run_all(); });
  loop_.run();
  if (::isatty(STDERR_FILENO) == 1) std::fputs("\r\x1b[K", stderr);
  if (refusal_) return complain_with(refusal_->exit_code, refusal_->text);
  const CompareReport report{.a = {shown_url(sides_[0].name), sides_[0].model},
                             .b = {shown_url(sides_[1].name), sides_[1].model},
                             .started_at = started_at,
                             .checks = checks_,
                             .tokens = purse_.spent.sum(),
                             .tokens_max = purse_.tokens_max,
                             .calls = calls_,
                             .spent = purse_.price ? std::optional(purse_.price->of(purse_.spent)) : std::nullopt,
                             .budget = purse_.budget,
                             .interrupted = interrupted_};
  const std::string text = json_wanted_ ? compare_json(report) + "\n" : compare_table(report);
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
  if (interrupted_) return exit_interrupted;
  return report.has_blocker() ? exit_threshold_missed : exit_ok;
}

// ---- What was asked for ----

bool is_url(const std::string& text) { return text.find("://") != std::string::npos || text.starts_with("unix:"); }

/// The model that routes name for an upstream, where they all name the same one.
std::string routed_model(const config::Config& config, std::size_t upstream) {
  std::string model;
  for (const catalog::Model& one : config.models)
    for (const catalog::RouteEntry& entry : one.route) {
      if (entry.upstream != upstream) continue;
      if (!model.empty() && model != entry.model) return {};
      model = entry.model;
    }
  return model;
}

std::expected<Side, int> side_of(const std::string& text, const KeyReference& key, std::string model, const std::optional<config::Config>& config) {
  Side side{.name = text, .model = {}, .endpoint = {}, .caller = nullptr, .wrong_caller = nullptr, .history = {}};
  if (is_url(text)) {
    auto endpoint = endpoint_of(text, key);
    if (!endpoint) return std::unexpected(complain_with(exit_invalid, endpoint.error().about.text.str()));
    side.endpoint = *std::move(endpoint);
  } else {
    const auto at = std::ranges::find(config->upstreams, text, &catalog::Upstream::name);
    if (at == config->upstreams.end()) {
      std::vector<std::string_view> known;
      for (const catalog::Upstream& upstream : config->upstreams) known.push_back(upstream.name);
      const auto near = nearest(text, known, 1);
      return std::unexpected(complain_with(
          exit_invalid, fmt::format("{} is neither a URL nor an upstream of {}{}", text, config->file.empty() ? "a config (--config names one)" : config->file,
                                    near.empty() ? "" : fmt::format("; did you mean {}?", near[0]))));
    }
    side.endpoint = endpoint_of(*at);
    if (model.empty()) model = routed_model(*config, static_cast<std::size_t>(at - config->upstreams.begin()));
  }
  const Listed listed = list_models(side.endpoint, list_patience);
  if (const auto refusal = refusal_of(listed.reply, text)) return std::unexpected(complain_with(refusal->exit_code, refusal->text));
  const auto chosen = choose_model(model, listed.models, text);
  if (!chosen) return std::unexpected(complain_with(exit_invalid, chosen.error().about.text.str()));
  side.model = *chosen;
  const parity::Answer list{.status = listed.reply.status, .content_type = listed.reply.content_type, .body = listed.reply.body};
  parity::Said said = parity::read_answer(list);
  said.model = side.model;
  side.history.emplace("models", std::move(said));
  return side;
}

/// Nothing, or a sentence about a name that no check has.
std::optional<std::string> unknown_check(const std::vector<std::string>& names, std::string_view flag) {
  std::vector<std::string_view> known;
  for (const parity::Check& check : parity::checks()) known.push_back(check.name);
  for (const std::string& name : names) {
    if (std::ranges::find(known, name) != known.end()) continue;
    const auto near = nearest(name, known, 1);
    return fmt::format("{}: there is no check {}{}", flag, name, near.empty() ? "" : fmt::format("; did you mean {}?", near[0]));
  }
  return std::nullopt;
}

std::vector<ComparedCheck> wanted_checks(const CompareOptions& options) {
  const auto has = [](const std::vector<std::string>& names, const std::string& name) { return std::ranges::find(names, name) != names.end(); };
  std::vector<ComparedCheck> wanted;
  for (const parity::Check& check : parity::checks()) {
    if (!options.only.empty() && !has(options.only, check.name)) continue;
    wanted.push_back(
        {.check = &check, .weight = has(options.need, check.name) ? parity::Weight::blocker : check.weight, .is_accepted = has(options.accept, check.name)});
  }
  return wanted;
}

Result<Purse> purse_of(const CompareOptions& options) {
  const auto wrong = [](std::string text) { return failed(Reason::request_malformed, PublicText{std::move(text)}); };
  Purse purse{.tokens_max = options.tokens_max, .price = std::nullopt, .budget = std::nullopt};
  if (!options.budget.empty() && options.price.empty()) return wrong("--budget needs --price INPUT,OUTPUT: dollars for a million tokens");
  if (!options.price.empty()) {
    const std::size_t comma = options.price.find(',');
    const auto input = parse_money(std::string_view(options.price).substr(0, comma));
    const auto output = comma == std::string::npos ? input : parse_money(std::string_view(options.price).substr(comma + 1));
    if (!input || !output) return wrong("--price takes dollars for a million tokens of input and of output such as 0.28,0.42, not " + options.price);
    purse.price = Price{*input, *output};
  }
  if (!options.budget.empty()) {
    purse.budget = parse_money(options.budget);
    if (!purse.budget) return wrong("--budget takes dollars such as 0.05, not " + options.budget);
  }
  return purse;
}

}  // namespace

void add_compare_options(CLI::App& verb, CompareOptions& options) {
  verb.add_option("--model-a", options.model_a, "What A calls the model")->type_name("NAME");
  verb.add_option("--model-b", options.model_b, "What B calls it")->type_name("NAME");
  verb.add_option("--api-key-env-a", options.key_a.variable, "The environment variable that holds A's key, where A is a URL")->type_name("NAME");
  verb.add_option("--api-key-file-a", options.key_a.file, "The file that holds it")->type_name("FILE");
  verb.add_option("--api-key-env-b", options.key_b.variable,
                  "The environment variable that holds B's key, where B is a URL; without it none, or A's on the same host")
      ->type_name("NAME");
  verb.add_option("--api-key-file-b", options.key_b.file, "The file that holds it")->type_name("FILE");
  verb.add_option("--tokens-max", options.tokens_max, "At most so many tokens are spent, of both together")
      ->check(CLI::Range(1, 100'000'000))
      ->type_name("N")
      ->capture_default_str();
  verb.add_option("--budget", options.budget, "And at most so many dollars, at --price for both")->type_name("USD");
  verb.add_option("--price", options.price, "Dollars for a million tokens of input and of output")->type_name("IN,OUT");
  verb.add_option("--accept", options.accept, "A difference that is accepted: no blocker (commas between several)")->delimiter(',')->type_name("CHECK");
  verb.add_option("--need", options.need, "What is needed: a blocker if B cannot do it")->delimiter(',')->type_name("CHECK");
  verb.add_option("--only", options.only, "Only these checks")->delimiter(',')->type_name("CHECK");
  verb.add_option("--timeout", options.timeout, "For one call")->type_name("TIME")->capture_default_str();
}

int run_doctor_compare(const CompareOptions& options) {
  if (options.endpoints.size() != 2) return complain_with(exit_usage, "--compare takes two endpoints: URLs, or names of upstreams of the config");
  for (const auto& [names, flag] : {std::pair{&options.accept, "--accept"}, {&options.need, "--need"}, {&options.only, "--only"}})
    if (const auto trouble = unknown_check(*names, flag)) return complain_with(exit_usage, *trouble);
  const auto patience = config::parse_duration(options.timeout);
  if (!patience || patience->count() <= 0) return complain_with(exit_usage, "--timeout takes a time such as 60s, not " + options.timeout);
  auto purse = purse_of(options);
  if (!purse) return complain_with(exit_usage, purse.error().about.text.str());
  std::optional<config::Config> config;
  if (!is_url(options.endpoints[0]) || !is_url(options.endpoints[1])) {
    auto loaded = load(options.given, Secrets::wanted, Purpose::data_only);
    if (!loaded) {
      complain(loaded.error());
      return exit_invalid;
    }
    config = *std::move(loaded);
  }
  auto a = side_of(options.endpoints[0], options.key_a, options.model_a, config);
  if (!a) return a.error();
  const KeyReference key_b = second_key(options.endpoints[0], options.key_a, options.endpoints[1], options.key_b);
  auto b = side_of(options.endpoints[1], key_b, options.model_b, config);
  if (!b) return b.error();
  std::fprintf(stderr, "bellwether: comparing %s with %s; at most %llu tokens%s\n", shown_url(a->name).c_str(), shown_url(b->name).c_str(),
               static_cast<unsigned long long>(purse->tokens_max), purse->budget ? fmt::format(" and {} USD", to_decimal(*purse->budget)).c_str() : "");
  Compare compare{options, *patience, *purse, {*std::move(a), *std::move(b)}, wanted_checks(options)};
  return compare.run();
}

}  // namespace bellwether::cli
