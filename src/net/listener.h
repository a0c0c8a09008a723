// Listening sockets: one for each lane and address, so that the kernel spreads connections and no lane hands one to another.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "net/loop.h"
#include "net/socket.h"
#include "net/task.h"

namespace bellwether::net {

/// Where to listen: a literal address and port, or the path of a Unix socket.
struct ListenPoint {
  std::string host;  ///< tcp; without brackets
  std::uint16_t port = 0;
  std::string path;  ///< Unix socket; then host and port mean nothing.

  /// "http://127.0.0.1:8080", "unix:/run/x.sock".
  [[nodiscard]] std::string text(bool tls) const;
};

/// Whether this socket is an address's first in this process, or joins one that is ours already.
enum class Sharing : std::uint8_t { first, further };

/// Binds and listens. A port 0 in `point` is replaced by what the kernel chose, so that the other lanes can share it. TCP sockets
/// get SO_REUSEPORT; a Unix socket is bound once and its descriptor duplicated for each lane (`duplicate`). A stale Unix socket
/// file that nobody answers on is removed first; anything else in its place is an error. Fails with a detail fit for the operator.
[[nodiscard]] Result<Socket> listen_on(ListenPoint& point, Sharing sharing);
[[nodiscard]] Result<Socket> duplicate(const Socket& socket);
/// What a listening socket is bound to.
[[nodiscard]] ListenPoint point_of(const Socket& socket);

/// Accepts on one lane until stopped. Lives on its loop.
class Listener final : private Watched {
 public:
  /// `on_connection` gets each accepted socket, non-blocking, with TCP_NODELAY set where it is TCP.
  Listener(Loop& loop, Socket socket, std::function<void(Socket)> on_connection);
  ~Listener() { stop(); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  void start();
  /// No connection is accepted afterwards; those in the kernel's queue are refused when the last lane has stopped.
  void stop();
  /// As `stop`, after everything that waits in the kernel's queue has been accepted.
  void finish();

 private:
  /// One, or one that is gone already; none waits; out of descriptors or memory.
  enum class Accepted : std::uint8_t { one, none, no_room };

  void on_events(std::uint32_t events) override;
  void accept_some();
  [[nodiscard]] Accepted accept_one();
  [[nodiscard]] Task<void> accept_later();

  Loop& loop_;
  Socket socket_;
  std::function<void(Socket)> on_connection_;
  bool tcp_ = true;
};

}  // namespace bellwether::net
