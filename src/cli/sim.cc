#include "cli/sim.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <thread>

#include "cli/cli.h"
#include "cli/ready_file.h"
#include "cli/sim_history.h"
#include "cli/simulator_thread.h"
#include "config/read.h"
#include "net/listener.h"
#include "net/spawn.h"
#include "net/tls.h"
#include "simulator/simulator.h"

namespace bellwether::cli {
namespace {

using simulator::Flavor;

struct Options {
  std::string listen = "127.0.0.1:9000";
  std::string flavor = "vllm";
  std::string first_token = "0", between_tokens = "0", stats_every = "10s", fault;
  std::string certificate, private_key, ready_file;
  bool no_record = false;
  unsigned threads = 1;
  simulator::Options simulator;
  HistoryOptions history;
};

template <class T>
T or_throw(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().about.text.empty() ? result.error().detail.text : result.error().about.text);
  return std::move(*result);
}

Duration wait_of(const std::string& text, const char* flag) {
  const auto wait = simulator::parse_wait(text);
  if (!wait) throw CLI::ValidationError(flag, "takes a time such as 20ms or 2s, not " + text);
  return *wait;
}

void read_options(Options& options) {
  options.simulator.first_token = wait_of(options.first_token, "--ttft");
  options.simulator.between_tokens = wait_of(options.between_tokens, "--delay");
  options.simulator.stats_every = wait_of(options.stats_every, "--stats-interval");
  if (options.simulator.stats_every.count() == 0) throw CLI::ValidationError("--stats-interval", "must be longer than 0");
  options.simulator.record = !options.no_record;
  if (!options.history.folder.empty() && options.flavor != "vllm")
    throw CLI::ValidationError("--history", "is a vLLM's: leave --flavor " + options.flavor + " out");
  options.simulator.flavor = options.flavor == "vllm"       ? Flavor::vllm
                             : options.flavor == "deepseek" ? Flavor::deepseek
                             : options.flavor == "openai"   ? Flavor::openai
                                                            : Flavor::llama_server;
  if (options.fault.empty()) return;
  const auto fault = simulator::parse_fault(options.fault);
  if (!fault) throw CLI::ValidationError("--fault", fault.error().about.text);
  options.simulator.fault = *fault;
}

int run_sim(const Options& options) {
  const auto address = config::parse_listen(options.listen);
  if (!address) throw std::runtime_error("--listen takes an address and a port such as 127.0.0.1:9000, not " + options.listen);
  net::ListenPoint point{address->host, address->port, address->path};
  net::TlsContext tls;
  if (!options.certificate.empty()) tls = or_throw(net::make_server_tls(options.certificate, options.private_key));

  simulator::Shared shared{options.simulator};
  std::atomic<std::uint32_t> open{0};
  std::vector<std::unique_ptr<SimulatorThread>> threads;
  net::Socket first = or_throw(net::listen_on(point, net::Sharing::first));
  const bool nobody_listens = options.simulator.fault && options.simulator.fault->kind == simulator::FaultKind::refuse;
  if (nobody_listens) first = {};  // The port is ours no more: connections to it are refused.
  for (unsigned i = 0; i < options.threads; ++i) {
    threads.push_back(std::make_unique<SimulatorThread>(shared, open));
    SimulatorThread& thread = *threads.back();
    thread.server.set_tls(tls);
    if (nobody_listens) continue;
    net::Socket socket = i + 1 == options.threads ? net::Socket{first.release()}
                                                  : or_throw(point.path.empty() ? net::listen_on(point, net::Sharing::further) : net::duplicate(first));
    thread.listen(std::move(socket));
  }
  net::spawn(threads.front()->loop, "stats", [&shared, loop = &threads.front()->loop]() { return simulator::write_stats(*loop, shared); });
  // A simulator owes nothing to anybody: it ends at once.
  static std::string socket_file;  // For the handler: constant once it is set.
  socket_file = point.path;
  const auto end = [](int) {
    if (!socket_file.empty()) ::unlink(socket_file.c_str());
    std::_Exit(exit_ok);
  };
  std::signal(SIGTERM, end);
  std::signal(SIGINT, end);
  std::fprintf(stderr, "bellwether sim: %s on %s\n", options.flavor.c_str(), point.text(tls != nullptr).c_str());
  if (!options.ready_file.empty())
    if (const auto written = write_ready_file(options.ready_file, {point.text(tls != nullptr)}, ""); !written)
      throw std::runtime_error(written.error().detail.text);
  for (const auto& thread : threads) thread->start();
  for (const auto& thread : threads) thread->thread.join();
  return exit_ok;
}

}  // namespace

void add_sim(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("sim", "A faithful upstream to test against, with scripted faults");
  verb->add_option("--listen", options->listen, "Address; port 0 picks one")->type_name("ADDR")->capture_default_str();
  verb->add_option("--flavor", options->flavor, "Whose manners it has")
      ->check(CLI::IsMember({"vllm", "deepseek", "llama-server", "openai"}))
      ->capture_default_str();
  verb->add_option("--model", options->simulator.models, "A model that it serves (repeatable)")->allow_extra_args(false)->type_name("NAME");
  verb->add_option("--seed", options->simulator.seed, "Another seed, other words")->capture_default_str();
  verb->add_option("--ttft", options->first_token, "Time to the first token")->type_name("TIME")->capture_default_str();
  verb->add_option("--delay", options->between_tokens, "Time between tokens")->type_name("TIME")->capture_default_str();
  verb->add_option("--tokens", options->simulator.tokens, "Tokens of an answer")->check(CLI::Range(1, 1'000'000))->capture_default_str();
  verb->add_option("--fault", options->fault, "What goes wrong, for every request: 503, cut:5, slow-first:800ms … (an unknown name lists them all)")
      ->type_name("NAME[:ARG]");
  verb->add_option("--api-key", options->simulator.api_key, "The only key that it takes")->type_name("KEY");
  verb->add_option("--threads", options->threads, "Threads")->check(CLI::Range(1, 64))->capture_default_str();
  CLI::Option* certificate = verb->add_option("--tls-certificate", options->certificate, "Speak TLS with this certificate (PEM)")->type_name("FILE");
  CLI::Option* key = verb->add_option("--tls-private-key", options->private_key, "Its key (PEM)")->type_name("FILE");
  certificate->needs(key);
  key->needs(certificate);
  verb->add_flag("--reasoning", options->simulator.reasoning, "Think before answering");
  verb->add_flag("--no-record", options->no_record, "Do not keep what was asked");
  verb->add_flag("--access-log", options->simulator.access_log, "A line a request on standard output, as vLLM's uvicorn writes it");
  verb->add_option("--stats-interval", options->stats_every, "With --access-log: between two lines of vLLM's engine")->type_name("TIME")->capture_default_str();
  verb->add_option("--ready-file", options->ready_file, "Written once it answers")->type_name("FILE");
  CLI::Option* history = verb->add_option("--history", options->history.folder,
                                          "Serve nobody: write the log and the metrics of past days into this folder, and print what was served in them")
                             ->type_name("DIR");
  verb->add_option("--days", options->history.days, "With --history: how many")->check(CLI::Range(1, 400))->capture_default_str()->needs(history);
  verb->add_option("--until", options->history.until, "With --history: the day before which it ends (today)")->type_name("YYYY-MM-DD")->needs(history);
  verb->footer(
      "A fault can also be asked for by the model's name (fault-cut:5), or set while it runs: PUT /sim/fault {\"fault\":\"503\"}.\n"
      "GET /sim/requests tells the last thousand requests, DELETE forgets them.\n\n"
      "Examples:\n  bellwether sim --listen 127.0.0.1:9000 --delay 20ms\n  bellwether sim --flavor deepseek --fault 429\n"
      "  TZ=Asia/Seoul bellwether sim --history vllm-logs --days 14 > served.json");
  verb->callback([options, &chosen] {
    read_options(*options);
    chosen = [options] { return options->history.folder.empty() ? run_sim(*options) : write_history(options->history, options->simulator); };
  });
}

}  // namespace bellwether::cli
