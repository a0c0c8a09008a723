// `bellwether bench`: what an endpoint does under load, as its callers see it; two endpoints in turn.
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "base/time.h"
#include "cli/bench_report.h"
#include "cli/bench_run.h"
#include "cli/cli.h"
#include "cli/endpoint.h"
#include "cli/verbs.h"
#include "config/read.h"

namespace bellwether::cli {
namespace {

struct Options {
  std::string url, against, model, against_model, prompts, request, duration, goodput, arrivals = "poisson", timeout = "10m";
  KeyReference key, against_key;
  std::vector<std::string> fail_if;
  std::uint64_t requests = 0, warmup = 0, input_tokens = 64, output_tokens = 64, seed = 1;
  std::uint32_t concurrency = 1, in_flight_max = 1024;
  double rate = 0;
  bool stream = true, ignore_eos = false, json = false, csv = false;
};

constexpr std::uint64_t requests_usual = 100;
constexpr Duration list_patience = std::chrono::seconds(10);
// Descriptors beside those of the connections: standard streams, epoll, timers, certificates being read.
constexpr std::uint64_t descriptors_of_our_own = 32;

int complain_with(int code, std::string_view text) {
  std::fprintf(stderr, "bellwether: %.*s\n", static_cast<int>(text.size()), text.data());
  return code;
}

/// Each flag by itself was checked; this reads what they say together. Throws CLI::ValidationError.
BenchPlan plan_of(const Options& options) {
  BenchPlan plan{.load = options.rate > 0 ? Load::open : Load::closed,
                 .concurrency = options.concurrency,
                 .rate = options.rate,
                 .arrivals = options.arrivals == "constant" ? measuring::Arrivals::constant : measuring::Arrivals::poisson,
                 .requests = std::nullopt,
                 .duration = std::nullopt,
                 .warmup = options.warmup,
                 .in_flight_max = options.in_flight_max,
                 .seed = options.seed};
  const auto time_of = [](const std::string& text, const char* flag) {
    const auto time = config::parse_duration(text);
    if (!time || time->count() <= 0) throw CLI::ValidationError(flag, "takes a time such as 30s or 2m, not " + text);
    return *time;
  };
  plan.patience = time_of(options.timeout, "--timeout");
  if (!options.duration.empty()) plan.duration = time_of(options.duration, "--duration");
  else plan.requests = options.requests > 0 ? options.requests : requests_usual;
  return plan;
}

/// Room for as many connections as will be open at once. Nothing where there is; else a sentence.
std::optional<std::string> make_room(std::uint64_t connections) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::nullopt;
  const std::uint64_t wanted = connections + descriptors_of_our_own;
  if (limit.rlim_cur >= wanted) return std::nullopt;
  if (limit.rlim_max < wanted)
    return fmt::format("{} connections need more open files than the {} that are allowed here: lower --concurrency or --in-flight-max, or raise ulimit -n",
                       connections, limit.rlim_max);
  limit.rlim_cur = wanted;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  return std::nullopt;
}

/// The endpoint, known to answer, with the model to ask for; or an exit code, and it has been said why.
std::expected<BenchTarget, int> reach(const std::string& url, const std::string& model, const KeyReference& key) {
  auto endpoint = endpoint_of(url, key);
  if (!endpoint) return std::unexpected(complain_with(exit_invalid, endpoint.error().about.text));
  const Listed listed = list_models(*endpoint, list_patience);
  if (const auto refusal = refusal_of(listed.reply, url)) return std::unexpected(complain_with(refusal->exit_code, refusal->text));
  const auto chosen = choose_model(model, listed.models, url);
  if (!chosen) return std::unexpected(complain_with(exit_invalid, chosen.error().about.text));
  return BenchTarget{.url = url, .model = *chosen, .endpoint = *std::move(endpoint)};
}

void write(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

int tell(const Options& options, const BenchReport& report) {
  write(options.csv ? bench_csv(report) : options.json ? bench_json(report) + "\n" : bench_table(report));
  const std::string missed = missed_text(report);
  std::fputs(missed.c_str(), stderr);
  if (report.interrupted) return exit_interrupted;
  if (!missed.empty()) return exit_threshold_missed;
  for (const measuring::Summary& summary : report.outcome.endpoints)
    if (summary.ok == 0) return complain_with(exit_failed, "no request was answered properly");
  return exit_ok;
}

int run_bench(const Options& options, const BenchPlan& plan) {
  std::vector<measuring::Threshold> thresholds;
  for (const std::string& text : options.fail_if) {
    auto threshold = measuring::parse_threshold(text);
    if (!threshold) return complain_with(exit_usage, "--fail-if " + threshold.error().about.text.str());
    if (threshold->of != measuring::Of::first && options.against.empty()) return complain_with(exit_usage, "--fail-if " + text + " needs --against");
    thresholds.push_back(*std::move(threshold));
  }
  const auto goals = measuring::parse_goals(options.goodput);
  if (!goals) return complain_with(exit_usage, "--goodput " + goals.error().about.text.str());
  BodyOptions body{.output_tokens = options.output_tokens, .stream = options.stream, .more = {}};
  if (!options.request.empty()) {
    auto more = members_to_add(options.request);
    if (!more) return complain_with(exit_usage, more.error().about.text);
    body.more = *std::move(more);
  }
  if (options.ignore_eos) body.more += std::string(body.more.empty() ? "" : ",") + R"("ignore_eos":true)";
  Prompts prompts{MadePrompts{.input_tokens = options.input_tokens, .seed = options.seed}};
  if (!options.prompts.empty()) {
    auto read = Prompts::read(options.prompts);
    if (!read) return complain_with(exit_invalid, read.error().about.text);
    prompts = *std::move(read);
  }
  const std::uint64_t sides = options.against.empty() ? 1 : 2;
  if (const auto trouble = make_room(sides * (plan.load == Load::closed ? plan.concurrency : plan.in_flight_max))) return complain_with(exit_failed, *trouble);

  std::vector<BenchTarget> targets;
  auto first = reach(options.url, options.model, options.key);
  if (!first) return first.error();
  targets.push_back(*std::move(first));
  if (!options.against.empty()) {
    const KeyReference key = second_key(options.url, options.key, options.against, options.against_key);
    auto second = reach(options.against, options.against_model.empty() ? options.model : options.against_model, key);
    if (!second) return second.error();
    targets.push_back(*std::move(second));
  }

  const std::string started_at = to_rfc3339(std::chrono::system_clock::now());
  BenchRun run{plan, prompts, body, targets};
  run.run();
  if (run.refusal()) return complain_with(run.refusal()->exit_code, run.refusal()->text);
  BenchReport report{.plan = plan,
                     .body = body,
                     .targets = targets,
                     .seen = run.seen(),
                     .outcome = {},
                     .thresholds = thresholds,
                     .judgements = {},
                     .started_at = started_at,
                     .interrupted = run.interrupted()};
  for (const BenchSeen& seen : run.seen()) report.outcome.endpoints.push_back(measuring::summarise(seen.samples, seen.gaps.values(), *goals));
  if (targets.size() > 1)
    for (const measuring::Metric metric : {measuring::Metric::ttft, measuring::Metric::tpot, measuring::Metric::total})
      report.outcome.differences[static_cast<std::size_t>(metric)] =
          measuring::difference_of(measuring::pairs_of(run.seen()[0].samples, run.seen()[1].samples, metric), plan.seed);
  for (const measuring::Threshold& threshold : thresholds) report.judgements.push_back(measuring::judge(threshold, report.outcome));
  const int code = tell(options, report);
  // Requests are under way, and nobody waits for them.
  if (run.interrupted()) std::_Exit(code);
  return code;
}

void add_options(CLI::App& verb, Options& options) {
  verb.add_option("url", options.url, "The endpoint, with its /v1")->required()->type_name("URL");
  verb.add_option("--against", options.against, "A second endpoint, asked the same in turn: A B A B")->type_name("URL");
  verb.add_option("--model", options.model, "The model; without it the only one that the endpoint lists")->type_name("NAME");
  verb.add_option("--against-model", options.against_model, "What the second endpoint calls it")->type_name("NAME");
  CLI::Option* concurrency = verb.add_option("--concurrency", options.concurrency, "Closed load: so many callers, each asks again once it was answered")
                                 ->check(CLI::Range(1, 65536))
                                 ->type_name("N")
                                 ->capture_default_str();
  verb.add_option("--rate", options.rate, "Open load: so many requests a second (to each), whatever comes of them")
      ->check(CLI::Range(0.001, 1e6))
      ->type_name("N")
      ->excludes(concurrency);
  verb.add_option("--arrivals", options.arrivals, "Of an open load")->check(CLI::IsMember({"poisson", "constant"}))->capture_default_str();
  CLI::Option* requests =
      verb.add_option("--requests", options.requests, "How many requests, to each; 100 without --duration")->check(CLI::Range(1, 100'000'000))->type_name("N");
  verb.add_option("--duration", options.duration, "How long requests are sent; those under way then are waited for")->type_name("TIME")->excludes(requests);
  verb.add_option("--warmup", options.warmup, "Requests, to each, that are not counted, before")->check(CLI::Range(0, 1'000'000))->type_name("N");
  CLI::Option* made =
      verb.add_option("--prompt-tokens", options.input_tokens, "About so many tokens in each prompt, made of common words; none begins as another does")
          ->check(CLI::Range(1, 2'000'000))
          ->type_name("N")
          ->capture_default_str();
  verb.add_option("--prompts", options.prompts, "Prompts from a file: JSON lines with prompt or messages")->type_name("FILE")->excludes(made);
  verb.add_option("--output-tokens", options.output_tokens, "At most so many tokens in each answer")
      ->check(CLI::Range(1, 1'000'000))
      ->type_name("N")
      ->capture_default_str();
  verb.add_flag("--ignore-eos", options.ignore_eos, "Exactly so many: vLLM and llama-server know how");
  verb.add_flag("--stream,!--no-stream", options.stream, "Answers as streams (without: no ttft and tpot)");
  verb.add_option("--request", options.request, "Further members of each request, such as {\"temperature\":0}")->type_name("JSON");
  verb.add_option("--seed", options.seed, "Another seed: other prompts, another schedule")->capture_default_str();
  verb.add_option("--timeout", options.timeout, "For one request, from its sending")->type_name("TIME")->capture_default_str();
  verb.add_option("--in-flight-max", options.in_flight_max, "Open load: connections to each; further requests wait, and their time counts")
      ->check(CLI::Range(1, 65536))
      ->type_name("N")
      ->capture_default_str();
  CLI::Option* variable = verb.add_option("--api-key-env", options.key.variable, "The environment variable that holds the key")->type_name("NAME");
  verb.add_option("--api-key-file", options.key.file, "The file that holds the key")->type_name("FILE")->excludes(variable);
  CLI::Option* other = verb.add_option("--against-api-key-env", options.against_key.variable,
                                       "The same for the second endpoint; without it none, or the first's on the same host")
                           ->type_name("NAME");
  verb.add_option("--against-api-key-file", options.against_key.file, "The same for the second endpoint")->type_name("FILE")->excludes(other);
  verb.add_option("--goodput", options.goodput, "Count answers that keep within all of these")->type_name("ttft<500ms,…");
  verb.add_option("--fail-if", options.fail_if, "Exit with 99 if this holds (repeatable)")->allow_extra_args(false)->type_name("ttft.p99>500ms");
  CLI::Option* json = verb.add_flag("--json", options.json, "Say the result as JSON (bellwether.bench/1)");
  verb.add_flag("--csv", options.csv, "Say a row for each request instead")->excludes(json);
}

}  // namespace

void add_bench(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("bench", "Measure an endpoint, or two in turn: TTFT, time per token, total, throughput");
  add_options(*verb, *options);
  verb->footer(
      "Times count from when a request was to leave, so that a slow endpoint cannot hide in its callers' waiting. --fail-if knows ttft, itl, tpot, total\n"
      "and send_delay, each with mean, min, max, p50, p90, p95 or p99, and errors.rate, errors.count, goodput.rate, requests_per_second,\n"
      "output_tokens_per_second; of the second endpoint with against. before it, of how much it has more with difference.\n"
      "Exit codes: 99 a threshold is missed, 4 the key is refused, 5 the endpoint cannot be reached, 1 no request was answered, 130 interrupted\n"
      "(what was measured until then is told).\n\n"
      "Examples:\n  bellwether bench http://gpu-1:8000/v1 --concurrency 32 --requests 1000\n"
      "  bellwether bench http://gpu-1:8000/v1 --rate 20 --duration 60s --warmup 10 --fail-if 'ttft.p99>500ms' --fail-if 'errors.rate>1%'\n"
      "  bellwether bench http://gpu-1:8000/v1 --model deepseek-ai/DeepSeek-V3 --against https://api.deepseek.com/v1 --against-model deepseek-flash \\\n"
      "    --against-api-key-env DEEPSEEK_API_KEY --requests 200 --json\n"
      "  bellwether bench http://gpu-1:8000/v1 --prompt-tokens 2000 --output-tokens 256 --ignore-eos --seed 7 --goodput 'ttft<500ms,tpot<50ms' --timeout 2m\n"
      "  bellwether bench http://gpu-1:8000/v1 --rate 5 --arrivals constant --in-flight-max 64 --prompts prompts.jsonl --request '{\"temperature\":0}' --csv\n"
      "  bellwether bench http://gateway:8080/v1 --api-key-file key.txt --no-stream --concurrency 8 --requests 100\n"
      "  bellwether bench http://a:8080/v1 --api-key-env A_KEY --against http://b:8080/v1 --against-api-key-file b.key --requests 50");
  verb->callback([options, &chosen] {
    const BenchPlan plan = plan_of(*options);
    chosen = [options, plan] { return run_bench(*options, plan); };
  });
}

}  // namespace bellwether::cli
