#include "cli/cli.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/nearest.h"
#include "cli/sim.h"
#include "cli/verbs.h"
#include "cli/version.h"

namespace bellwether::cli {
namespace {

constexpr const char* footer =
    "Examples:\n"
    "  bellwether serve --upstream http://gpu-1:8000/v1\n"
    "  bellwether serve --config bellwether.toml\n"
    "  bellwether key create --name app\n"
    "  bellwether check --config bellwether.toml\n"
    "  bellwether audit /var/log/vllm/ --tz Asia/Seoul\n\n"
    "Standard output carries data, standard error talks. Exit codes: 0 ok, 1 failed, 2 wrong usage, 3 invalid config or input,\n"
    "4 not authorised, 5 upstream unreachable, 6 partly done, 99 a threshold was missed, 130 interrupted.";

/// A mistyped command gets the one that was probably meant; CLI11 would only say that it did not expect the word.
bool is_known_verb(const CLI::App& app, std::string_view word) {
  std::vector<std::string> names;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) names.push_back(sub->get_name());
  const std::vector<std::string_view> views(names.begin(), names.end());
  for (const std::string_view name : views)
    if (name == word) return true;
  const auto near = nearest(word, views, 1);
  std::fprintf(stderr, "bellwether: unknown command '%.*s'%s\nTry 'bellwether --help'.\n", static_cast<int>(word.size()), word.data(),
               near.empty() ? "" : ("; did you mean '" + std::string(near.front()) + "'?").c_str());
  return false;
}

/// What a command wrote is out, or it did not succeed: a script that has half of it must know. Whoever closed the pipe wanted no more.
int written(int exit_code) {
  errno = 0;
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return exit_code;
  if (errno == EPIPE) return exit_code;
  std::fprintf(stderr, "bellwether: cannot write to standard output%s%s; what was done stays done\n", errno == 0 ? "" : ": ",
               errno == 0 ? "" : std::strerror(errno));
  return exit_code == exit_ok ? exit_failed : exit_code;
}

}  // namespace

int run(int argc, char** argv) {
  // A closed pipe is an error code at the write that meets it, not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  CLI::App app{"Bellwether: a gateway between software that speaks the OpenAI API and the places that answer it", "bellwether"};
  app.require_subcommand(1);
  app.footer(footer);
  app.get_formatter()->column_width(34);
  Action chosen;
  add_serve(app, chosen);
  add_check(app, chosen);
  add_key(app, chosen);
  add_sim(app, chosen);
  add_drill(app, chosen);
  add_audit(app, chosen);
  add_roi(app, chosen);
  add_import(app, chosen);
  add_doctor(app, chosen);
  add_bench(app, chosen);
  add_chat(app, chosen);
  add_version(app, chosen);
  add_completion(app, chosen);
  add_not_yet(app, chosen);
  app.set_version_flag("--version,-V", fmt::format("bellwether {}", version()));
  if (argc == 2 && std::string_view(argv[1]) == "help") return std::printf("%s", app.help().c_str()), written(exit_ok);
  const auto is_word = [&](int i) { return argc > i && argv[i][0] != '-'; };
  if (is_word(1) && !is_known_verb(app, argv[1])) return exit_usage;
  if (is_word(1) && is_word(2)) {
    const CLI::App& verb = *app.get_subcommand(argv[1]);
    const bool has_verbs = !verb.get_subcommands([](const CLI::App*) { return true; }).empty();
    if (has_verbs && !is_known_verb(verb, argv[2])) return exit_usage;
  }
  try {
    app.parse(argc, argv);
    return written(chosen());
  } catch (const CLI::ParseError& error) {
    return written(app.exit(error) == 0 ? exit_ok : exit_usage);
  } catch (const std::system_error& error) {
    // Thrown by fmt::print; a pipe of another kind that breaks is a failure.
    if (error.code() == std::errc::broken_pipe && std::ferror(stdout) != 0) return exit_ok;
    std::fprintf(stderr, "bellwether: %s\n", error.what());
    return exit_failed;
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "bellwether: %s\n", exception.what());
    return exit_failed;
  }
}

}  // namespace bellwether::cli
