// `bellwether import litellm|vllm`: what somebody runs today as a config, with a verdict for every field.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "cli/cli.h"
#include "cli/verbs.h"
#include "config/read.h"
#include "importing/litellm.h"
#include "importing/report.h"
#include "importing/vllm.h"

namespace bellwether::cli {
namespace {

using importing::Imported;
using importing::Trouble;

struct Options {
  std::string file;                ///< litellm
  std::vector<std::string> words;  ///< vllm
  std::string systemd, compose, service;
  int pid = 0;
  std::string output;
  bool force = false;
  bool json = false;
};

/// A whole file; "-" is standard input. The readers have tighter bounds of their own.
std::expected<std::string, std::string> read_input(const std::string& path) {
  constexpr std::size_t bytes_max = std::size_t{16} << 20;
  const int fd = path == "-" ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::unexpected(fmt::format("{}: {}", path, std::strerror(errno)));
  std::string text;
  char bytes[16384];
  for (ssize_t got; (got = ::read(fd, bytes, sizeof bytes)) != 0;) {
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 || text.size() > bytes_max) {
      const std::string why = got < 0 ? std::strerror(errno) : "it is too large for a config";
      ::close(fd);
      return std::unexpected(fmt::format("{}: {}", path, why));
    }
    text.append(bytes, static_cast<std::size_t>(got));
  }
  ::close(fd);
  return text;
}

int refuse(const Trouble& trouble, const std::string& file) {
  std::string where = file.empty() ? "bellwether" : file;
  if (trouble.at.line > 0 && !file.empty()) where += fmt::format(":{}:{}", trouble.at.line, trouble.at.column);
  std::fprintf(stderr, "%s: %s\n", where.c_str(), trouble.text.c_str());
  return exit_invalid;
}

/// Writes the config beside what may be there; false where the message was said.
bool write_output(const Options& options, const std::string& toml) {
  const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (options.force ? O_TRUNC : O_EXCL);
  const int fd = ::open(options.output.c_str(), flags, 0644);
  if (fd < 0) {
    const bool exists = errno == EEXIST;
    std::fprintf(stderr, "bellwether: %s: %s\n", options.output.c_str(),
                 exists ? "is there already, and nothing was written; --force replaces it" : std::strerror(errno));
    return false;
  }
  bool written = true;
  for (std::size_t at = 0; at < toml.size() && written;) {
    const ssize_t some = ::write(fd, toml.data() + at, toml.size() - at);
    written = some > 0;
    if (written) at += static_cast<std::size_t>(some);
  }
  written = ::close(fd) == 0 && written;
  if (!written) std::fprintf(stderr, "bellwether: %s: %s\n", options.output.c_str(), std::strerror(errno));
  return written;
}

/// What we write has to be what we read: a config that is refused would be a bug of ours, and is said to be one.
bool is_valid(const std::string& toml) {
  const auto any = [](const std::string&) { return std::optional<std::string>("unneeded"); };
  const config::SecretSource secrets{any, any};
  const config::ReadResult result = config::read_config(toml, "import", secrets);
  const auto* problems = std::get_if<std::vector<config::Problem>>(&result);
  if (problems == nullptr) return true;
  for (const config::Problem& problem : *problems)
    std::fprintf(stderr, "bellwether: bug: the config made here is not valid: %s\n", config::to_text(problem).c_str());
  return false;
}

int finish(const Imported& imported, const Options& options, std::string_view source, const std::string& file) {
  if (!imported.toml.empty() && !is_valid(imported.toml)) return exit_failed;
  if (!options.json) std::fputs(importing::verdict_table(imported, file).c_str(), stderr);
  const bool served = !imported.toml.empty();
  if (served && !options.output.empty() && !write_output(options, imported.toml)) return exit_failed;
  if (options.json) fmt::print("{}\n", importing::to_json(imported, source, file));
  else if (served && options.output.empty()) fmt::print("{}", imported.toml);
  if (!served) {
    std::fputs("bellwether: nothing in it can be served, so there is no config\n", stderr);
    return exit_invalid;
  }
  return importing::left_something_out(imported) ? exit_partly_done : exit_ok;
}

int import_litellm(const Options& options) {
  const auto text = read_input(options.file);
  if (!text) return std::fprintf(stderr, "bellwether: %s\n", text.error().c_str()), exit_invalid;
  const std::string name = options.file == "-" ? "standard input" : options.file;
  const importing::Outcome outcome = importing::import_litellm(*text);
  return outcome ? finish(*outcome, options, "litellm", name) : refuse(outcome.error(), name);
}

int import_vllm(const Options& options) {
  const int sources = (options.words.empty() ? 0 : 1) + (options.systemd.empty() ? 0 : 1) + (options.compose.empty() ? 0 : 1) + (options.pid > 0 ? 1 : 0);
  if (sources != 1) {
    std::fputs("bellwether: import vllm takes one of: -- vllm serve …, --systemd FILE, --compose FILE, --pid N\n", stderr);
    return exit_usage;
  }
  const std::string file = options.systemd + options.compose;
  const std::string path = options.pid > 0 ? fmt::format("/proc/{}/cmdline", options.pid) : file;
  std::string text;
  if (!path.empty()) {
    auto read = read_input(path);
    if (!read) return std::fprintf(stderr, "bellwether: %s\n", read.error().c_str()), exit_invalid;
    text = *std::move(read);
  }
  // Of another user's process it cannot be read; then only the command is told of.
  const std::string environment = options.pid > 0 ? read_input(fmt::format("/proc/{}/environ", options.pid)).value_or("") : "";
  std::vector<importing::Word> words;
  for (const std::string& word : options.words) words.push_back({.text = word, .at = {}, .unknown = {}, .variable = {}});
  const auto launch = !options.systemd.empty()   ? importing::launch_from_systemd(text)
                      : !options.compose.empty() ? importing::launch_from_compose(text, options.service)
                      : options.pid > 0          ? importing::launch_from_process(text, environment)
                                                 : importing::launch_from_words(std::move(words));
  return launch ? finish(importing::import_vllm(*launch), options, "vllm", file) : refuse(launch.error(), path);
}

void add_output(CLI::App& verb, Options& options) {
  verb.add_option("-o,--output", options.output, "Write the config to this file; without it, to standard output")->type_name("FILE");
  verb.add_flag("--force", options.force, "Replace the file that -o names if it is there");
  verb.add_flag("--json", options.json, "Say verdicts and config as JSON (bellwether.import/1)");
}

constexpr const char* verdicts =
    "Every field gets a verdict on standard error: exact, approximate (what differs), manual (what to do), unsupported (why).\n"
    "Keys are never copied or shown. The exit code is 0, or 6 when something is manual or unsupported, or 3 for what cannot be read.\n\nExamples:\n";

}  // namespace

void add_import(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("import", "Turn LiteLLM's or vLLM's setup into a config");
  verb->require_subcommand(1);
  verb->footer(
      "Examples:\n  bellwether import litellm config.yaml -o bellwether.toml\n  bellwether import vllm -- vllm serve deepseek-ai/DeepSeek-V3 --port 8000");

  CLI::App* litellm = verb->add_subcommand("litellm", "LiteLLM's config.yaml");
  litellm->add_option("file", options->file, "The file; - is standard input")->required()->type_name("FILE");
  add_output(*litellm, *options);
  litellm->footer(std::string(verdicts) +
                  "  bellwether import litellm config.yaml -o bellwether.toml\n  bellwether import litellm config.yaml --output bellwether.toml --force\n"
                  "  bellwether import litellm config.yaml --json | jq '.fields[] | "
                  "select(.verdict != \"exact\")'");
  litellm->callback([options, &chosen] { chosen = [options] { return import_litellm(*options); }; });

  CLI::App* vllm = verb->add_subcommand("vllm", "The command, systemd unit, compose file or process of a vLLM");
  vllm->add_option("words", options->words, "Behind --, the command that starts it")->type_name("vllm serve …");
  vllm->add_option("--systemd", options->systemd, "A systemd unit")->type_name("FILE");
  vllm->add_option("--compose", options->compose, "A compose file")->type_name("FILE");
  vllm->add_option("--service", options->service, "The service of the compose file, where several run vLLM")->type_name("NAME");
  vllm->add_option("--pid", options->pid, "A running process")->check(CLI::PositiveNumber)->type_name("N");
  add_output(*vllm, *options);
  vllm->footer(std::string(verdicts) +
               "  bellwether import vllm -o bellwether.toml -- vllm serve deepseek-ai/DeepSeek-V3 --served-model-name deepseek-v3\n"
               "  bellwether import vllm --systemd /etc/systemd/system/vllm.service\n  bellwether import vllm --compose compose.yaml --service vllm\n  "
               "bellwether import vllm --pid 4242 --output bellwether.toml --force\n  bellwether import vllm --systemd vllm.service --json | jq -r .toml");
  vllm->callback([options, &chosen] { chosen = [options] { return import_vllm(*options); }; });
}

}  // namespace bellwether::cli
