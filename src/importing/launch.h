// How somebody starts a vLLM: the words of the command and what is known around them, wherever that is written. Pure.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "importing/command_line.h"
#include "importing/finding.h"

namespace bellwether::importing {

/// A variable that the launch sets for vLLM.
struct Setting {
  std::string name;
  Place at;
};

struct Launch {
  std::vector<Word> arguments;                       ///< Behind `vllm serve`.
  std::vector<Setting> environment;                  ///< Names only: values may be secrets.
  std::string host;                                  ///< Where it is reached, if that is not for --host to say: a container's.
  std::string host_why;                              ///< Said with the address then.
  std::map<std::uint16_t, std::uint16_t> published;  ///< A container's ports, and the machine's.
  std::vector<Finding> findings;                     ///< What was met on the way.
};

/// A command as it was typed or as a process was started: `vllm serve …`, `python -m vllm.entrypoints.openai.api_server …`,
/// `docker run … vllm/vllm-openai …`, with assignments or a wrapper (env, nohup, numactl, uv run, bash -c) before it.
[[nodiscard]] std::expected<Launch, Trouble> launch_from_words(std::vector<Word> words);

/// /proc/PID/cmdline and /proc/PID/environ: words that end in NUL. `environment` may be empty.
[[nodiscard]] std::expected<Launch, Trouble> launch_from_process(std::string_view cmdline, std::string_view environment);

/// A systemd unit: ExecStart with its continued lines, and Environment.
[[nodiscard]] std::expected<Launch, Trouble> launch_from_systemd(std::string_view unit);

/// A compose file. `service` may be empty where one service only looks like a vLLM.
[[nodiscard]] std::expected<Launch, Trouble> launch_from_compose(std::string_view yaml, std::string_view service);

}  // namespace bellwether::importing
