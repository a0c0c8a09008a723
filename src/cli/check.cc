#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>

#include "cli/cli.h"
#include "cli/load.h"
#include "cli/verbs.h"
#include "json/reader.h"

namespace bellwether::cli {
namespace {

struct Options {
  Given given;
  bool json = false;
};

std::string to_json(const std::vector<config::Problem>& problems) {
  std::string out = fmt::format(R"({{"schema":"bellwether.check/1","ok":{},"problems":[)", problems.empty());
  for (std::size_t i = 0; i < problems.size(); ++i) {
    const config::Problem& problem = problems[i];
    out += fmt::format(R"({}{{"file":{},"line":{},"column":{},"message":{}}})", i > 0 ? "," : "", json::quote(problem.file), problem.line, problem.column,
                       json::quote(problem.text));
  }
  return out + "]}";
}

int run_check(const Options& options) {
  const auto config = load(options.given, Secrets::wanted, Purpose::serve);
  const std::vector<config::Problem> problems = config ? std::vector<config::Problem>{} : config.error();
  complain(problems);
  if (options.json) fmt::print("{}\n", to_json(problems));
  if (!config) return exit_invalid;
  if (!options.json)
    fmt::print("{}: ok, {} upstream(s), {}\n", config->file.empty() ? "command line" : config->file, config->upstreams.size(),
               config->models.empty() ? "every model that they list" : fmt::format("{} model(s)", config->models.size()));
  return exit_ok;
}

}  // namespace

void add_check(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("check", "Check a config file without opening a socket");
  verb->add_option("--config", options->given.config, "The config file; bellwether.toml if it is there")->type_name("FILE");
  verb->add_flag("--json", options->json, "Say the result as JSON (bellwether.check/1)");
  verb->footer("Problems are told as file:line:column on standard error; the exit code is 3 then.\n\nExample:\n  bellwether check --config bellwether.toml");
  verb->callback([options, &chosen] { chosen = [options] { return run_check(*options); }; });
}

}  // namespace bellwether::cli
