#include "cli/version.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <memory>

#include "cli/cli.h"
#include "cli/verbs.h"

namespace bellwether::cli {

std::string_view version() { return BELLWETHER_VERSION; }
std::string_view commit() { return BELLWETHER_COMMIT; }

void add_version(CLI::App& app, Action& chosen) {
  const auto json = std::make_shared<bool>(false);
  CLI::App* verb = app.add_subcommand("version", "Say which version this is");
  verb->add_flag("--json", *json, "Say it as JSON (bellwether.version/1)");
  verb->callback([json, &chosen] {
    chosen = [json] {
      if (*json)
        fmt::print(R"({{"schema":"bellwether.version/1","version":"{}","commit":"{}"}})"
                   "\n",
                   version(), commit());
      else fmt::print("bellwether {} ({})\n", version(), commit());
      return exit_ok;
    };
  });
}

}  // namespace bellwether::cli
