// The gateway as a process: its parts, and the control loop that runs on the main thread (signals, reloads, keys, discovery, admin,
// take-over). Made by `serve`; lives until the process ends.
#pragma once

#include <atomic>
#include <csignal>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "accounts/key_book.h"
#include "api/admin.h"
#include "catalog/revision.h"
#include "cli/admin_socket.h"
#include "cli/cli.h"
#include "cli/inherited.h"
#include "cli/lane_thread.h"
#include "cli/load.h"
#include "cli/takeover.h"
#include "gateway/discovery.h"
#include "gateway/prober.h"
#include "gateway/watch.h"
#include "net/process_signals.h"
#include "store/data_folder.h"
#include "telemetry/access_log.h"

namespace bellwether::cli {

struct ServeOptions {
  Given given;
  std::string ready_file;
  bool take_over = false;
};

/// Trouble at the start ends the command with one clear line.
template <class T>
T or_throw(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().about.text.empty() ? result.error().detail.text : result.error().about.text);
  return std::move(*result);
}

inline void or_throw(Result<void> result) {
  if (!result) throw std::runtime_error(result.error().detail.text);
}

inline constexpr std::uint32_t admin_connections_max = 256;
inline constexpr std::uint64_t admin_request_bytes_max = std::uint64_t{1} << 20;

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
  Gateway(config::Config config, ServeOptions options, Inheritance inheritance, std::unique_ptr<Takeover> takeover);
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
  /// What is under way ends as well as it can at once, and then the process.
  [[nodiscard]] net::Task<void> leave(int exit_code);
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
  ServeOptions options_;
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

}  // namespace bellwether::cli
