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
#include <stdexcept>

#include "net/spawn.h"

namespace bellwether::net {
namespace {

// What nginx and HAProxy ask for is smaller; the kernel caps it at net.core.somaxconn (4,096 by default).
constexpr int backlog = 4096;
// A flood of connections must not keep those that are open waiting.
constexpr int accepted_at_once_max = 64;

std::unexpected<Failure> cannot_listen(const ListenPoint& point, std::string_view what, int error) {
  std::string text = "cannot listen on " + point.text(false) + ": " + std::string(what) + ": " + std::strerror(error);
  if (error == EADDRINUSE) text += " (another program has it; choose another with `listen`)";
  if (error == EACCES) text += " (ports below 1024 need a privilege)";
  return failed(Reason::store_failed, std::move(text));
}

Result<Socket> listen_tcp(ListenPoint& point, Sharing sharing) {
  const std::optional<Address> address = address_of(point.host, point.port);
  if (!address) return cannot_listen(point, "not an IPv4 or IPv6 address", EINVAL);
  Socket socket{::socket(address->family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!socket.is_open()) return cannot_listen(point, "socket", errno);
  // Without SO_REUSEADDR a restart would wait for the last process's connections to leave TIME_WAIT.
  const int on = 1;
  ::setsockopt(socket.fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address->family() == AF_INET6) ::setsockopt(socket.fd(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (sharing == Sharing::first) {
    // With SO_REUSEPORT a second gateway could take half of the traffic unnoticed. A bind without it tells whether the port is free.
    const Socket probe{::socket(address->family(), SOCK_STREAM | SOCK_CLOEXEC, 0)};
    ::setsockopt(probe.fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(probe.fd(), address->data(), address->size) != 0 || (point.port != 0 && ::listen(probe.fd(), 1) != 0))
      return cannot_listen(point, "bind", errno);
  }
  ::setsockopt(socket.fd(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (::bind(socket.fd(), address->data(), address->size) != 0) return cannot_listen(point, "bind", errno);
  if (::listen(socket.fd(), backlog) != 0) return cannot_listen(point, "listen", errno);
  Address bound;
  bound.size = sizeof bound.storage;
  if (::getsockname(socket.fd(), reinterpret_cast<sockaddr*>(&bound.storage), &bound.size) == 0) point.port = bound.port();
  return socket;
}

/// Whether a process answers on this Unix socket.
bool answers(const Address& address) {
  const Socket probe{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  return ::connect(probe.fd(), address.data(), address.size) == 0;
}

Result<Socket> listen_unix(const ListenPoint& point) {
  const std::optional<Address> address = address_of_path(point.path);
  if (!address) return cannot_listen(point, "the path is longer than a Unix socket's may be", ENAMETOOLONG);
  Socket socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!socket.is_open()) return cannot_listen(point, "socket", errno);
  struct stat before{};
  if (::lstat(point.path.c_str(), &before) == 0) {
    if (!S_ISSOCK(before.st_mode)) return cannot_listen(point, "a file that is not a socket is in the way", EEXIST);
    if (answers(*address)) return cannot_listen(point, "bind", EADDRINUSE);
    ::unlink(point.path.c_str());
  }
  if (::bind(socket.fd(), address->data(), address->size) != 0) return cannot_listen(point, "bind", errno);
  if (::listen(socket.fd(), backlog) != 0) return cannot_listen(point, "listen", errno);
  return socket;
}

}  // namespace

std::string ListenPoint::text(bool tls) const {
  if (!path.empty()) return "unix:" + path;
  const bool v6 = host.find(':') != std::string::npos;
  return std::string(tls ? "https://" : "http://") + (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<Socket> listen_on(ListenPoint& point, Sharing sharing) { return point.path.empty() ? listen_tcp(point, sharing) : listen_unix(point); }

Result<Socket> duplicate(const Socket& socket) {
  const int fd = ::fcntl(socket.fd(), F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return failed(Reason::store_failed, std::string("cannot duplicate a listening socket: ") + std::strerror(errno));
  return Socket{fd};
}

ListenPoint point_of(const Socket& socket) {
  Address address;
  address.size = sizeof address.storage;
  if (::getsockname(socket.fd(), reinterpret_cast<sockaddr*>(&address.storage), &address.size) != 0) return {};
  ListenPoint point;
  point.port = address.port();
  char text[INET6_ADDRSTRLEN] = "";
  if (address.family() == AF_INET) ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_addr, text, sizeof text);
  if (address.family() == AF_INET6) ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(&address.storage)->sin6_addr, text, sizeof text);
  point.host = text;
  // Ends with a zero: the storage is larger than any path, and was zeroed.
  if (address.family() == AF_UNIX) point.path = reinterpret_cast<const sockaddr_un*>(&address.storage)->sun_path;
  return point;
}

Listener::Listener(Loop& loop, Socket socket, std::function<void(Socket)> on_connection)
    : loop_{loop}, socket_{std::move(socket)}, on_connection_{std::move(on_connection)} {
  Address address;
  address.size = sizeof address.storage;
  ::getsockname(socket_.fd(), reinterpret_cast<sockaddr*>(&address.storage), &address.size);
  tcp_ = address.family() != AF_UNIX;
}

void Listener::start() {
  if (!loop_.watch(socket_.fd(), *this)) throw std::runtime_error(std::string("cannot watch a listening socket: ") + std::strerror(errno));
}

void Listener::stop() {
  if (!socket_.is_open()) return;
  // Unwatched by name: for a Unix socket the other lanes' duplicates keep it open.
  loop_.unwatch(socket_.fd(), *this);
  socket_.close();
}

void Listener::finish() {
  // Bounded by what the queue can hold: more than that came while we were at it, and would come for ever.
  for (int accepted = 0; socket_.is_open() && accepted < backlog && accept_one() == Accepted::one; ++accepted) {}
  stop();
}

void Listener::on_events(std::uint32_t) { accept_some(); }

void Listener::accept_some() {
  for (int accepted = 0; socket_.is_open(); ++accepted) {
    if (accepted == accepted_at_once_max) return loop_.post([this] { accept_some(); });
    const Accepted what = accept_one();
    if (what == Accepted::none) return;
    if (what == Accepted::no_room) {
      // The connection stays in the kernel's queue; trying again at once would spin.
      spawn(loop_, "listener", [this] { return accept_later(); });
      return;
    }
  }
}

Listener::Accepted Listener::accept_one() {
  Socket connection{::accept4(socket_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
  if (!connection.is_open()) {
    if (errno == EAGAIN || errno == EWOULDBLOCK) return Accepted::none;
    return errno == ECONNABORTED || errno == EINTR ? Accepted::one : Accepted::no_room;
  }
  if (tcp_) {
    const int on = 1;
    ::setsockopt(connection.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  on_connection_(std::move(connection));
  return Accepted::one;
}

Task<void> Listener::accept_later() {
  co_await loop_.sleep_for(std::chrono::milliseconds(50));
  accept_some();
}

}  // namespace bellwether::net
