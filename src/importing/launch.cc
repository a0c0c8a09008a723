#include "importing/launch.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace bellwether::importing {
namespace {

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

bool is_assignment(std::string_view word) {
  const std::size_t equals = word.find('=');
  return equals != std::string_view::npos && equals > 0 && word.front() != '-' && std::ranges::all_of(word.substr(0, equals), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
         });
}

/// The image of vLLM's own container, whatever the registry and tag.
bool is_image(std::string_view word) {
  const std::string_view name = word.substr(0, word.find('@'));
  return !name.starts_with('-') && name.find("vllm-openai") != std::string_view::npos && name.find('=') == std::string_view::npos;
}

struct Found {
  std::size_t begin = 0;      ///< Words before it are a wrapper's.
  std::size_t arguments = 0;  ///< The first of vLLM's.
  bool image = false;
};

std::optional<Found> find_vllm(const std::vector<Word>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i].text;
    const bool more = i + 1 < words.size();
    if (base_name(word) == "vllm" && more && words[i + 1].text == "serve") return Found{i, i + 2};
    if (word == "-m" && more && (words[i + 1].text == "vllm.entrypoints.openai.api_server" || words[i + 1].text == "vllm.entrypoints.api_server"))
      return Found{i, i + 2};
    if (word == "-m" && i + 2 < words.size() && words[i + 1].text == "vllm.entrypoints.cli.main" && words[i + 2].text == "serve") return Found{i, i + 3};
    if (is_image(word)) return Found{i, i + 1, true};
  }
  return std::nullopt;
}

std::optional<std::uint16_t> port_of(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

/// "8000:8000", "127.0.0.1:8001:8000/tcp".
bool publish(Launch& launch, std::string_view text) {
  text = text.substr(0, text.find('/'));
  const std::size_t last = text.rfind(':');
  if (last == std::string_view::npos) return false;
  const auto inside = port_of(text.substr(last + 1));
  const std::string_view before = text.substr(0, last);
  const auto outside = port_of(before.substr(before.rfind(':') == std::string_view::npos ? 0 : before.rfind(':') + 1));
  if (inside && outside) launch.published[*inside] = *outside;
  return inside && outside;
}

/// `docker run …` or `podman run …` before the image.
void read_docker(Launch& launch, const std::vector<Word>& words, std::size_t image) {
  bool host_network = false;
  for (std::size_t i = 0; i < image; ++i) {
    const std::string_view word = words[i].text;
    const std::size_t equals = word.find('=');
    const std::string_view flag = word.starts_with("--") ? word.substr(0, equals) : word;
    const bool attached = word.starts_with("--") && equals != std::string_view::npos;
    const std::string_view value = attached ? word.substr(equals + 1) : i + 1 < image ? std::string_view(words[i + 1].text) : std::string_view{};
    if (flag == "-p" || flag == "--publish") {
      const bool fits = publish(launch, value);
      launch.findings.push_back(
          {"--publish", words[i].at, fits ? Verdict::exact : Verdict::manual, fits ? "the port in base_url" : "not PORT:PORT; set the port in base_url"});
    } else if (flag == "-e" || flag == "--env") {
      launch.environment.push_back({std::string(value.substr(0, value.find('='))), words[i].at});
    } else if (flag == "--env-file") {
      launch.findings.push_back({"--env-file", words[i].at, Verdict::manual,
                                 "it is not read: where it sets VLLM_API_KEY, set that for Bellwether too and add api_key to the upstream"});
    } else if ((flag == "--network" || flag == "--net") && value == "host") {
      host_network = true;
    } else {
      continue;
    }
    if (!attached) ++i;
  }
  launch.host = "127.0.0.1";
  launch.host_why = "the container's port is reached from its machine; write that machine's name if Bellwether runs elsewhere";
  if (!host_network && launch.published.empty())
    launch.findings.push_back(
        {"--publish", words[image].at, Verdict::manual, "no port of the container is published: publish one, or write the container's address into base_url"});
}

std::expected<Launch, Trouble> launch_from(std::vector<Word> words, int depth) {
  Launch launch;
  const auto found = find_vllm(words);
  // `bash -c "…"`: the command is a text of its own.
  for (std::size_t i = 0; !found && depth > 0 && i + 1 < words.size(); ++i) {
    const std::string_view flag = words[i].text;
    static constexpr std::array<std::string_view, 4> shells{"bash", "sh", "dash", "zsh"};
    const bool after_shell = std::any_of(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(i),
                                         [](const Word& word) { return std::ranges::find(shells, base_name(word.text)) != shells.end(); });
    if (!after_shell || flag.size() < 2 || flag.size() > 5 || flag.front() != '-' || flag.back() != 'c') continue;
    auto inner = split_words(words[i + 1].text, Quoting::shell, {}, words[i + 1].at);
    if (!inner) return std::unexpected(inner.error());
    auto inside = launch_from(*std::move(inner), depth - 1);
    if (inside)
      for (std::size_t before = 0; before < i; ++before)
        if (is_assignment(words[before].text)) inside->environment.push_back({words[before].text.substr(0, words[before].text.find('=')), words[before].at});
    return inside;
  }
  if (!found) {
    const Place at = words.empty() ? Place{} : words.front().at;
    return trouble(
        at, words.empty()
                ? "there is no command; give one behind --, such as: bellwether import vllm -- vllm serve MODEL --port 8000"
                : "this starts no vLLM server known to us: neither `vllm serve`, nor `-m vllm.entrypoints.openai.api_server`, nor the image vllm-openai");
  }
  for (std::size_t i = 0; i < found->begin; ++i)
    if (is_assignment(words[i].text) && !found->image) launch.environment.push_back({words[i].text.substr(0, words[i].text.find('=')), words[i].at});
  if (found->image) read_docker(launch, words, found->begin);
  // What a shell does with the output, and commands behind, are not vLLM's.
  for (std::size_t i = found->arguments; i < words.size(); ++i) {
    static constexpr std::array<std::string_view, 8> ends{"|", "||", "&&", "&", ";", ">", ">>", "2>&1"};
    if (std::ranges::find(ends, std::string_view(words[i].text)) != ends.end()) break;
    launch.arguments.push_back(std::move(words[i]));
  }
  return launch;
}

/// Each ends in NUL.
std::vector<Word> words_of(std::string_view text) {
  constexpr std::size_t words_max = 10'000;
  std::vector<Word> words;
  for (std::size_t at = 0; at < text.size() && words.size() < words_max;) {
    const std::size_t end = std::min(text.find('\0', at), text.size());
    words.push_back({.text = std::string(text.substr(at, end - at)), .at = {}, .unknown = {}, .variable = {}});
    at = end + 1;
  }
  return words;
}

}  // namespace

std::expected<Launch, Trouble> launch_from_words(std::vector<Word> words) {
  constexpr int shells_max = 2;
  return launch_from(std::move(words), shells_max);
}

std::expected<Launch, Trouble> launch_from_process(std::string_view cmdline, std::string_view environment) {
  auto launch = launch_from_words(words_of(cmdline));
  if (launch)
    for (const Word& word : words_of(environment))
      if (word.text.starts_with("VLLM_")) launch->environment.push_back({word.text.substr(0, word.text.find('=')), {}});
  return launch;
}

}  // namespace bellwether::importing
