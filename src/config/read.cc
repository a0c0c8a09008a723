#include "config/read.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <utility>

#include "base/nearest.h"
#include "config/document.h"
#include "config/table.h"
#include "json/reader.h"

namespace bellwether::config {
namespace {

using catalog::DialectName;

constexpr std::size_t upstreams_max = 1'000;
constexpr std::size_t models_max = 10'000;
constexpr std::size_t name_bytes_max = 200;
constexpr std::int64_t connections_max = 65'535;
constexpr Duration timeout_min = std::chrono::milliseconds(1);

constexpr std::array dialects{std::pair{std::string_view("openai"), DialectName::openai}, std::pair{std::string_view("deepseek"), DialectName::deepseek},
                              std::pair{std::string_view("vllm"), DialectName::vllm}, std::pair{std::string_view("llama-server"), DialectName::llama_server}};

constexpr std::array policies{
    std::pair{std::string_view("ordered"), catalog::Policy::ordered}, std::pair{std::string_view("weighted"), catalog::Policy::weighted},
    std::pair{std::string_view("least_outstanding"), catalog::Policy::least_outstanding}, std::pair{std::string_view("affinity"), catalog::Policy::affinity}};

constexpr std::array purposes{std::pair{std::string_view("context_too_long"), catalog::Purpose::context_too_long}};

std::string folder_of(const std::string& file) {
  const std::size_t slash = file.rfind('/');
  return slash == std::string::npos ? std::string{} : file.substr(0, slash + 1);
}

/// Reads one file. A member for each table; all of them go on after a problem, so that everything is told at once.
class FileReader {
 public:
  FileReader(std::string file, const SecretSource& secrets) : reading_{file, folder_of(file), secrets, {}} { config_.file = std::move(file); }

  [[nodiscard]] ReadResult read(const toml::table& root);
  [[nodiscard]] const std::string& file() const { return reading_.file; }

 private:
  void listen(const toml::node& node, Table& root);
  [[nodiscard]] std::optional<ListenAddress> address(const toml::node& node, std::string_view key, Table& table);
  void tls(const toml::table& table);
  void limits(const toml::table& table);
  void upstream(std::string_view name, const toml::table& table);
  void timeouts(const toml::table& table, const std::string& name, catalog::Timeouts& into);
  void resilience(Table& section, catalog::Upstream& into);
  void concurrency(const toml::table& table, const std::string& name, catalog::ConcurrencyPolicy& into);
  void model(const toml::key& name, const toml::table& table);
  void route(const toml::node& node, Table& table, catalog::Model& model);
  void route_entry(const toml::node& node, Table& table, catalog::Model& model);
  void aliases(const toml::node& node, Table& table, catalog::Model& model);
  void price(const toml::table& table, const std::string& name, catalog::Model& model);
  void request_defaults(const toml::table& table, const std::string& name, catalog::RouteEntry& entry);
  [[nodiscard]] std::optional<std::size_t> find_upstream(const toml::node& at, const std::string& name, Table& table);
  [[nodiscard]] bool to_json(const toml::node& node, std::string& out, std::size_t depth);
  void claim(const std::string& name, const std::string& model, const toml::source_region& where);

  Reading reading_;
  Config config_;
  struct Owner {
    std::string model, as_written;
  };
  std::map<std::string, Owner> names_;  ///< Every id and alias in lower case.
};

bool is_plain(std::string_view text) {
  return !text.empty() && text.size() <= name_bytes_max && std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7F; });
}

/// Upstream names stand in a header field and in metric labels.
bool is_upstream_name(std::string_view text) {
  constexpr std::size_t bytes_max = 64;
  return !text.empty() && text.size() <= bytes_max && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

ReadResult FileReader::read(const toml::table& root_table) {
  Table root{root_table, "", reading_};
  if (const toml::node* node = root.take("listen")) listen(*node, root);
  if (const auto data = root.take_string("data")) {
    if (data->empty()) root.complain(*root_table.get("data"), "data must name a folder");
    config_.data = *data;
  }
  config_.data = reading_.resolved(config_.data);
  root.take_integer("lanes", config_.lanes, 1, 256);
  root.take_duration("drain_timeout", config_.drain_timeout, Duration{});
  root.take_duration("keep_alive_comment", config_.keep_alive_comment, std::chrono::milliseconds(100));
  if (const toml::table* table = root.take_table("admin")) {
    Table admin{*table, "[admin]", reading_};
    if (const toml::node* node = admin.take("listen")) config_.admin = address(*node, "listen", admin);
    admin.end();
  }
  if (const toml::table* table = root.take_table("tls")) tls(*table);
  if (const toml::table* table = root.take_table("limits")) limits(*table);
  if (const toml::table* table = root.take_table("log")) {
    Table log{*table, "[log]", reading_};
    if (const auto access = log.take_string("access")) {
      config_.log.access = *access == "stdout" || *access == "off" ? *access : reading_.resolved(*access);
      if (access->empty()) log.complain(*table->get("access"), "access in [log] must be \"stdout\", \"off\" or a file");
    }
    log.end();
  }
  if (const toml::table* table = root.take_table("compat")) {
    Table compat{*table, "[compat]", reading_};
    compat.take_integer("unknown_model_status", config_.compat.unknown_model_status, 0, 999);
    if (config_.compat.unknown_model_status != 400 && config_.compat.unknown_model_status != 404)
      compat.complain(*table->get("unknown_model_status"), "unknown_model_status in [compat] takes 400 and 404, nothing else");
    compat.end();
  }
  // Upstreams first: routes refer to them, wherever they stand in the file.
  const toml::table* const upstreams = root.take_table("upstream");
  const toml::table* const models = root.take_table("model");
  if (upstreams != nullptr) {
    for (auto&& [key, node] : *upstreams) {
      if (!is_upstream_name(key.str())) reading_.complain(key.source(), "an upstream's name has 1 to 64 ASCII letters, digits, '-', '_' or '.'");
      else if (node.as_table() == nullptr) reading_.complain(key.source(), fmt::format("[upstream.{}] must be a table", key.str()));
      else if (config_.upstreams.size() == upstreams_max) reading_.complain(key.source(), fmt::format("more than {} upstreams", upstreams_max));
      else upstream(key.str(), *node.as_table());
    }
  }
  if (models != nullptr) {
    for (auto&& [key, node] : *models) {
      if (node.as_table() == nullptr) reading_.complain(key.source(), fmt::format("[model.{}] must be a table", key.str()));
      else if (config_.models.size() == models_max) reading_.complain(key.source(), fmt::format("more than {} models", models_max));
      else model(key, *node.as_table());
    }
  }
  root.end();
  if (!reading_.problems.empty()) {
    std::ranges::stable_sort(reading_.problems, [](const Problem& a, const Problem& b) { return std::pair(a.line, a.column) < std::pair(b.line, b.column); });
    return std::move(reading_.problems);
  }
  return std::move(config_);
}

std::optional<ListenAddress> FileReader::address(const toml::node& node, std::string_view key, Table& table) {
  const auto text = node.value_exact<std::string>();
  auto parsed = text ? parse_listen(*text) : std::nullopt;
  if (!parsed)
    table.complain(
        node, fmt::format("{} must be an address and a port such as \"127.0.0.1:8080\" or \"[::1]:8080\", or \"unix:/run/bellwether.sock\"", table.in(key)));
  else if (parsed->kind == ListenAddress::Kind::unix_socket) parsed->path = reading_.resolved(parsed->path);
  return parsed;
}

void FileReader::listen(const toml::node& node, Table& root) {
  constexpr std::size_t addresses_max = 16;
  config_.listen.clear();
  if (const toml::array* list = node.as_array()) {
    if (list->empty() || list->size() > addresses_max) root.complain(node, fmt::format("listen must have 1 to {} addresses", addresses_max));
    for (const toml::node& entry : *list)
      if (auto parsed = address(entry, "listen", root)) config_.listen.push_back(*std::move(parsed));
    return;
  }
  if (auto parsed = address(node, "listen", root)) config_.listen.push_back(*std::move(parsed));
}

void FileReader::tls(const toml::table& table) {
  Table tls{table, "[tls]", reading_};
  const auto certificate = tls.take_string("certificate");
  const toml::node* key = tls.take("private_key");
  const toml::table* reference = key != nullptr ? key->as_table() : nullptr;
  std::optional<std::string> key_file;
  if (key != nullptr && reference == nullptr) {
    tls.complain(*key, "private_key in [tls] must be { file = \"PATH\" }");
  } else if (reference != nullptr) {
    Table inner{*reference, "private_key in [tls]", reading_};
    key_file = inner.take_string("file");
    inner.end();
  }
  tls.end();
  if (!certificate || key == nullptr) tls.complain("[tls] needs certificate = \"PATH\" and private_key = { file = \"PATH\" }");
  else if (key_file) config_.tls = TlsFiles{reading_.resolved(*certificate), reading_.resolved(*key_file)};
}

void FileReader::limits(const toml::table& table) {
  Table limits{table, "[limits]", reading_};
  CallerLimits& into = config_.limits;
  constexpr std::uint64_t size_min = 1024;
  limits.take_bytes("request_bytes", into.request_bytes_max, size_min);
  limits.take_bytes("reply_bytes", into.reply_bytes_max, size_min);
  limits.take_duration("head_timeout", into.head_timeout, timeout_min);
  limits.take_duration("body_timeout", into.body_timeout, timeout_min);
  limits.take_duration("idle_timeout", into.idle_timeout, timeout_min);
  limits.take_duration("write_timeout", into.write_timeout, timeout_min);
  limits.take_integer("connections", into.connections_max, 1, 1'000'000);
  limits.end();
}

void FileReader::upstream(std::string_view name, const toml::table& table) {
  Table section{table, fmt::format("[upstream.{}]", name), reading_};
  catalog::Upstream upstream;
  upstream.name = name;
  section.take_word("dialect", upstream.dialect, dialects);
  const auto base_url = section.take_string("base_url");
  if (base_url) {
    if (const auto url = parse_url(*base_url)) {
      upstream.base_url = *url;
      if (url->scheme == catalog::Url::Scheme::unix_socket) upstream.base_url.host = reading_.resolved(url->host);
    } else {
      section.complain(*table.get("base_url"),
                       fmt::format("{} must be a URL such as \"https://api.example.com/v1\" or \"unix:/run/llm.sock:/v1\", without user, query or fragment",
                                   section.in("base_url")));
    }
  } else if (table.get("base_url") == nullptr) {
    section.complain(fmt::format("[upstream.{}] needs base_url", name));
  }
  if (auto key = section.take_secret("api_key")) upstream.api_key = *std::move(key);
  if (const toml::table* timeout = section.take_table("timeout")) timeouts(*timeout, section.in("timeout"), upstream.timeouts);
  section.take_integer("connections", upstream.connections_max, 1, connections_max);
  section.take_integer("idle_connections", upstream.idle_max, 0, connections_max);
  section.take_duration("idle_for", upstream.idle_for, std::chrono::seconds(1));
  resilience(section, upstream);
  section.end();
  config_.upstreams.push_back(std::move(upstream));
}

/// The keys of an upstream that docs/resilience.md explains.
void FileReader::resilience(Table& section, catalog::Upstream& into) {
  constexpr std::int64_t retries_max = 5;
  section.take_integer("retries", into.retry.retries, 0, retries_max);
  section.take_percent("retry_budget", into.retry.budget_percent, 0, 100);
  section.take_duration("retry_after_max", into.retry.after_max, Duration{});
  if (const toml::table* found = section.take_table("breaker")) {
    Table breaker{*found, section.in("breaker"), reading_};
    breaker.take_integer("failures", into.breaker.failures, 0, 1'000'000);
    breaker.take_percent("rate", into.breaker.rate_percent, 0, 100);
    breaker.take_duration("open_for", into.breaker.open_for, timeout_min);
    breaker.take_duration("open_for_max", into.breaker.open_for_max, timeout_min);
    breaker.end();
    if (into.breaker.open_for_max < into.breaker.open_for) {
      // Given alone, a longer first pause means that it does not grow.
      if (found->get("open_for_max") == nullptr) into.breaker.open_for_max = into.breaker.open_for;
      else breaker.complain(*found->get("open_for_max"), fmt::format("{} is below open_for", breaker.in("open_for_max")));
    }
  }
  if (const toml::table* found = section.take_table("concurrency")) concurrency(*found, section.in("concurrency"), into.concurrency);
  if (const toml::table* found = section.take_table("min_rate")) {
    Table rate{*found, section.in("min_rate"), reading_};
    rate.take_integer("tokens", into.min_rate.tokens, 1, 1'000'000);
    rate.take_duration("over", into.min_rate.over, std::chrono::seconds(1));
    rate.end();
    if (found->get("tokens") == nullptr) rate.complain(fmt::format("{} needs tokens", section.in("min_rate")));
  }
  if (const toml::table* found = section.take_table("probe")) {
    Table probe{*found, section.in("probe"), reading_};
    probe.take_duration("every", into.probe_every, std::chrono::seconds(1));
    probe.end();
    if (found->get("every") == nullptr) probe.complain(fmt::format("{} needs every", section.in("probe")));
  }
}

void FileReader::concurrency(const toml::table& table, const std::string& name, catalog::ConcurrencyPolicy& into) {
  Table section{table, name, reading_};
  section.take_integer("max", into.max, 1, connections_max);
  if (const auto adaptive = section.take_boolean("adaptive")) into.adaptive = *adaptive;
  section.take_integer("queue", into.queue_max, 0, connections_max);
  section.take_duration("queue_for", into.queue_for, timeout_min);
  section.end();
  if (table.get("max") == nullptr) section.complain(fmt::format("{} needs max", name));
}

void FileReader::timeouts(const toml::table& table, const std::string& name, catalog::Timeouts& into) {
  Table timeout{table, name, reading_};
  timeout.take_duration("connect", into.connect, timeout_min);
  timeout.take_duration("write", into.write, timeout_min);
  timeout.take_duration("pool", into.pool, timeout_min);
  timeout.take_duration("first_token", into.first_token, timeout_min);
  timeout.take_duration("idle", into.idle, timeout_min);
  timeout.take_duration("total", into.total, timeout_min);
  timeout.end();
}

void FileReader::model(const toml::key& name, const toml::table& table) {
  if (!is_plain(name.str())) {
    reading_.complain(name.source(), fmt::format("a model's name has 1 to {} bytes and no control characters", name_bytes_max));
    return;
  }
  catalog::Model model;
  model.id = name.str();
  claim(model.id, model.id, name.source());
  Table section{table, fmt::format("[model.{}]", model.id), reading_};
  if (const toml::node* node = section.take("route")) route(*node, section, model);
  else
    section.complain(
        fmt::format("[model.{}] needs a route, such as route = [\"{}\"]", model.id, config_.upstreams.empty() ? "upstream" : config_.upstreams.front().name));
  if (const toml::node* node = section.take("aliases")) aliases(*node, section, model);
  section.take_word("policy", model.policy, policies);
  if (const toml::table* found = section.take_table("hedge")) {
    Table hedge{*found, section.in("hedge"), reading_};
    model.hedge.emplace();
    hedge.take_integer("percentile", model.hedge->percentile, 50, 99);
    hedge.take_percent("extra", model.hedge->extra_percent, 1, 100);
    hedge.end();
  }
  if (const auto rescue = section.take_boolean("rescue")) model.rescue = *rescue ? catalog::Rescue::on : catalog::Rescue::off;
  section.take_duration("deadline", model.deadline, timeout_min);
  if (const toml::table* prices = section.take_table("price")) price(*prices, section.in("price"), model);
  section.end();
  config_.models.push_back(std::move(model));
}

void FileReader::claim(const std::string& name, const std::string& model, const toml::source_region& where) {
  std::string folded = name;
  for (char& c : folded)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  const auto [place, fresh] = names_.emplace(std::move(folded), Owner{model, name});
  if (!fresh && place->second.model != model)
    reading_.complain(where,
                      fmt::format("the name {} is taken by model {}{}", name, place->second.model,
                                  place->second.as_written == name ? "" : fmt::format(" ({}: names do not differ by case alone)", place->second.as_written)));
}

void FileReader::aliases(const toml::node& node, Table& table, catalog::Model& model) {
  const toml::array* list = node.as_array();
  if (list == nullptr) return table.complain(node, fmt::format("{} must be an array of strings", table.in("aliases")));
  for (const toml::node& entry : *list) {
    auto alias = entry.value_exact<std::string>();
    if (!alias || !is_plain(*alias)) {
      table.complain(entry, fmt::format("{} must be strings of 1 to {} bytes without control characters", table.in("aliases"), name_bytes_max));
      continue;
    }
    claim(*alias, model.id, entry.source());
    model.aliases.push_back(*std::move(alias));
  }
}

void FileReader::route(const toml::node& node, Table& table, catalog::Model& model) {
  constexpr std::size_t entries_max = catalog::route_entries_max;
  const toml::array* list = node.as_array();
  if (list == nullptr || list->empty() || list->size() > entries_max)
    return table.complain(node, fmt::format("{} must be an array of 1 to {} entries such as \"hosted\" or {{ upstream = \"hosted\", model = \"name-there\" }}",
                                            table.in("route"), entries_max));
  for (const toml::node& entry : *list) route_entry(entry, table, model);
  const bool none_left = std::ranges::all_of(model.route, [](const catalog::RouteEntry& entry) { return entry.purpose != catalog::Purpose::every_request; });
  if (none_left && !model.route.empty()) table.complain(node, fmt::format("{} needs an entry without for: one for every request", table.in("route")));
}

void FileReader::route_entry(const toml::node& node, Table& table, catalog::Model& model) {
  catalog::RouteEntry entry;
  entry.model = model.id;
  if (const auto name = node.value_exact<std::string>()) {
    const auto upstream = find_upstream(node, *name, table);
    if (!upstream) return;
    entry.upstream = *upstream;
    model.route.push_back(std::move(entry));
    return;
  }
  const toml::table* inner = node.as_table();
  if (inner == nullptr)
    return table.complain(node, fmt::format("an entry of {} must be an upstream's name or {{ upstream = …, model = … }}", table.in("route")));
  const std::string name = table.in("route");
  Table section{*inner, name, reading_};
  const auto upstream_name = section.take_string("upstream");
  if (auto there = section.take_string("model")) {
    if (!is_plain(*there))
      section.complain(*inner->get("model"), fmt::format("{} must have 1 to {} bytes and no control characters", section.in("model"), name_bytes_max));
    entry.model = *std::move(there);
  }
  section.take_integer("weight", entry.weight, 1, 1'000'000);
  section.take_word("for", entry.purpose, purposes);
  if (const toml::table* request = section.take_table("request")) request_defaults(*request, section.in("request"), entry);
  section.end();
  if (inner->get("upstream") == nullptr) section.complain(fmt::format("an entry of {} needs upstream", name));
  if (!upstream_name) return;
  const auto upstream = find_upstream(*inner->get("upstream"), *upstream_name, table);
  if (!upstream) return;
  entry.upstream = *upstream;
  model.route.push_back(std::move(entry));
}

std::optional<std::size_t> FileReader::find_upstream(const toml::node& at, const std::string& name, Table& table) {
  for (std::size_t i = 0; i < config_.upstreams.size(); ++i)
    if (config_.upstreams[i].name == name) return i;
  std::vector<std::string_view> names;
  for (const catalog::Upstream& upstream : config_.upstreams) names.push_back(upstream.name);
  const auto near = nearest(name, names, 1);
  table.complain(at, fmt::format("{} names the upstream \"{}\", which there is not{}", table.in("route"), name,
                                 near.empty() ? std::string{} : fmt::format("; did you mean \"{}\"?", near.front())));
  return std::nullopt;
}

void FileReader::request_defaults(const toml::table& table, const std::string& name, catalog::RouteEntry& entry) {
  constexpr std::array<std::string_view, 5> ours{"model", "stream", "stream_options", "messages", "input"};
  for (auto&& [key, node] : table) {
    if (std::ranges::find(ours, key.str()) != ours.end()) {
      reading_.complain(key.source(), fmt::format("{} cannot set {}: it is the caller's or Bellwether's own", name, key.str()));
      continue;
    }
    std::string json;
    constexpr std::size_t depth_max = 32;
    if (!to_json(node, json, depth_max)) {
      reading_.complain(node.source(),
                        fmt::format("{} in {} has no JSON form: dates, infinities and nesting beyond {} levels have none here", key.str(), name, depth_max));
      continue;
    }
    entry.defaults.push_back({std::string(key.str()), std::move(json)});
  }
}

bool FileReader::to_json(const toml::node& node, std::string& out, std::size_t depth) {
  if (depth == 0) return false;
  if (const toml::table* table = node.as_table()) {
    out += '{';
    bool first = true;
    for (auto&& [key, value] : *table) {
      if (!std::exchange(first, false)) out += ',';
      json::append_quoted(out, key.str());
      out += ':';
      if (!to_json(value, out, depth - 1)) return false;
    }
    out += '}';
    return true;
  }
  if (const toml::array* list = node.as_array()) {
    out += '[';
    for (std::size_t i = 0; i < list->size(); ++i) {
      if (i > 0) out += ',';
      if (!to_json((*list)[i], out, depth - 1)) return false;
    }
    out += ']';
    return true;
  }
  if (const auto* text = node.as_string()) {
    json::append_quoted(out, text->get());
    return true;
  }
  if (const auto* boolean = node.as_boolean()) return out += boolean->get() ? "true" : "false", true;
  if (const auto* integer = node.as_integer()) return out += std::to_string(integer->get()), true;
  if (const auto* number = node.as_floating_point()) {
    if (!std::isfinite(number->get())) return false;
    return out += fmt::format("{}", number->get()), true;
  }
  return false;
}

void FileReader::price(const toml::table& table, const std::string& name, catalog::Model& model) {
  Table section{table, name, reading_};
  const auto amount = [&](std::string_view key) -> std::optional<Money> {
    const toml::node* node = section.take(key);
    if (node == nullptr) return std::nullopt;
    const auto text = node->value_exact<std::string>();
    const auto money = text ? parse_money(*text) : std::nullopt;
    if (!money)
      section.complain(
          *node, fmt::format("{} must be USD per million tokens as a decimal string such as \"0.42\", with at most nine decimal places", section.in(key)));
    return money;
  };
  const auto input = amount("input");
  const auto cached_input = amount("cached_input");
  const auto output = amount("output");
  section.end();
  if (table.get("input") == nullptr || table.get("output") == nullptr) section.complain(fmt::format("{} needs input and output", name));
  if (cached_input && input && *cached_input > *input)
    section.complain(*table.get("cached_input"), fmt::format("{} is above input: cached tokens never cost more", section.in("cached_input")));
  if (input && output) model.price = metering::Price{*input, cached_input, *output};
}

}  // namespace

SecretSource system_secrets() {
  return {.environment = [](const std::string& variable) -> std::optional<std::string> {
            const char* value = std::getenv(variable.c_str());
            return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
          },
          .file = [](const std::string& path) -> std::optional<std::string> {
            std::ifstream file{path, std::ios::binary};
            constexpr std::size_t secret_bytes_max = 64 * 1024;
            std::string text(secret_bytes_max, '\0');
            if (!file.read(text.data(), static_cast<std::streamsize>(text.size())) && !file.eof()) return std::nullopt;
            text.resize(static_cast<std::size_t>(file.gcount()));
            return text;
          }};
}

ReadResult read_config(std::string_view toml, std::string file, const SecretSource& secrets) {
  const auto root = parse_document(toml, file);
  if (const auto* problem = std::get_if<Problem>(&root)) return std::vector{*problem};
  FileReader reader{std::move(file), secrets};
  try {
    return reader.read(std::get<toml::table>(root));
  } catch (const BrokenToml&) {
    return std::vector{broken_document(reader.file())};
  }
}

}  // namespace bellwether::config
