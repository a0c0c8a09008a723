// `bellwether doctor`: what is wrong with this installation, and what to do about it. It changes nothing and costs no tokens.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <memory>
#include <string>
#include <vector>

#include "cli/admin_socket.h"
#include "cli/cli.h"
#include "cli/doctor_compare.h"
#include "cli/doctor_machine.h"
#include "cli/doctor_upstreams.h"
#include "cli/load.h"
#include "cli/verbs.h"

namespace bellwether::cli {
namespace {

using doctor::Check;

struct Options {
  Given given;
  bool json = false;
  CompareOptions compare;
};

int tell(const std::vector<Check>& checks, const Options& options) {
  fmt::print("{}\n", options.json ? doctor::to_json(checks) : doctor::to_table(checks));
  return doctor::exit_code_of(checks);
}

void add_problems(std::vector<Check>& checks, const std::string& name, const std::vector<config::Problem>& problems, const char* remedy) {
  for (const config::Problem& problem : problems) checks.push_back(doctor::failed(name, config::to_text(problem), remedy, doctor::Trouble::config));
}

int run_doctor(const Options& options) {
  std::vector<Check> checks;
  auto config = load(options.given, Secrets::wanted, Purpose::data_only);
  Keys keys = Keys::resolved;
  if (!config) {
    // Where only secrets are missing, everything else can still be looked at.
    auto without = load(options.given, Secrets::unneeded, Purpose::data_only);
    if (!without) {
      add_problems(checks, "config", without.error(), "correct the file; docs/configuration.md has every key");
      return tell(checks, options);
    }
    add_problems(checks, "secrets", config.error(), "set the variable or the file for the user of the service (Environment= or EnvironmentFile= of the unit)");
    config = std::move(without);
    keys = Keys::missing;
  }
  const std::string file = config->file.empty() ? "command line" : config->file;
  if (config->upstreams.empty()) {
    checks.push_back(doctor::failed("config", file + " has no upstream", "add [upstream.NAME] with base_url, or give --upstream URL", doctor::Trouble::config));
    return tell(checks, options);
  }
  checks.insert(checks.begin(),
                doctor::ok("config", fmt::format("{}: valid, {} upstream(s), {}", file, config->upstreams.size(),
                                                 config->models.empty() ? "every model that they list" : fmt::format("{} model(s)", config->models.size()))));
  if (keys == Keys::resolved) checks.push_back(doctor::ok("secrets", "every reference leads to something"));

  const auto data = look_at_data_folder(config->data);
  const auto server_answers = [&] {
    const auto reply = ask_server(config->data, "GET", "/healthz", "");
    return reply && reply->has_value();
  };
  const Server server = data.exists && data.trouble.empty() && data.locked && server_answers() ? Server::runs : Server::does_not;
  for (const config::ListenAddress& address : config->listen) checks.push_back(doctor::judge_port(look_at_port("port of callers", address, server)));
  const config::ListenAddress admin = config->admin_address();
  checks.push_back(doctor::judge_port(look_at_port("admin port", admin, server)));
  checks.push_back(doctor::judge_open_files(look_at_open_files(*config)));
  const WallTime now = std::chrono::system_clock::now();
  if (config->tls) checks.push_back(doctor::judge_certificate(look_at_certificate(*config->tls), now));
  for (Check& check : doctor::judge_data_folder(data)) checks.push_back(std::move(check));
  checks.push_back(look_at_time_zones());
  checks.push_back(look_at_service_manager());
  const std::vector<doctor::UpstreamFacts> upstreams = look_at_upstreams(*config, keys);
  for (const doctor::UpstreamFacts& facts : upstreams)
    for (Check& check : doctor::judge_upstream(facts)) checks.push_back(std::move(check));
  checks.push_back(doctor::judge_clock(upstreams));
  return tell(checks, options);
}

}  // namespace

void add_doctor(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("doctor", "Check this installation, with a remedy for whatever is wrong; compare two upstreams");
  verb->add_option("--config", options->given.config, "The config file; bellwether.toml if it is there")->type_name("FILE");
  verb->add_option("--upstream", options->given.upstreams, "Without a config file: the upstreams (repeatable)")->allow_extra_args(false)->type_name("URL");
  verb->add_option("--data", options->given.data, "The data folder, where `serve` was given one")->type_name("DIR");
  verb->add_option("--listen", options->given.listen, "Callers' address, likewise")->type_name("ADDR");
  verb->add_option("--admin-listen", options->given.admin_listen, "The admin port's, likewise")->type_name("ADDR");
  verb->add_flag("--json", options->json, "Say the result as JSON (bellwether.doctor/1)");
  verb->add_option("--compare", options->compare.endpoints, "Compare two endpoints instead: URLs, or names of upstreams of the config")
      ->expected(2)
      ->type_name("A B");
  add_compare_options(*verb, options->compare);
  verb->footer(
      "Looks at the config, its secrets, ports, the limit of open files, certificates, the data folder, time zones, the service manager and each upstream\n"
      "(its name, connection, certificate, key, models, clock). It changes nothing and costs no tokens. Run it as the user of the service.\n"
      "--compare makes small real calls to both instead, within a bound on what they spend; it exits with 99 where something stands against moving from A to "
      "B.\n"
      "The exit code is 0 if nothing failed (warnings do not count), 3 for an invalid config, 1 if something here failed, 5 if only upstreams did.\n\n"
      "Examples:\n  bellwether doctor --config bellwether.toml\n  bellwether doctor --config bellwether.toml --json | jq '.checks[] | select(.status != "
      "\"ok\")'\n"
      "  bellwether doctor --config bellwether.toml --compare onprem hosted --tokens-max 20000\n"
      "  bellwether doctor --upstream http://gpu-1:8000/v1 --timeout 10s\n"
      "  bellwether doctor --compare http://gpu-1:8000/v1 https://api.deepseek.com/v1 --model-a deepseek-ai/DeepSeek-V3 --model-b deepseek-flash \\\n"
      "    --api-key-env-a VLLM_API_KEY --api-key-env-b DEEPSEEK_API_KEY --budget 0.05 --price 0.28,0.42\n"
      "  bellwether doctor --compare http://gpu-1:8000/v1 http://gpu-2:8000/v1 --api-key-file-a a.key --api-key-file-b b.key --only chat,stop,logprobs \\\n"
      "    --need logprobs --accept stop\n"
      "  systemd-run --pipe --wait -p User=bellwether -p LimitNOFILE=65536 bellwether doctor --config /etc/bellwether/bellwether.toml \\\n"
      "    --data /var/lib/bellwether\n"
      "  bellwether doctor --upstream http://gpu-1:8000/v1 --listen 127.0.0.1:9080 --admin-listen 127.0.0.1:9081");
  verb->callback([options, &chosen] {
    chosen = [options] {
      if (options->compare.endpoints.empty()) return run_doctor(*options);
      options->compare.given = options->given;
      options->compare.json = options->json;
      return run_doctor_compare(options->compare);
    };
  });
}

}  // namespace bellwether::cli
