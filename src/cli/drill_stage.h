// What `bellwether drill` plays on: a simulator in the place of each upstream, and this program's own `serve` as a child before them, with
// the user's config but for the addresses. Everything is on free ports of 127.0.0.1 and in a temporary folder, and ends with the stage.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/simulator_thread.h"
#include "config/config.h"
#include "simulator/simulator.h"

namespace bellwether::cli {

class Stage {
 public:
  /// `toml` is the text that `config` was read from. Throws std::runtime_error with one clear line.
  Stage(const config::Config& config, std::string_view toml, Duration wait_max);
  ~Stage();  ///< Ends the gateway (by its process id), the simulators, and the folder.
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  /// What the destructor does.
  void end();
  /// Another gateway in the place of this one, which knows nothing of what upstreams did before. Throws as the constructor does.
  void restart_gateway();
  /// Any thread.
  void set_fault(std::size_t upstream, std::optional<simulator::Fault> fault) { upstreams_[upstream]->shared.set_fault(fault); }
  [[nodiscard]] std::uint16_t upstream_port(std::size_t upstream) const { return upstreams_[upstream]->port; }
  [[nodiscard]] std::uint16_t gateway_port() const { return port_; }
  [[nodiscard]] const std::string& key() const { return key_; }
  /// Whether the gateway is still there.
  [[nodiscard]] bool gateway_lives();
  /// What it said so far.
  [[nodiscard]] std::string gateway_said() const;

 private:
  struct StandIn {
    explicit StandIn(simulator::Options options) : shared{std::move(options)}, thread{shared, open} {}
    simulator::Shared shared;
    std::atomic<std::uint32_t> open{0};
    SimulatorThread thread;
    std::uint16_t port = 0;
  };

  void open_upstreams(const config::Config& config);
  void make_key(const std::string& data);
  void start_gateway();
  void wait_for_gateway();
  void end_gateway();

  std::string folder_, key_;
  std::vector<std::unique_ptr<StandIn>> upstreams_;
  pid_t gateway_ = -1;
  std::uint16_t port_ = 0;
};

/// The words that all stand-ins say: the seed that they share.
inline constexpr std::uint64_t stage_seed = 1;

}  // namespace bellwether::cli
