#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <memory>

#include "cli/cli.h"
#include "cli/verbs.h"

namespace bellwether::cli {
namespace {

std::string words_of(const CLI::App& app) {
  std::string words;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) words += sub->get_name() + " ";
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) words += "--" + name + " ";
  return words;
}

/// A case for each command, by the words that lead to it.
void append_cases(std::string& out, const CLI::App& app, const std::string& path) {
  out += fmt::format("    \"{}\") words=\"{}\" ;;\n", path, words_of(app));
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; }))
    append_cases(out, *sub, path.empty() ? sub->get_name() : path + " " + sub->get_name());
}

std::string bash_script(const CLI::App& app) {
  std::string cases;
  append_cases(cases, app, "");
  return fmt::format(R"(_bellwether() {{
  local path="" word words=""
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case "$word" in -*) break ;; *) path="${{path:+$path }}$word" ;; esac
  done
  case "$path" in
{}  esac
  COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}"))
  case "${{COMP_WORDS[COMP_CWORD-1]}}" in --config|--data|--ready-file) COMPREPLY=($(compgen -f -- "${{COMP_WORDS[COMP_CWORD]}}")) ;; esac
}}
complete -F _bellwether bellwether
)",
                     cases);
}

}  // namespace

void add_completion(CLI::App& app, Action& chosen) {
  const auto shell = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand("completion", "Print a completion script for a shell");
  verb->add_option("shell", *shell, "bash or zsh")->required()->check(CLI::IsMember({"bash", "zsh"}));
  verb->footer("Example:\n  bellwether completion bash > /etc/bash_completion.d/bellwether");
  verb->callback([shell, &app, &chosen] {
    chosen = [shell, &app] {
      // zsh runs bash's completions once it was told to.
      fmt::print("{}{}", *shell == "zsh" ? "autoload -U +X bashcompinit && bashcompinit\n" : "", bash_script(app));
      return exit_ok;
    };
  });
}

}  // namespace bellwether::cli
