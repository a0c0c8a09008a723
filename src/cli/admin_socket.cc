#include "cli/admin_socket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "http/head.h"

namespace bellwether::cli {
namespace {

constexpr int patience_s = 10;

std::unexpected<Failure> trouble(std::string_view what) {
  return failed(Reason::store_failed, fmt::format("cannot talk to the running server: {}: {}", what, std::strerror(errno)));
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd{fd} {}
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  const int fd;
};

}  // namespace

AdminSocketPath admin_socket_path(const std::string& data_folder) {
  std::string path = data_folder + "/admin.sock";
  if (path.size() < sizeof(sockaddr_un{}.sun_path)) return {std::move(path), -1};
  const int folder = ::open(data_folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return {std::move(path), -1};
  return {fmt::format("/proc/self/fd/{}/admin.sock", folder), folder};
}

Result<std::optional<AdminReply>> ask_server(const std::string& data_folder, std::string_view method, std::string_view path, std::string_view body) {
  const AdminSocketPath place = admin_socket_path(data_folder);
  const Descriptor folder{place.keep_open};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (place.path.size() >= sizeof address.sun_path) return std::optional<AdminReply>{};
  std::memcpy(address.sun_path, place.path.data(), place.path.size());
  const Descriptor socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const timeval patience{.tv_sec = patience_s, .tv_usec = 0};
  ::setsockopt(socket.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(socket.fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (::connect(socket.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR) return std::optional<AdminReply>{};
    if (errno == EACCES || errno == EPERM) return failed(Reason::key_rejected, "you may not open " + data_folder + "/admin.sock");
    return trouble("connect");
  }
  const std::string request =
      fmt::format("{} {} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{}", method, path,
                  body.size(), body);
  for (std::string_view rest = request; !rest.empty();) {
    const ssize_t sent = ::send(socket.fd, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent <= 0) return trouble("send");
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  std::string received(0, '\0');
  char piece[16384];
  for (ssize_t got; (got = ::recv(socket.fd, piece, sizeof piece, 0)) != 0;) {
    if (got < 0) return trouble("receive");
    received.append(piece, static_cast<std::size_t>(got));
  }
  http::ReplyHead head;
  std::size_t scanned = 0;
  const http::HeadResult parsed = http::parse_reply_head(received, scanned, head);
  // The admin server always says a length; a shorter body was cut.
  if (parsed.status != http::HeadResult::Status::complete || received.size() - parsed.size != head.framing.length.value_or(0))
    return failed(Reason::store_failed, std::string("the running server's reply was cut"));
  return AdminReply{head.status, received.substr(parsed.size)};
}

}  // namespace bellwether::cli
