// One thread of a simulator: a loop, the simulator's handler on it, and a listener. For `sim`, and for the stand-ins of `drill`.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>

#include "cli/entropy.h"
#include "net/listener.h"
#include "net/loop.h"
#include "net/session.h"
#include "simulator/simulator.h"

namespace bellwether::cli {

constexpr std::uint32_t simulator_connections_max = 100'000;
// The simulator stands in for upstreams that have no such bounds; it must not end a connection before the gateway does.
constexpr net::SessionLimits simulator_limits{
    .request_bytes_max = std::uint64_t{256} << 20, .idle_timeout = std::chrono::hours(1), .write_timeout = std::chrono::hours(1)};

struct SimulatorThread {
  SimulatorThread(simulator::Shared& shared, std::atomic<std::uint32_t>& open)
      : loop{random_seed()}, handler{loop, shared}, server{loop, handler, simulator_limits, simulator_connections_max, open} {}

  void listen(net::Socket socket) {
    listener = std::make_unique<net::Listener>(loop, std::move(socket), [this](net::Socket connection) { server.on_connection(std::move(connection)); });
    listener->start();
  }
  void start() {
    thread = std::thread([this] { loop.run(); });
  }

  net::Loop loop;
  simulator::Simulator handler;
  net::Server server;
  std::unique_ptr<net::Listener> listener;
  std::thread thread;
};

}  // namespace bellwether::cli
