// The composition root: what the gateway is made of, and how its parts are connected. Reads configuration, opens the data folder and
// the listeners, starts a lane for each core; then the main thread is the control loop: signals, reloads, keys, discovery, admin.
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>

#include "accounts/key_book.h"
#include "api/admin.h"
#include "catalog/revision.h"
#include "cli/admin_socket.h"
#include "cli/cli.h"
#include "cli/entropy.h"
#include "cli/inherited.h"
#include "cli/lane_thread.h"
#include "cli/load.h"
#include "cli/ready_file.h"
#include "cli/service_manager.h"
#include "cli/takeover.h"
#include "cli/verbs.h"
#include "cli/version.h"
#include "gateway/discovery.h"
#include "gateway/prober.h"
#include "gateway/watch.h"
#include "net/process_signals.h"
#include "net/signal.h"
#include "net/spawn.h"
#include "store/key_file.h"
#include "telemetry/access_log.h"

namespace bellwether::cli {
namespace {

struct Options {
  Given given;
  std::string ready_file;
  bool take_over = false;
};

constexpr std::uint16_t admin_port = 8081;
// How long an idle connection is kept for a request that may be on its way. When we stop for good, whoever waits for our end waits
// for this; a successor serves meanwhile, so that then it may be longer than the pause of a busy caller.
constexpr Duration grace_stopping = std::chrono::seconds(1);
constexpr Duration grace_succeeded = std::chrono::seconds(5);
constexpr Duration sweep_every = std::chrono::seconds(1);
// An upstream's first answer is waited for this long before the gateway says that it is ready without it.
constexpr Duration discovery_patience = std::chrono::seconds(3);
constexpr std::uint32_t admin_connections_max = 256;
constexpr std::uint64_t admin_request_bytes_max = std::uint64_t{1} << 20;

/// Trouble at the start ends the command with one clear line.
template <class T>
T or_throw(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().about.text.empty() ? result.error().detail.text : result.error().about.text);
  return std::move(*result);
}

void or_throw(Result<void> result) {
  if (!result) throw std::runtime_error(result.error().detail.text);
}

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

/// A control loop's own server, for the admin surface.
struct AdminServer {
  AdminServer(net::Loop& loop, api::Control& control, api::AdminDoor door, const accounts::Digest& token, std::atomic<std::uint32_t>& open)
      : handler{loop, control, door, token}, server{loop, handler, {.request_bytes_max = admin_request_bytes_max}, admin_connections_max, open} {}
  api::Admin handler;
  net::Server server;
};

class Gateway final : public api::Control {
 public:
  /// `takeover` is null where this gateway starts by itself.
  Gateway(config::Config config, Options options, Inheritance inheritance, std::unique_ptr<Takeover> takeover);
  ~Gateway() override;
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  [[nodiscard]] int run();

  [[nodiscard]] State state() const override { return draining_ ? State::draining : ready_ ? State::ready : State::starting; }
  [[nodiscard]] std::string metrics_page() override;
  [[nodiscard]] const std::vector<relay::TargetState>& upstreams() const override { return watch_->upstreams(); }
  [[nodiscard]] const std::vector<accounts::Key>& keys() const override { return keys_; }
  [[nodiscard]] net::Task<Result<accounts::MadeKey>> create_key(accounts::KeyWish wish) override;
  [[nodiscard]] net::Task<Result<accounts::Key>> revoke_key(std::string id_or_name) override;
  [[nodiscard]] net::Task<Result<accounts::MadeKey>> rotate_key(std::string id_or_name) override;
  [[nodiscard]] Result<void> reload() override;

 private:
  void open_admin();
  void open_listeners();
  [[nodiscard]] std::vector<const net::Socket*> open_door(Door door, net::ListenPoint& point, std::size_t sockets);
  void remove_socket_files();
  void start_listening();
  void make_first_key();
  void start_catalog();
  void on_discovered(const gateway::Discovered& found);
  void publish(std::shared_ptr<const catalog::Revision> revision);
  void become_ready();
  void tell_that_ready();
  /// Why the process leaves: for good, or because a successor serves.
  enum class Leaving : std::uint8_t { for_good, succeeded };
  void drain(Leaving why);
  void on_part_empty();
  [[noreturn]] void leave_at_once(int exit_code);
  [[nodiscard]] net::Task<void> obey_signals();
  [[nodiscard]] net::Task<void> keep_sweeping();
  [[nodiscard]] net::Task<void> succeed();
  [[nodiscard]] net::Task<void> hand_over(net::Socket& socket);
  [[nodiscard]] net::Task<std::string> hand_over_to(net::Stream& stream);
  void read_keys_of_successor();
  [[nodiscard]] Result<void> may_change_keys() const;
  void sweep(std::size_t lane);
  void on_probed(const std::string& upstream, relay::Target::Probed found);
  [[nodiscard]] net::Task<Result<void>> keep_keys(std::vector<accounts::Key> next);

  // Constant after construction.
  config::Config config_;  ///< Replaced as a whole by a reload.
  Options options_;
  const WallTime started_ = std::chrono::system_clock::now();
  // Control loop only.
  store::DataFolder folder_;
  std::vector<accounts::Key> keys_;
  std::shared_ptr<const catalog::Revision> revision_ = std::make_shared<const catalog::Revision>();
  std::uint64_t revision_number_ = 0;
  std::uint64_t reloads_ = 0, reload_failures_ = 0;
  bool ready_ = false, draining_ = false;
  bool asked_to_leave_ = false;
  std::size_t parts_open_ = 0;  ///< While draining: lanes, and admin servers where they are waited for.
  std::unique_ptr<Takeover> takeover_;
  bool succeeding_ = false;                ///< The gateway before us has not been told that we serve, or has not said that it heard.
  bool handing_over_ = false;              ///< A successor is on its way.
  bool keys_handed_over_ = false;          ///< Changing keys is the successor's.
  std::size_t key_changes_ = 0;            ///< Under way.
  std::vector<DoorSocket> doors_;          ///< What the lanes' and our listeners are duplicates of.
  std::vector<std::string> socket_files_;  ///< Of Unix sockets that are not systemd's.
  Inheritance inheritance_;
  int exit_code_ = exit_ok;
  std::unique_ptr<telemetry::AccessLog> access_log_;
  std::atomic<std::uint32_t> open_connections_{0};  ///< Of callers; all lanes.
  std::atomic<std::uint32_t> open_admin_connections_{0};
  std::vector<net::ListenPoint> points_;
  net::ListenPoint admin_point_;
  SocketPath admin_socket_, takeover_socket_;
  net::Loop loop_;
  net::ProcessSignals signals_{loop_, {SIGTERM, SIGINT, SIGHUP}};
  std::unique_ptr<AdminServer> admin_tcp_, admin_unix_;
  std::vector<std::unique_ptr<net::Listener>> own_listeners_;  ///< Of the control loop: admin, take-over.
  std::vector<std::unique_ptr<LaneThread>> lanes_;
  std::unique_ptr<gateway::Watch> watch_;
  std::unique_ptr<gateway::Discovery> discovery_;
  std::unique_ptr<gateway::Prober> prober_;
};

Gateway::Gateway(config::Config config, Options options, Inheritance inheritance, std::unique_ptr<Takeover> takeover)
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
  const std::size_t lanes = config_.lanes > 0 ? config_.lanes : std::max(1U, std::thread::hardware_concurrency());
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
  admin_point_ = config_.admin ? point_of(*config_.admin) : net::ListenPoint{"127.0.0.1", admin_port, {}};
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
  if (!options_.ready_file.empty()) or_throw(write_ready_file(options_.ready_file, addresses, admin));
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
  const auto must_stay = [&](bool same, const char* name) {
    if (!same) fixed += fmt::format("{}{} changed, which takes a restart", fixed.empty() ? "" : "\n", name);
  };
  must_stay(loaded->listen == config_.listen, "listen");
  must_stay(loaded->admin == config_.admin, "[admin] listen");
  must_stay(loaded->data == config_.data, "data");
  must_stay(loaded->lanes == config_.lanes, "lanes");
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

// ---- Keys ----

Result<void> Gateway::may_change_keys() const {
  // The one beside us may; `bellwether key` tries again.
  if (succeeding_ || keys_handed_over_) return failed(Reason::shutting_down);
  return {};
}

net::Task<Result<void>> Gateway::keep_keys(std::vector<accounts::Key> next) {
  BW_CO_TRY_DONE(may_change_keys());
  struct Change {
    explicit Change(std::size_t& all) : all{all} { ++all; }
    ~Change() { --all; }
    std::size_t& all;
  } const change{key_changes_};
  BW_CO_TRY_DONE(store::save_keys(folder_, next));
  keys_ = std::move(next);
  const auto ring = std::make_shared<const accounts::KeyRing>(keys_);
  // Whoever gets a key may use it at once, and one that was revoked is refused at once: on every lane.
  struct Wait {
    explicit Wait(net::Loop& loop) : all{loop} {}
    net::Signal all;
    std::size_t left = 0;
  };
  const auto wait = std::make_shared<Wait>(loop_);
  wait->left = lanes_.size();
  for (const auto& lane : lanes_) {
    // Moved on, not copied: the last one to let go of it must be this thread, which owns the deadline inside.
    lane->loop.post([this, lane = lane.get(), ring, wait = wait]() mutable {
      lane->lane.adopt(ring);
      loop_.post([wait = std::move(wait)] {
        if (--wait->left == 0) wait->all.wake(net::IoStatus::ok);
      });
    });
  }
  constexpr Duration patience = std::chrono::seconds(5);
  std::ignore = co_await wait->all.wait(loop_.now() + patience);
  co_return Result<void>{};
}

net::Task<Result<accounts::MadeKey>> Gateway::create_key(accounts::KeyWish wish) {
  for (std::string& name : wish.models) {
    Result<const catalog::Model*> model = revision_->resolve(name);
    if (model) name = (*model)->id;
    else if (revision_->known() == catalog::Known::all) co_return failed(Reason::request_malformed, std::move(model.error().about));
  }
  std::vector<accounts::Key> next = keys_;
  BW_CO_TRY(made, accounts::create_key(next, wish, key_entropy(), loop_.wall_now()));
  BW_CO_TRY_DONE(co_await keep_keys(std::move(next)));
  co_return std::move(made);
}

net::Task<Result<accounts::Key>> Gateway::revoke_key(std::string id_or_name) {
  std::vector<accounts::Key> next = keys_;
  BW_CO_TRY(key, accounts::revoke_key(next, id_or_name, loop_.wall_now()));
  BW_CO_TRY_DONE(co_await keep_keys(std::move(next)));
  co_return std::move(key);
}

net::Task<Result<accounts::MadeKey>> Gateway::rotate_key(std::string id_or_name) {
  std::vector<accounts::Key> next = keys_;
  BW_CO_TRY(made, accounts::rotate_key(next, id_or_name, key_entropy(), loop_.wall_now()));
  BW_CO_TRY_DONE(co_await keep_keys(std::move(next)));
  co_return std::move(made);
}

// ---- Metrics ----

std::string Gateway::metrics_page() {
  std::vector<const telemetry::Metrics*> lanes;
  for (const auto& lane : lanes_) lanes.push_back(&lane->lane.metrics());
  telemetry::ProcessFacts facts;
  facts.version = version();
  facts.commit = commit();
  facts.revision = revision_->number();
  facts.reloads = reloads_;
  facts.reload_failures = reload_failures_;
  facts.access_log_dropped = access_log_->dropped();
  facts.started = started_;
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  facts.cpu_seconds =
      static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
  std::uint64_t pages = 0;
  std::ifstream{"/proc/self/statm"} >> pages >> pages;
  facts.resident_bytes = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  // The number that the next file would get is close to how many are open, and costs nothing to learn.
  const int probe = ::dup(STDERR_FILENO);
  facts.open_files = static_cast<std::uint64_t>(std::max(probe, 0));
  if (probe >= 0) ::close(probe);
  for (const relay::TargetState& state : watch_->upstreams()) {
    facts.targets.push_back({state.upstream, state.model, severity_of(state.state), state.opened_total});
    if (!facts.upstreams.empty() && facts.upstreams.back().upstream == state.upstream) continue;
    facts.upstreams.push_back({state.upstream, state.outstanding, state.waiting, state.concurrency_limit, state.retries_total, state.retries_refused_total});
  }
  return telemetry::to_prometheus(lanes, facts);
}

// ---- Signals and the end ----

net::Task<void> Gateway::obey_signals() {
  for (;;) {
    const int number = co_await signals_.next();
    if (number == SIGHUP) {
      if (draining_) continue;
      tell_reloading();
      std::ignore = reload();
      if (ready_ && !succeeding_) tell_ready();
      continue;
    }
    // A gateway that has been succeeded is leaving already; to be asked for the first time changes nothing.
    if (!std::exchange(asked_to_leave_, true)) {
      if (!draining_) drain(Leaving::for_good);
      continue;
    }
    if (draining_) {
      std::fprintf(stderr, "bellwether: asked again; leaving at once with %u connection(s) open\n", open_connections_.load());
      leave_at_once(exit_interrupted);
    }
  }
}

void Gateway::drain(Leaving why) {
  draining_ = true;
  prober_.reset();
  discovery_.reset();
  std::fprintf(stderr, "bellwether: draining %u connection(s)\n", open_connections_.load());
  const Duration grace = std::min<Duration>(why == Leaving::succeeded ? grace_succeeded : grace_stopping, config_.drain_timeout);
  if (why == Leaving::for_good) {
    tell_stopping();
    // The lanes' duplicates close last, each after it has looked into its queue.
    std::erase_if(doors_, [](const DoorSocket& door) { return door.door == Door::callers; });
  } else {
    for (const auto& listener : own_listeners_) listener->stop();
    doors_.clear();
    for (AdminServer* admin : {admin_tcp_.get(), admin_unix_.get()}) {
      ++parts_open_;
      admin->server.drain(grace, [this] { on_part_empty(); });
    }
  }
  parts_open_ += lanes_.size();
  const bool alone = why == Leaving::for_good && !succeeding_ && !handing_over_;  // Nobody else takes what waits in the kernel's queue.
  for (const auto& lane : lanes_)
    lane->loop.post([this, alone, grace, lane = lane.get()] {
      if (alone) lane->finish_listening();
      else lane->stop_listening();
      lane->server.drain(grace, [this] { loop_.post([this] { on_part_empty(); }); });
    });
  net::spawn(loop_, "drain timeout", [this]() -> net::Task<void> {
    co_await loop_.sleep_for(config_.drain_timeout);
    std::fprintf(stderr, "bellwether: drain timeout; leaving with %u connection(s) open\n", open_connections_.load());
    leave_at_once(exit_failed);
  });
}

void Gateway::on_part_empty() {
  if (--parts_open_ == 0) loop_.stop();
}

void Gateway::leave_at_once(int exit_code) {
  // Connections end with the process. What was logged is written; nothing else is owed to anyone.
  access_log_.reset();
  remove_socket_files();
  std::_Exit(exit_code);
}

net::Task<void> Gateway::keep_sweeping() {
  for (;;) {
    co_await loop_.sleep_for(sweep_every);
    for (std::size_t i = 0; i < lanes_.size(); ++i) sweep(i);
    if (keys_handed_over_ && draining_) read_keys_of_successor();
  }
}

/// A lane tidies up, and tells how it finds the upstreams.
void Gateway::sweep(std::size_t lane) {
  lanes_[lane]->loop.post([this, number = lane, lane = lanes_[lane].get()] {
    lane->lane.sweep();
    loop_.post([this, number, seen = lane->lane.health().snapshot(lane->loop.turn())]() mutable {
      for (const std::string& line : watch_->take(number, std::move(seen), loop_.turn())) std::fprintf(stderr, "bellwether: %s\n", line.c_str());
    });
  });
}

void Gateway::on_probed(const std::string& upstream, relay::Target::Probed found) {
  for (const auto& lane : lanes_) lane->loop.post([lane = lane.get(), upstream, found] { lane->lane.health().probed(upstream, found, lane->loop.turn()); });
}

// ---- From one process to the next (takeover.h) ----

/// Everything is ready but that the gateway before us still serves.
net::Task<void> Gateway::succeed() {
  net::Stream stream{loop_, std::move(takeover_->conversation)};
  const auto give_up = [this](const std::string& why) {
    std::fprintf(stderr, "bellwether: cannot take over: %s\n", why.c_str());
    exit_code_ = exit_failed;
    loop_.stop();
  };
  if (revision_->models().empty()) co_return give_up("no upstream has listed a model, and the running gateway may know some");
  std::ignore = co_await say(stream, "ready");
  TakeoverLine line = co_await hear(stream, takeover_patience);
  // One that went away without a word has died; what it was is ours.
  const auto died = [&line] { return line.status == net::IoStatus::closed || line.status == net::IoStatus::failed; };
  if (draining_) co_return give_up("asked to leave");
  if (line.text != "yours" && !died()) co_return give_up(line.text.empty() ? "the running gateway does not answer" : line.text);
  auto keys = store::load_keys(folder_);
  if (!keys) co_return give_up(keys.error().detail.text);
  keys_ = *std::move(keys);
  const auto ring = std::make_shared<const accounts::KeyRing>(keys_);
  for (const auto& lane : lanes_) lane->loop.post([lane = lane.get(), ring] { lane->lane.adopt(ring); });
  // From here to the next co_await nobody else runs on this loop, so no key is changed before the other has been told.
  start_listening();
  if (!died()) {
    std::ignore = co_await say(stream, "serving");
    line = co_await hear(stream, takeover_patience);
    if (line.text != "bye" && !died()) {
      // It goes on. What we accepted meanwhile is answered.
      std::fprintf(stderr, "bellwether: cannot take over: %s\n", line.text.empty() ? "the running gateway does not answer" : line.text.c_str());
      exit_code_ = exit_failed;
      co_return drain(Leaving::succeeded);
    }
  }
  succeeding_ = false;
  std::fprintf(stderr, "bellwether: took over from process %s%s\n", takeover_->pid.c_str(), died() ? ", which has died" : "");
  takeover_.reset();
  tell_that_ready();
}

net::Task<void> Gateway::hand_over(net::Socket& socket) {
  net::Stream stream{loop_, std::move(socket)};
  const TakeoverLine hello = co_await hear(stream, takeover_patience);
  if (hello.text.empty()) co_return;
  std::string refused;
  if (auto known = check_takeover_hello(hello.text); !known) refused = known.error().detail.text;
  else if (draining_) refused = "the running gateway is leaving; start this one without --take-over when it has gone";
  else if (!ready_ || succeeding_) refused = "the running gateway is still starting";
  else if (handing_over_) refused = "another process is taking over already";
  if (refused.empty()) {
    handing_over_ = true;
    refused = co_await hand_over_to(stream);
    handing_over_ = false;
    if (!refused.empty()) std::fprintf(stderr, "bellwether: not taken over, going on: %s\n", refused.c_str());
  }
  if (!refused.empty()) std::ignore = co_await say(stream, "refused " + refused);
  stream.close();
}

/// Why it came to nothing; empty when the successor serves.
net::Task<std::string> Gateway::hand_over_to(net::Stream& stream) {
  const auto why = [](const TakeoverLine& line) {
    return std::string(line.status == net::IoStatus::timed_out ? "the new process took too long" : "the new process ended before it served");
  };
  if (auto sent = send_takeover(stream.fd(), doors_, folder_.lock_fd()); !sent) co_return sent.error().detail.text;
  TakeoverLine line = co_await hear(stream, takeover_patience_ready);
  if (line.text != "ready") co_return why(line);
  if (draining_) co_return "the running gateway is leaving";
  keys_handed_over_ = true;
  // A change under way is finished by us; each is bounded.
  while (key_changes_ > 0) co_await loop_.sleep_for(std::chrono::milliseconds(5));
  if (co_await say(stream, "yours") == net::IoStatus::ok) line = co_await hear(stream, takeover_patience);
  if (line.text != "serving" || draining_) {
    keys_handed_over_ = false;
    co_return line.text == "serving" ? "the running gateway is leaving" : why(line);
  }
  std::fprintf(stderr, "bellwether: handed over to a new process\n");
  folder_.let_go();
  drain(Leaving::succeeded);
  std::ignore = co_await say(stream, "bye");
  co_return std::string{};
}

/// Connections that we still have obey its changes too.
void Gateway::read_keys_of_successor() {
  auto keys = store::load_keys(folder_);
  if (!keys || store::keys_to_text(*keys) == store::keys_to_text(keys_)) return;
  keys_ = *std::move(keys);
  const auto ring = std::make_shared<const accounts::KeyRing>(keys_);
  for (const auto& lane : lanes_) lane->loop.post([lane = lane.get(), ring] { lane->lane.adopt(ring); });
}

int run_serve(const Options& options) {
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
  const auto options = std::make_shared<Options>();
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
