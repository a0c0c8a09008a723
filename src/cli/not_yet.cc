#include <CLI/CLI.hpp>

#include <array>
#include <cstdio>
#include <string>

#include "cli/cli.h"
#include "cli/verbs.h"

namespace bellwether::cli {
namespace {

struct Verb {
  const char* name;
  const char* what;
};

constexpr std::array verbs{Verb{"account", "Who pays"}, Verb{"credit", "Give an account credit"}, Verb{"usage", "What was used"},
                           Verb{"ledger", "The books, entry by entry"}};

}  // namespace

void add_not_yet(CLI::App& app, Action& chosen) {
  for (const Verb& verb : verbs) {
    CLI::App* sub = app.add_subcommand(verb.name, std::string(verb.what) + " (not in this version yet)");
    sub->allow_extras();
    sub->callback([name = verb.name, &chosen] {
      chosen = [name] {
        std::fprintf(stderr, "bellwether: '%s' is not in this version yet; nothing was done\n", name);
        return exit_failed;
      };
    });
  }
}

}  // namespace bellwether::cli
