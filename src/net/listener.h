// Listening sockets: one for each lane and address, so that the kernel spreads connections and no lane hands one to another.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "base/result.h"
#include "net/loop.h"
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

/// A listening file descriptor, owned.
class ListenSocket {
 public:
  ListenSocket() = default;
  explicit ListenSocket(int fd) : fd_{fd} {}
  ListenSocket(ListenSocket&& other) noexcept : fd_{other.release()} {}
  ListenSocket& operator=(ListenSocket&& other) noexcept;
  ~ListenSocket();
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

/// Whether this socket is an address's first in this process, or joins one that is ours already.
enum class Sharing : std::uint8_t { first, further };

/// Binds and listens. A port 0 in `point` is replaced by what the kernel chose, so that the other lanes can share it. TCP sockets
/// get SO_REUSEPORT; a Unix socket is bound once and its descriptor duplicated for each lane (`duplicate`). A stale Unix socket
/// file that nobody answers on is removed first; anything else in its place is an error. Fails with a detail fit for the operator.
[[nodiscard]] Result<ListenSocket> listen_on(ListenPoint& point, Sharing sharing);
[[nodiscard]] Result<ListenSocket> duplicate(const ListenSocket& socket);

/// Accepts on one lane until stopped. Lives on its loop.
class Listener {
 public:
  /// `on_connection` gets each accepted socket, non-blocking, with TCP_NODELAY set where it is TCP.
  Listener(Loop& loop, ListenSocket socket, std::function<void(Socket)> on_connection);
  void start();
  /// No connection is accepted afterwards; those in the kernel's queue are refused when the last lane has stopped.
  void stop();

 private:
  [[nodiscard]] Task<void> accept_all();

  Loop& loop_;
  asio::basic_socket_acceptor<asio::generic::stream_protocol, Executor> acceptor_;
  std::function<void(Socket)> on_connection_;
  bool tcp_;
};

}  // namespace bellwether::net
