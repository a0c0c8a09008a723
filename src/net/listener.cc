#include "net/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "net/spawn.h"

namespace bellwether::net {
namespace {

// What nginx and HAProxy ask for is smaller; the kernel caps it at net.core.somaxconn (4,096 by default).
constexpr int backlog = 4096;

std::unexpected<Failure> cannot_listen(const ListenPoint& point, std::string_view what, int error) {
  std::string text = "cannot listen on " + point.text(false) + ": " + std::string(what) + ": " + std::strerror(error);
  if (error == EADDRINUSE) text += " (another program has it; choose another with `listen`)";
  if (error == EACCES) text += " (ports below 1024 need a privilege)";
  return failed(Reason::store_failed, std::move(text));
}

Result<ListenSocket> listen_tcp(ListenPoint& point, Sharing sharing) {
  sockaddr_storage address{};
  socklen_t length = 0;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address);
  if (inet_pton(AF_INET, point.host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(point.port);
    length = sizeof *v4;
  } else if (inet_pton(AF_INET6, point.host.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(point.port);
    length = sizeof *v6;
  } else {
    return cannot_listen(point, "not an IPv4 or IPv6 address", EINVAL);
  }
  ListenSocket socket{::socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (socket.fd() < 0) return cannot_listen(point, "socket", errno);
  // Without SO_REUSEADDR a restart would wait for the last process's connections to leave TIME_WAIT.
  const int on = 1;
  ::setsockopt(socket.fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address.ss_family == AF_INET6) ::setsockopt(socket.fd(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (sharing == Sharing::first) {
    // With SO_REUSEPORT a second gateway could take half of the traffic unnoticed. A bind without it tells whether the port is free.
    ListenSocket probe{::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    ::setsockopt(probe.fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(probe.fd(), reinterpret_cast<sockaddr*>(&address), length) != 0 || (point.port != 0 && ::listen(probe.fd(), 1) != 0))
      return cannot_listen(point, "bind", errno);
  }
  ::setsockopt(socket.fd(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (::bind(socket.fd(), reinterpret_cast<sockaddr*>(&address), length) != 0) return cannot_listen(point, "bind", errno);
  if (::listen(socket.fd(), backlog) != 0) return cannot_listen(point, "listen", errno);
  if (::getsockname(socket.fd(), reinterpret_cast<sockaddr*>(&address), &length) == 0)
    point.port = ntohs(address.ss_family == AF_INET ? v4->sin_port : v6->sin6_port);
  return socket;
}

/// Whether a process answers on this Unix socket.
bool answers(const sockaddr_un& address) {
  ListenSocket probe{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  return ::connect(probe.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

Result<ListenSocket> listen_unix(const ListenPoint& point) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (point.path.size() >= sizeof address.sun_path) return cannot_listen(point, "the path is longer than a Unix socket's may be", ENAMETOOLONG);
  std::memcpy(address.sun_path, point.path.data(), point.path.size());
  ListenSocket socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (socket.fd() < 0) return cannot_listen(point, "socket", errno);
  struct stat before{};
  if (::lstat(point.path.c_str(), &before) == 0) {
    if (!S_ISSOCK(before.st_mode)) return cannot_listen(point, "a file that is not a socket is in the way", EEXIST);
    if (answers(address)) return cannot_listen(point, "bind", EADDRINUSE);
    ::unlink(point.path.c_str());
  }
  if (::bind(socket.fd(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return cannot_listen(point, "bind", errno);
  if (::listen(socket.fd(), backlog) != 0) return cannot_listen(point, "listen", errno);
  return socket;
}

}  // namespace

std::string ListenPoint::text(bool tls) const {
  if (!path.empty()) return "unix:" + path;
  const bool v6 = host.find(':') != std::string::npos;
  return std::string(tls ? "https://" : "http://") + (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

ListenSocket& ListenSocket::operator=(ListenSocket&& other) noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = other.release();
  return *this;
}

ListenSocket::~ListenSocket() {
  if (fd_ >= 0) ::close(fd_);
}

Result<ListenSocket> listen_on(ListenPoint& point, Sharing sharing) { return point.path.empty() ? listen_tcp(point, sharing) : listen_unix(point); }

Result<ListenSocket> duplicate(const ListenSocket& socket) {
  const int fd = ::fcntl(socket.fd(), F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return failed(Reason::store_failed, std::string("cannot duplicate a listening socket: ") + std::strerror(errno));
  return ListenSocket{fd};
}

Listener::Listener(Loop& loop, ListenSocket socket, std::function<void(Socket)> on_connection)
    : loop_{loop}, acceptor_{loop.executor()}, on_connection_{std::move(on_connection)} {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  ::getsockname(socket.fd(), reinterpret_cast<sockaddr*>(&address), &length);
  tcp_ = address.ss_family != AF_UNIX;
  acceptor_.assign(asio::generic::stream_protocol(address.ss_family, 0), socket.release());
}

void Listener::start() {
  spawn(loop_, "listener", [this] { return accept_all(); });
}

void Listener::stop() {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
}

Task<void> Listener::accept_all() {
  Timer pause{loop_.executor()};
  while (acceptor_.is_open()) {
    Socket socket{loop_.executor()};
    const auto [error] = co_await await_handler<boost::system::error_code>([&](auto handler) { acceptor_.async_accept(socket, std::move(handler)); });
    if (error) {
      if (!acceptor_.is_open()) co_return;
      // Out of descriptors or memory: the connection stays in the kernel's queue; trying again at once would spin.
      pause.expires_after(std::chrono::milliseconds(50));
      std::ignore = co_await wait_for(pause);
      continue;
    }
    if (tcp_) {
      const int on = 1;
      ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    on_connection_(std::move(socket));
  }
}

}  // namespace bellwether::net
