#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>

#include "cli/cli.h"
#include "cli/verbs.h"

namespace bellwether::cli {
namespace {

/// What an option takes, where it is one of a few words: CLI11 tells it as "LANGUAGE:{en,ko}". Empty: anything.
std::string choices_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const std::size_t open = type.find('{'), close = type.find('}');
  if (open == std::string::npos || close == std::string::npos) return {};
  std::string choices = type.substr(open + 1, close - open - 1);
  std::ranges::replace(choices, ',', ' ');
  return choices;
}

std::string words_of(const CLI::App& app) {
  std::string words;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) words += sub->get_name() + " ";
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) words += "--" + name + " ";
    if (option->get_lnames().empty()) words += choices_of(*option) + " ";
  }
  return words;
}

struct Cases {
  std::string paths;   ///< All commands, by the words that lead to them: "|key|key create|".
  std::string words;   ///< A case for each, with what may follow.
  std::string values;  ///< A case for each option that takes a value. One that takes anything takes files.
};

void append_cases(Cases& out, const CLI::App& app, const std::string& path) {
  out.paths += path + "|";
  out.words += fmt::format("    \"{}\") words=\"{}\" ;;\n", path, words_of(app));
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_lnames().empty() || option->get_items_expected_max() == 0) continue;
    const std::string choices = choices_of(*option);
    const std::string kind = choices.empty() ? "-f" : "-W \"" + choices + "\"";
    out.values += fmt::format("    \"{} --{}\") COMPREPLY=($(compgen {} -- \"$now\")); return ;;\n", path, option->get_lnames().front(), kind);
  }
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; }))
    append_cases(out, *sub, path.empty() ? sub->get_name() : path + " " + sub->get_name());
}

/// What the function says nothing about, such as a source's file, is bash's own to complete.
std::string bash_script(const CLI::App& app) {
  Cases cases;
  append_cases(cases, app, "");
  return fmt::format(R"(_bellwether() {{
  local path="" next word words="" now="${{COMP_WORDS[COMP_CWORD]}}"
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    next="${{path:+$path }}$word"
    case "|{}" in *"|$next|"*) path="$next" ;; *) break ;; esac
  done
  case "$path ${{COMP_WORDS[COMP_CWORD-1]}}" in
{}  esac
  case "$path" in
{}  esac
  COMPREPLY=($(compgen -W "$words" -- "$now"))
}}
complete -o default -o bashdefault -F _bellwether bellwether
)",
                     cases.paths, cases.values, cases.words);
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
