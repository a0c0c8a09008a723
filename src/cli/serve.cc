// The composition root: what the gateway is made of, and how its parts are connected. Reads configuration, opens the data folder and
// the listeners, starts a lane for each core; then the main thread is the control loop: signals, reloads, keys, discovery, admin.
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>

#include "cli/cli.h"
#include "cli/entropy.h"
#include "cli/gateway_process.h"
#include "cli/ready_file.h"
#include "cli/service_manager.h"
#include "cli/verbs.h"
#include "cli/version.h"
#include "net/spawn.h"
#include "store/key_file.h"

namespace bellwether::cli {
namespace {

// An upstream's first answer is waited for this long before the gateway says that it is ready without it.
constexpr Duration discovery_patience = std::chrono::seconds(3);
net::ListenPoint point_of(const config::ListenAddress& address) { return {address.host, address.port, address.path}; }

telemetry::AccessLogTarget target_of(const config::Log& log) {
  using Kind = telemetry::AccessLogTarget::Kind;
  if (log.access == "off") return {Kind::off, {}};
  if (log.access == "stdout") return {Kind::standard_output, {}};
  return {Kind::file, log.access};
}

LaneSettings settings_of(const config::Config& config) {
  LaneSettings settings;
  settings.gateway = {.reply_bytes_max = config.limits.reply_bytes_max, .keep_alive_comment = config.keep_alive_comment};
  settings.limits = {.request_bytes_max = config.limits.request_bytes_max,
                     .head_timeout = config.limits.head_timeout,
                     .body_timeout = config.limits.body_timeout,
                     .idle_timeout = config.limits.idle_timeout,
                     .write_timeout = config.limits.write_timeout};
  settings.connections_max = config.limits.connections_max;
  settings.compat = {.unknown_model_status = config.compat.unknown_model_status};
  if (config.tls) settings.tls = or_throw(net::make_server_tls(config.tls->certificate, config.tls->private_key));
  return settings;
}

void raise_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

Gateway::Gateway(config::Config config, ServeOptions options, Inheritance inheritance, std::unique_ptr<Takeover> takeover)
    : config_{std::move(config)},
      options_{std::move(options)},
      folder_{or_throw(takeover ? store::DataFolder::adopt(config_.data, takeover->lock.release()) : store::DataFolder::lock(config_.data))},
      keys_{or_throw(store::load_keys(folder_))},
      takeover_{std::move(takeover)},
      succeeding_{takeover_ != nullptr},
      inheritance_{std::move(inheritance)},
      loop_{random_seed()} {
  raise_file_limit();
  const LaneSettings settings = settings_of(config_);
  const std::size_t lanes = lanes_of(config_);
  access_log_ = or_throw(telemetry::AccessLog::open(target_of(config_.log), lanes));
  make_first_key();
  const auto ring = std::make_shared<const accounts::KeyRing>(keys_);
  for (std::size_t i = 0; i < lanes; ++i) {
    lanes_.push_back(std::make_unique<LaneThread>(i, lanes, random_seed(), settings, *access_log_, open_connections_));
    lanes_.back()->lane.adopt(ring);
  }
  watch_ = std::make_unique<gateway::Watch>(lanes);
  open_listeners();
  open_admin();
  if (!inheritance_.empty())
    throw std::runtime_error("systemd passed on sockets that neither `listen` nor [admin] `listen` of the configuration names: " + inheritance_.left());
  // An address that the configuration does not name any more ends with the gateway that had it.
  if (takeover_ && !takeover_->sockets.empty()) {
    std::fprintf(stderr, "bellwether: no longer listening on %s\n", takeover_->sockets.left().c_str());
    takeover_->sockets = {};
  }
}

Gateway::~Gateway() {
  prober_.reset();
  discovery_.reset();
  lanes_.clear();
  loop_.end_roots();  // Sessions of the admin surface that are still open use its servers.
  remove_socket_files();
  for (const SocketPath& socket : {admin_socket_, takeover_socket_})
    if (socket.keep_open >= 0) ::close(socket.keep_open);
}

/// Not a successor's, and not those of the gateway that we did not succeed.
void Gateway::remove_socket_files() {
  if (succeeding_ || keys_handed_over_ || handing_over_) return;
  for (const std::string& path : socket_files_) ::unlink(path.c_str());
}

/// Whoever tries us out with nothing but --upstream has no key yet; one is made and shown.
void Gateway::make_first_key() {
  if (!config_.file.empty() || !keys_.empty() || takeover_) return;
  const auto made = or_throw(accounts::create_key(keys_, {.name = "first"}, key_entropy(), started_));
  or_throw(store::save_keys(folder_, keys_));
  std::fprintf(stderr, "bellwether: made a first key, shown this once: %s\n", made.text.c_str());
}

void Gateway::open_listeners() {
  for (const config::ListenAddress& address : config_.listen) {
    net::ListenPoint point = point_of(address);
    const std::vector<const net::Socket*> sockets = open_door(Door::callers, point, lanes_.size());
    // As many as there are lanes, unless they are inherited. Each needs a lane that listens on it, or the kernel would put
    // connections into a queue that nobody looks at; and each lane needs one.
    for (std::size_t i = 0; i < std::max(lanes_.size(), sockets.size()); ++i)
      lanes_[i % lanes_.size()]->listen(or_throw(net::duplicate(*sockets[i % sockets.size()])));
    points_.push_back(point);
  }
}

/// The sockets of an address: inherited, or bound (a Unix socket once, whatever `sockets` says). They live as long as `doors_` is
/// not added to.
std::vector<const net::Socket*> Gateway::open_door(Door door, net::ListenPoint& point, std::size_t sockets) {
  std::vector<DoorSocket> opened = takeover_ ? takeover_->sockets.take(door, point) : inheritance_.take(door, point);
  if (opened.empty()) {
    opened.push_back({door, Opener::gateway, or_throw(net::listen_on(point, net::Sharing::first))});
    while (point.path.empty() && opened.size() < sockets) opened.push_back({door, Opener::gateway, or_throw(net::listen_on(point, net::Sharing::further))});
  }
  if (!point.path.empty() && opened.front().opener == Opener::gateway) socket_files_.push_back(point.path);
  const std::size_t before = doors_.size();
  for (DoorSocket& socket : opened) doors_.push_back(std::move(socket));
  std::vector<const net::Socket*> all;
  for (std::size_t i = before; i < doors_.size(); ++i) all.push_back(&doors_[i].socket);
  return all;
}

void Gateway::open_admin() {
  const accounts::Digest token = accounts::digest_of(or_throw(admin_token(folder_.path())));
  admin_tcp_ = std::make_unique<AdminServer>(loop_, *this, api::AdminDoor::tcp, token, open_admin_connections_);
  admin_unix_ = std::make_unique<AdminServer>(loop_, *this, api::AdminDoor::unix_socket, token, open_admin_connections_);
  admin_point_ = point_of(config_.admin_address());
  const auto listen = [this](Door door, net::ListenPoint& point, const std::function<void(net::Socket)>& on_connection) {
    for (const net::Socket* socket : open_door(door, point, 1))
      own_listeners_.push_back(std::make_unique<net::Listener>(loop_, or_throw(net::duplicate(*socket)), on_connection));
  };
  listen(Door::admin, admin_point_, [this](net::Socket connection) { admin_tcp_->server.on_connection(std::move(connection)); });
  const SocketPath admin = admin_socket_path(folder_.path()), takeover = takeover_socket_path(folder_.path());
  net::ListenPoint admin_path{{}, 0, admin.path}, takeover_path{{}, 0, takeover.path};
  // The socket's permission is the credential, from the moment it is there.
  const mode_t before = ::umask(0177);
  listen(Door::admin_unix, admin_path, [this](net::Socket connection) { admin_unix_->server.on_connection(std::move(connection)); });
  listen(Door::takeover, takeover_path,
         [this](net::Socket connection) { net::spawn(loop_, "hand-over", [this](net::Socket& socket) { return hand_over(socket); }, std::move(connection)); });
  ::umask(before);
  admin_socket_ = admin;
  takeover_socket_ = takeover;
}

int Gateway::run() {
  net::spawn(loop_, "signals", [this] { return obey_signals(); });
  net::spawn(loop_, "sweep", [this] { return keep_sweeping(); });
  for (const auto& lane : lanes_) lane->start();
  if (!takeover_) start_listening();
  start_catalog();
  loop_.run();
  return exit_code_;
}

// ---- Catalog ----

void Gateway::start_catalog() {
  prober_ = std::make_unique<gateway::Prober>(loop_, config_.upstreams,
                                              [this](const std::string& upstream, relay::Target::Probed found) { on_probed(upstream, found); });
  discovery_.reset();
  if (!config_.models.empty()) {
    publish(std::make_shared<const catalog::Revision>(++revision_number_, config_.upstreams, config_.models));
    become_ready();
    return;
  }
  const gateway::DialectFrom dialects = config_.file.empty() ? gateway::DialectFrom::model_list : gateway::DialectFrom::config;
  discovery_ = std::make_unique<gateway::Discovery>(loop_, config_.upstreams, dialects, [this](const gateway::Discovered& found) { on_discovered(found); });
  net::spawn(loop_, "first discovery", [this]() -> net::Task<void> {
    co_await loop_.sleep_for(discovery_patience);
    become_ready();
  });
}

void Gateway::on_discovered(const gateway::Discovered& found) {
  publish(std::make_shared<const catalog::Revision>(++revision_number_, found.upstreams, found.models,
                                                    found.complete ? catalog::Known::all : catalog::Known::not_all_yet));
  std::string names;
  constexpr std::size_t named_max = 8;
  for (std::size_t i = 0; i < std::min(found.models.size(), named_max); ++i) names += (i > 0 ? ", " : "") + found.models[i].id;
  if (found.models.size() > named_max) names += ", …";
  std::fprintf(stderr, "bellwether: serving %zu model(s)%s%s\n", found.models.size(), names.empty() ? "" : ": ", names.c_str());
  // A successor that knows no model yet has time: somebody else still serves.
  if (!takeover_ || !found.models.empty()) become_ready();
}

void Gateway::publish(std::shared_ptr<const catalog::Revision> revision) {
  revision_ = std::move(revision);
  for (const auto& lane : lanes_) lane->loop.post([lane = lane.get(), next = revision_] { lane->lane.adopt(next); });
}

void Gateway::start_listening() {
  for (const auto& listener : own_listeners_) listener->start();
  for (const auto& lane : lanes_) lane->loop.post([lane = lane.get()] { lane->start_listening(); });
}

void Gateway::become_ready() {
  if (std::exchange(ready_, true)) return;
  if (takeover_) net::spawn(loop_, "take-over", [this] { return succeed(); });
  else tell_that_ready();
}

void Gateway::tell_that_ready() {
  std::vector<std::string> addresses;
  std::string shown;
  for (const net::ListenPoint& point : points_) {
    addresses.push_back(point.text(config_.tls.has_value()));
    shown += (shown.empty() ? "" : ", ") + addresses.back();
  }
  const std::string admin = admin_point_.text(false);
  std::fprintf(stderr, "bellwether %s: listening on %s (%zu lane(s)); admin on %s\n", std::string(version()).c_str(), shown.c_str(), lanes_.size(),
               admin.c_str());
  if (!options_.ready_file.empty()) {
    if (const auto written = write_ready_file(options_.ready_file, addresses, admin); !written) {
      std::fprintf(stderr, "bellwether: %s\n", written.error().detail.text.str().c_str());
      exit_code_ = exit_failed;
      return loop_.stop();
    }
  }
  tell_ready();
}

Result<void> Gateway::reload() {
  const auto refuse = [this](std::string why) -> Result<void> {
    ++reload_failures_;
    std::fprintf(stderr, "bellwether: reload refused, going on with the old configuration:\n%s\n", why.c_str());
    return failed(Reason::request_malformed, PublicText{"Reload refused: " + std::move(why)});
  };
  access_log_->reopen();
  auto loaded = load(options_.given, Secrets::wanted, Purpose::serve);
  if (!loaded) {
    std::string text;
    for (const config::Problem& problem : loaded.error()) text += (text.empty() ? "" : "\n") + config::to_text(problem);
    return refuse(std::move(text));
  }
  std::string fixed;
  const auto normal = [](const std::string& folder) { return std::filesystem::absolute(folder).lexically_normal(); };
  const auto must_stay = [&](bool same, const char* name) {
    if (!same) fixed += fmt::format("{}{} changed, which takes a restart", fixed.empty() ? "" : "\n", name);
  };
  must_stay(loaded->listen == config_.listen, "listen");
  must_stay(loaded->admin_address() == config_.admin_address(), "[admin] listen");
  must_stay(normal(loaded->data) == normal(config_.data), "data");
  must_stay(lanes_of(*loaded) == lanes_of(config_), "lanes");
  must_stay(loaded->log.access == config_.log.access, "[log] access");
  must_stay(loaded->tls.has_value() == config_.tls.has_value(), "whether there is [tls]");
  if (!fixed.empty()) return refuse(std::move(fixed));
  LaneSettings settings;
  try {
    settings = settings_of(*loaded);
  } catch (const std::exception& trouble) {
    return refuse(trouble.what());
  }
  config_ = *std::move(loaded);
  for (const auto& lane : lanes_) lane->loop.post([lane = lane.get(), settings] { lane->adopt(settings); });
  start_catalog();
  ++reloads_;
  std::fprintf(stderr, "bellwether: configuration reloaded\n");
  return {};
}

namespace {

int run_serve(const ServeOptions& options) {
  auto config = load(options.given, Secrets::wanted, Purpose::serve);
  if (!config) {
    complain(config.error());
    return exit_invalid;
  }
  Inheritance inheritance = or_throw(Inheritance::from_service_manager());
  std::unique_ptr<Takeover> takeover;
  if (options.take_over) {
    if (!inheritance.empty()) throw std::runtime_error("--take-over gets its sockets from the running gateway, and systemd passed on some too (LISTEN_FDS)");
    takeover = std::make_unique<Takeover>(or_throw(begin_takeover(config->data)));
  }
  return Gateway{*std::move(config), options, std::move(inheritance), std::move(takeover)}.run();
}

}  // namespace

void add_serve(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<ServeOptions>();
  CLI::App* verb = app.add_subcommand("serve", "Run the gateway");
  CLI::Option* config = verb->add_option("--config", options->given.config, "The config file; bellwether.toml if it is there")->type_name("FILE");
  CLI::Option* upstream =
      verb->add_option("--upstream", options->given.upstreams, "Instead of a file: serve every model that this URL lists (repeatable; order is fallback)")
          ->type_name("URL")
          ->allow_extra_args(false);
  config->excludes(upstream);
  verb->add_option("--listen", options->given.listen, "Callers' address; 127.0.0.1:8080 unless the file says otherwise, port 0 picks one")->type_name("ADDR");
  verb->add_option("--admin-listen", options->given.admin_listen, "Address of /metrics and health; 127.0.0.1:8081 unless the file says otherwise")
      ->type_name("ADDR");
  verb->add_option("--data", options->given.data, "The data folder; bellwether-data unless the file says otherwise")->type_name("DIR");
  verb->add_option("--ready-file", options->ready_file, "Written once requests are served: addresses and process id as JSON")->type_name("FILE");
  verb->add_flag("--take-over", options->take_over,
                 "Take the place of the gateway that runs on the data folder: its listening sockets pass over, its streams end there");
  verb->footer(
      "The access log goes to standard output, one JSON object a line. SIGTERM drains, a second one leaves at once; SIGHUP reloads.\n"
      "Listening sockets from systemd (LISTEN_FDS) are used where `listen` names their addresses.\n"
      "Environment: BELLWETHER_CONFIG, BELLWETHER_UPSTREAM (commas between), BELLWETHER_LISTEN, BELLWETHER_ADMIN_LISTEN, BELLWETHER_DATA.\n\n"
      "Examples:\n  bellwether serve --upstream http://127.0.0.1:8000/v1\n  bellwether serve --config /etc/bellwether.toml");
  verb->callback([options, &chosen] { chosen = [options] { return run_serve(*options); }; });
}

}  // namespace bellwether::cli
