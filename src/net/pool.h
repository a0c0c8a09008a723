// Connections to one upstream, on one lane: made when needed, kept for the next request, bounded in number. Last used, first
// taken, so that under a light load the rest grow old and go.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/stream.h"
#include "net/tls.h"

namespace bellwether::net {

/// Whom to connect to.
struct Target {
  std::string host;  ///< Name or literal address; empty for a Unix socket.
  std::uint16_t port = 0;
  std::string socket_path;  ///< Unix socket.
  bool tls = false;
  friend bool operator==(const Target&, const Target&) = default;
};

struct PoolLimits {
  std::uint32_t connections_max = 1024;
  std::uint32_t idle_max = 256;
  Duration idle_for = std::chrono::seconds(60);
  friend bool operator==(const PoolLimits&, const PoolLimits&) = default;
};

/// What a pool did, for counters. Called on the loop.
struct PoolObserver {
  std::function<void()> opened, closed, reused;
};

class Pool;

/// A connection on loan for one attempt. Given back by `keep` when the reply was read to its end and both sides go on;
/// closed otherwise. Move-only.
class Lease {
 public:
  Lease(Pool& pool, std::unique_ptr<Stream> stream, bool reused) : pool_{&pool}, stream_{std::move(stream)}, reused_{reused} {}
  Lease(Lease&& other) noexcept : pool_{std::exchange(other.pool_, nullptr)}, stream_{std::move(other.stream_)}, reused_{other.reused_} {}
  Lease& operator=(Lease&&) = delete;
  ~Lease();

  [[nodiscard]] Stream& stream() { return *stream_; }
  /// It served an earlier request: the upstream may have closed it in the meantime.
  [[nodiscard]] bool reused() const { return reused_; }
  void keep() &&;

 private:
  Pool* pool_;  ///< Null once moved or ended.
  std::unique_ptr<Stream> stream_;
  bool reused_;
};

/// Waits at most `pool` for a free place, then at most `connect` for DNS, TCP and TLS together.
struct LeaseTimeouts {
  Duration pool;
  Duration connect;
};

class Pool {
 public:
  Pool(Loop& loop, Target target, PoolLimits limits, PoolObserver observer);
  ~Pool();  ///< No lease may be out.
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  enum class Wanted : std::uint8_t { any, fresh };
  /// A connection that is ready to be written to. `total` bounds everything. Fails with upstream_unreachable (refused, DNS, TLS),
  /// upstream_timeout (connect, or the wait for a place), caller_gone (`abandon` was called meanwhile).
  /// `waiting` is where the caller's hang-up finds what to cancel; it must outlive the call.
  struct Waiting {
    std::function<void()> cancel;  ///< Set while something can be cancelled.
    bool cancelled = false;
  };
  [[nodiscard]] Prompt<Result<Lease>> lease(Wanted wanted, LeaseTimeouts timeouts, TimePoint total, Waiting& waiting);

  [[nodiscard]] const Target& target() const { return target_; }
  [[nodiscard]] const PoolLimits& limits() const { return limits_; }
  [[nodiscard]] std::uint32_t open() const { return open_; }
  [[nodiscard]] bool unused() const { return open_ == idle_.size() && queue_.empty(); }
  /// Closes what has been idle for too long.
  void sweep(TimePoint now);

 private:
  friend class Lease;
  struct Idle {
    std::unique_ptr<Stream> stream;
    TimePoint since;
  };
  struct Place;  ///< One that waits for a free place.

  [[nodiscard]] Task<Result<Lease>> lease_slowly(Wanted wanted, LeaseTimeouts timeouts, TimePoint total, Waiting& waiting);
  [[nodiscard]] Task<Result<std::unique_ptr<Stream>>> connect(TimePoint until, Waiting& waiting);
  [[nodiscard]] Task<Result<std::unique_ptr<Stream>>> connect_to(const Address& address, TimePoint until, Waiting& waiting);
  [[nodiscard]] Task<Result<std::vector<Address>>> resolve(TimePoint until, Waiting& waiting);
  void give_back(std::unique_ptr<Stream> stream);
  void ended();
  [[nodiscard]] std::unique_ptr<Stream> take_idle();

  Loop& loop_;
  Target target_;
  PoolLimits limits_;
  PoolObserver observer_;
  TlsSessionCache sessions_;  ///< Before the context, which points to it.
  TlsContext tls_;
  std::string tls_trouble_;         ///< Why there is no context.
  std::vector<Idle> idle_;          ///< The last is the youngest.
  std::uint32_t open_ = 0;          ///< Connections made or being made, idle ones included.
  std::deque<Place*> queue_;        ///< First come, first served.
  std::vector<Address> addresses_;  ///< Of the last look-up.
  TimePoint addresses_until_{};
};

}  // namespace bellwether::net
