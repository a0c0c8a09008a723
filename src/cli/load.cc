#include "cli/load.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "net/tls.h"
#include "store/data_folder.h"

namespace bellwether::cli {
namespace {

using config::Config;
using config::Problem;
using Loaded = std::expected<Config, std::vector<Problem>>;

constexpr const char* usual_file = "bellwether.toml";

std::unexpected<std::vector<Problem>> problem(std::string file, std::string text) {
  return std::unexpected(std::vector{Problem{.file = std::move(file), .text = std::move(text)}});
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

void fill_from_environment(Given& given) {
  // A source of upstreams on the command line rules out the other one in the environment.
  const bool source_given = !given.config.empty() || !given.upstreams.empty();
  if (!source_given) given.config = environment("BELLWETHER_CONFIG");
  if (given.config.empty() && given.upstreams.empty()) {
    const std::string list = environment("BELLWETHER_UPSTREAM");
    for (std::size_t at = 0; at < list.size();) {
      const std::size_t end = std::min(list.find(',', at), list.size());
      if (end > at) given.upstreams.push_back(list.substr(at, end - at));
      at = end + 1;
    }
  }
  if (given.listen.empty()) given.listen = environment("BELLWETHER_LISTEN");
  if (given.admin_listen.empty()) given.admin_listen = environment("BELLWETHER_ADMIN_LISTEN");
  if (given.data.empty()) given.data = environment("BELLWETHER_DATA");
}

Loaded read_file(const std::string& path, Secrets secrets) {
  if (::access(path.c_str(), R_OK) != 0) return problem(path, "cannot read this file");
  const auto text = store::read_file(path);
  if (!text) return problem(path, text.error().detail.text);
  config::SecretSource source = config::system_secrets();
  if (secrets == Secrets::unneeded) {
    source.environment = [](const std::string&) { return std::optional<std::string>("unneeded"); };
    source.file = source.environment;
  }
  auto result = config::read_config(*text, path, source);
  if (auto* problems = std::get_if<std::vector<Problem>>(&result)) return std::unexpected(std::move(*problems));
  return std::get<Config>(std::move(result));
}

std::string text_of(const config::ListenAddress& address) {
  if (address.kind == config::ListenAddress::Kind::unix_socket) return "unix:" + address.path;
  const std::string host = address.host.contains(':') ? "[" + address.host + "]" : address.host;
  return fmt::format("{}:{}", host, address.port);
}

void find_doubled_addresses(const Config& config, std::vector<Problem>& problems) {
  std::vector<config::ListenAddress> seen;
  const auto take = [&](const config::ListenAddress& address, std::string_view by) {
    const bool chosen_by_the_kernel = address.kind == config::ListenAddress::Kind::tcp && address.port == 0;
    if (!chosen_by_the_kernel && std::ranges::find(seen, address) != seen.end())
      problems.push_back({.file = config.file, .text = fmt::format("{} is listened on twice{}", text_of(address), by)});
    seen.push_back(address);
  };
  for (const config::ListenAddress& address : config.listen) take(address, "");
  take(config.admin_address(), ": by callers' listen and by [admin] listen");
}

Loaded from_upstreams(const std::vector<std::string>& urls) {
  Config config;
  std::vector<Problem> problems;
  for (const std::string& url : urls) {
    auto upstream = config::upstream_from_url(url, config.upstreams.size());
    if (auto* bad = std::get_if<Problem>(&upstream)) problems.push_back(std::move(*bad));
    else config.upstreams.push_back(std::get<catalog::Upstream>(std::move(upstream)));
  }
  if (!problems.empty()) return std::unexpected(std::move(problems));
  return config;
}

}  // namespace

Loaded load(Given given, Secrets secrets, Purpose purpose) {
  fill_from_environment(given);
  if (given.config.empty() && given.upstreams.empty() && ::access(usual_file, F_OK) == 0) given.config = usual_file;
  Loaded loaded = given.config.empty() ? from_upstreams(given.upstreams) : read_file(given.config, secrets);
  if (!loaded) return loaded;
  Config& config = *loaded;
  std::vector<Problem> problems;
  if (!given.listen.empty()) {
    if (auto address = config::parse_listen(given.listen)) config.listen = {*std::move(address)};
    else
      problems.push_back(
          {.file = {}, .text = "--listen takes an address and a port such as 127.0.0.1:8080, or unix:/run/bellwether.sock; not " + given.listen});
  }
  if (!given.admin_listen.empty()) {
    if (auto address = config::parse_listen(given.admin_listen)) config.admin = *std::move(address);
    else problems.push_back({.file = {}, .text = "--admin-listen takes an address and a port such as 127.0.0.1:8081; not " + given.admin_listen});
  }
  if (!given.data.empty()) config.data = given.data;
  if (purpose == Purpose::serve) find_doubled_addresses(config, problems);
  if (purpose == Purpose::serve && config.upstreams.empty())
    problems.push_back({.file = config.file, .text = "there is no upstream: give --upstream URL, or a config file with [upstream.NAME]"});
  // A certificate that cannot be used is a mistake in the file like any other, and told before anything is opened.
  if (purpose == Purpose::serve && config.tls)
    if (const auto tls = net::make_server_tls(config.tls->certificate, config.tls->private_key); !tls)
      problems.push_back({.file = config.file, .text = "[tls]: " + tls.error().detail.text.str()});
  if (!problems.empty()) return std::unexpected(std::move(problems));
  return loaded;
}

std::size_t lanes_of(const config::Config& config) { return config.lanes > 0 ? config.lanes : std::max(1U, std::thread::hardware_concurrency()); }

void complain(const std::vector<Problem>& problems) {
  for (const Problem& problem : problems) std::fprintf(stderr, "%s%s\n", problem.file.empty() ? "bellwether: " : "", config::to_text(problem).c_str());
}

}  // namespace bellwether::cli
