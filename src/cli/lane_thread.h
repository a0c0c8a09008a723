// A lane with its thread, its callers' endpoints and its listeners. Made and ended by serve.cc; in between the lane's thread owns
// everything in it, and others reach it by `post`.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "api/callers.h"
#include "gateway/lane.h"
#include "net/listener.h"
#include "net/loop.h"
#include "net/session.h"

namespace bellwether::cli {

/// What all lanes are told alike, at the start and by a reload.
struct LaneSettings {
  gateway::Settings gateway;
  net::SessionLimits limits;
  std::uint32_t connections_max = 0;
  api::Compat compat;
  net::TlsContext tls;
};

class LaneThread {
 public:
  LaneThread(std::size_t number, std::size_t lanes, std::uint64_t seed, const LaneSettings& settings, telemetry::AccessLog& access_log,
             std::atomic<std::uint32_t>& open_connections)
      : loop{seed},
        lane{loop, number, lanes, settings.gateway, access_log},
        callers{lane, settings.compat},
        server{loop, callers, settings.limits, settings.connections_max, open_connections} {
    server.set_tls(settings.tls);
  }
  ~LaneThread() {
    if (thread_.joinable()) {
      loop.stop();
      thread_.join();
    }
    loop.end_roots();  // Sessions that are still open use the server.
  }

  // Before `start`.
  void listen(net::Socket socket) {
    listeners_.push_back(
        std::make_unique<net::Listener>(loop, std::move(socket), [this](net::Socket connection) { server.on_connection(std::move(connection)); }));
  }

  /// Runs the loop. Connections are accepted once `start_listening` has been called, before or after.
  void start() {
    thread_ = std::thread([this] { loop.run(); });
  }

  // Lane's thread.
  void adopt(const LaneSettings& settings) {
    lane.adopt(settings.gateway);
    callers.adopt(settings.compat);
    server.set_limits(settings.limits, settings.connections_max);
    server.set_tls(settings.tls);
  }
  void start_listening() {
    for (const auto& listener : listeners_) listener->start();
  }
  /// What waits in the kernel's queue is left to another process.
  void stop_listening() {
    for (const auto& listener : listeners_) listener->stop();
  }
  /// It is taken first: nobody else will.
  void finish_listening() {
    for (const auto& listener : listeners_) listener->finish();
  }

  net::Loop loop;
  gateway::Lane lane;
  api::Callers callers;
  net::Server server;

 private:
  std::vector<std::unique_ptr<net::Listener>> listeners_;
  std::thread thread_;
};

}  // namespace bellwether::cli
