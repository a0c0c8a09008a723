// A compose file, as far as one of its services is a vLLM.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/nearest.h"
#include "importing/launch.h"
#include "importing/yaml.h"

namespace bellwether::importing {
namespace {

bool mentions_vllm(const Yaml* value) {
  if (value == nullptr) return false;
  if (value->is_scalar()) return value->text.find("vllm") != std::string::npos;
  return value->is_list() && std::ranges::any_of(value->items, [](const Yaml& item) { return mentions_vllm(&item); });
}

bool is_vllm(const Yaml& service) {
  return service.is_map() && (mentions_vllm(service.find("image")) || mentions_vllm(service.find("command")) || mentions_vllm(service.find("entrypoint")));
}

std::expected<std::vector<Word>, Trouble> words_of(const Yaml* value, const Variables& variables) {
  std::vector<Word> words;
  if (value == nullptr || value->kind == Yaml::Kind::null) return words;
  if (value->is_scalar()) return split_words(value->text, Quoting::compose, variables, value->at);
  if (!value->is_list()) return trouble(value->at, "a command is a text or a list of words");
  for (const Yaml& item : value->items) {
    if (item.is_map() || item.is_list()) return trouble(item.at, "a word of a command is a text");
    words.push_back(one_word(item.text, variables, item.at));
  }
  return words;
}

void read_environment(Launch& launch, const Yaml* environment) {
  if (environment == nullptr) return;
  for (const YamlMember& member : environment->members) launch.environment.push_back({member.key, member.at});
  for (const Yaml& item : environment->items) launch.environment.push_back({item.text.substr(0, item.text.find('=')), item.at});
}

void read_ports(Launch& launch, const Yaml* ports) {
  if (ports == nullptr) return;
  const auto add = [&](std::int64_t inside, std::int64_t outside) {
    const auto is_port = [](std::int64_t port) { return port > 0 && port < 65'536; };
    const bool fits = is_port(inside) && is_port(outside);
    if (fits) launch.published[static_cast<std::uint16_t>(inside)] = static_cast<std::uint16_t>(outside);
    return fits;
  };
  for (std::size_t i = 0; i < ports->items.size(); ++i) {
    const Yaml& item = ports->items[i];
    bool fits = false;
    if (item.is_map()) {
      const auto number = [&](std::string_view key) {
        const Yaml* found = item.find(key);
        std::int64_t port = 0;
        if (found != nullptr) std::from_chars(found->text.data(), found->text.data() + found->text.size(), port);
        return port;
      };
      fits = add(number("target"), number("published"));
    } else {
      const std::string text = one_word(item.text, {}, item.at).text;
      const std::string_view ports_only = std::string_view(text).substr(0, text.find('/'));
      const std::size_t last = ports_only.rfind(':');
      std::int64_t inside = 0, outside = 0;
      if (last != std::string_view::npos) {
        const std::string_view before = ports_only.substr(0, last);
        const std::string_view host_port = before.substr(before.rfind(':') == std::string_view::npos ? 0 : before.rfind(':') + 1);
        std::from_chars(ports_only.data() + last + 1, ports_only.data() + ports_only.size(), inside);
        std::from_chars(host_port.data(), host_port.data() + host_port.size(), outside);
      }
      fits = add(inside, outside);
    }
    launch.findings.push_back({fmt::format("ports[{}]", i), item.at, fits ? Verdict::exact : Verdict::manual,
                               fits ? "the port in base_url" : "not PORT:PORT; set the port in base_url"});
  }
}

}  // namespace

std::expected<Launch, Trouble> launch_from_compose(std::string_view yaml, std::string_view wanted) {
  const auto root = read_yaml(yaml);
  if (!root) return std::unexpected(root.error());
  const Yaml* const services = root->find("services");
  if (services == nullptr || !services->is_map()) return trouble(root->at, "there are no services in it");
  std::vector<const YamlMember*> found;
  std::vector<std::string_view> names;
  for (const YamlMember& member : services->members) {
    names.push_back(member.key);
    if (wanted.empty() ? is_vllm(member.value) : member.key == wanted) found.push_back(&member);
  }
  if (found.size() != 1) {
    if (!wanted.empty()) {
      const auto near = nearest(wanted, names, 1);
      return trouble(services->at,
                     fmt::format("there is no service {}{}", wanted, near.empty() ? std::string{} : fmt::format("; did you mean {}?", near.front())));
    }
    std::string list;
    for (const YamlMember* one : found) list += (list.empty() ? "" : ", ") + one->key;
    return trouble(services->at, found.empty() ? "no service runs vLLM; name it with --service"
                                               : fmt::format("several services run vLLM ({}); name one with --service", list));
  }
  const Yaml& service = found.front()->value;
  auto words = words_of(service.find("entrypoint"), {});
  if (!words) return std::unexpected(words.error());
  auto command = words_of(service.find("command"), {});
  if (!command) return std::unexpected(command.error());
  const bool own_entrypoint = !words->empty();
  words->insert(words->end(), command->begin(), command->end());
  std::expected<Launch, Trouble> launch = launch_from_words(*words);
  // The image's own entrypoint is `vllm serve` (or the api_server module, which takes the same flags).
  if (!launch && !own_entrypoint && mentions_vllm(service.find("image"))) {
    launch = Launch{};
    launch->arguments = *std::move(words);
  }
  if (!launch) return trouble(service.at, launch.error().text);
  read_environment(*launch, service.find("environment"));
  read_ports(*launch, service.find("ports"));
  if (const Yaml* file = service.find("env_file"))
    launch->findings.push_back(
        {"env_file", file->at, Verdict::manual, "it is not read: where it sets VLLM_API_KEY, set that for Bellwether too and add api_key to the upstream"});
  const Yaml* const network = service.find("network_mode");
  const bool host_network = network != nullptr && network->text == "host";
  const bool reachable = host_network || !launch->published.empty();
  launch->host = reachable ? "127.0.0.1" : found.front()->key;
  launch->host_why = reachable ? "the container's port is reached from its machine; write that machine's name if Bellwether runs elsewhere"
                               : "no port is published: the service's name is an address for containers of the same network, so Bellwether has to be one";
  return launch;
}

}  // namespace bellwether::importing
