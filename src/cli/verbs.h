// The subcommands. Each adds itself to the command line; its callback sets what is to be done and runs nothing itself.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace bellwether::cli {

/// What the chosen subcommand does; returns an exit code.
using Action = std::function<int()>;

void add_serve(CLI::App& app, Action& chosen);
void add_check(CLI::App& app, Action& chosen);
void add_key(CLI::App& app, Action& chosen);
void add_drill(CLI::App& app, Action& chosen);
void add_audit(CLI::App& app, Action& chosen);
void add_import(CLI::App& app, Action& chosen);
void add_doctor(CLI::App& app, Action& chosen);
void add_bench(CLI::App& app, Action& chosen);
void add_chat(CLI::App& app, Action& chosen);
void add_roi(CLI::App& app, Action& chosen);
void add_version(CLI::App& app, Action& chosen);
void add_completion(CLI::App& app, Action& chosen);
/// Verbs of the contract that this version does not have.
void add_not_yet(CLI::App& app, Action& chosen);

}  // namespace bellwether::cli
