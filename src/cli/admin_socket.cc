#include "cli/admin_socket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "accounts/key.h"
#include "cli/entropy.h"
#include "config/read.h"
#include "http/head.h"
#include "store/data_folder.h"

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

void be_patient(int socket) {
  const timeval patience{.tv_sec = patience_s, .tv_usec = 0};
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

Result<AdminReply> converse(int socket, std::string_view method, std::string_view path, std::string_view body, std::string_view fields) {
  const std::string request =
      fmt::format("{} {} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{}content-type: application/json\r\ncontent-length: {}\r\n\r\n{}", method, path,
                  fields, body.size(), body);
  for (std::string_view rest = request; !rest.empty();) {
    const ssize_t sent = ::send(socket, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent <= 0) return trouble("send");
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  std::string received;
  char piece[16384];
  for (ssize_t got; (got = ::recv(socket, piece, sizeof piece, 0)) != 0;) {
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

SocketPath socket_path(const std::string& data_folder, std::string_view name) {
  std::string path = fmt::format("{}/{}", data_folder, name);
  if (path.size() < sizeof(sockaddr_un{}.sun_path)) return {std::move(path), -1};
  const int folder = ::open(data_folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return {std::move(path), -1};
  return {fmt::format("/proc/self/fd/{}/{}", folder, name), folder};
}

}  // namespace

SocketPath admin_socket_path(const std::string& data_folder) { return socket_path(data_folder, "admin.sock"); }

SocketPath takeover_socket_path(const std::string& data_folder) { return socket_path(data_folder, "takeover.sock"); }

Result<std::optional<AdminReply>> ask_server(const std::string& data_folder, std::string_view method, std::string_view path, std::string_view body) {
  const SocketPath place = admin_socket_path(data_folder);
  const Descriptor folder{place.keep_open};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (place.path.size() >= sizeof address.sun_path) return std::optional<AdminReply>{};
  std::memcpy(address.sun_path, place.path.data(), place.path.size());
  const Descriptor socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (socket.fd < 0) return trouble("socket");
  be_patient(socket.fd);
  if (::connect(socket.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR) return std::optional<AdminReply>{};
    if (errno == EACCES || errno == EPERM) return failed(Reason::key_rejected, "you may not open " + data_folder + "/admin.sock");
    return trouble("connect");
  }
  BW_TRY(reply, converse(socket.fd, method, path, body, ""));
  return std::optional(std::move(reply));
}

Result<AdminReply> ask_url(const std::string& url, const std::string& token, std::string_view method, std::string_view path, std::string_view body) {
  const auto parsed = config::parse_url(url);
  if (!parsed || parsed->scheme != catalog::Url::Scheme::http)
    return failed(Reason::request_malformed, PublicText{"--admin-url takes the admin port's address such as http://127.0.0.1:8081, not " + url});
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(parsed->host.c_str(), std::to_string(parsed->port).c_str(), &wanted, &found); error != 0)
    return failed(Reason::store_failed, fmt::format("cannot talk to {}: {}", url, ::gai_strerror(error)));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses{found, &::freeaddrinfo};
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    const Descriptor socket{::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (socket.fd < 0) continue;
    be_patient(socket.fd);
    if (::connect(socket.fd, address->ai_addr, address->ai_addrlen) != 0) continue;
    return converse(socket.fd, method, parsed->path + std::string(path), body, "authorization: Bearer " + token + "\r\n");
  }
  return failed(Reason::store_failed, fmt::format("cannot talk to {}: {}", url, std::strerror(errno)));
}

Result<std::string> read_token(const std::string& path) {
  BW_TRY(text, store::read_file(path));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  // It goes into a header: a byte that does not belong there would end it.
  if (text.empty() || std::ranges::any_of(text, [](char c) { return c <= ' ' || c > '~'; }))
    return failed(Reason::request_malformed, PublicText{path + " holds no admin token"});
  return std::move(text);
}

Result<std::string> admin_token(const std::string& data_folder) {
  const std::string path = data_folder + "/admin.token";
  if (::access(path.c_str(), F_OK) == 0) return read_token(path);
  // As strong as a key, and not to be taken for one.
  const accounts::KeyEntropy bytes = key_entropy();
  std::array<std::uint8_t, 64> entropy{};
  std::copy_n(bytes.begin(), entropy.size(), entropy.begin());
  std::string token = "hsadmin_" + accounts::make_key_text(entropy).substr(accounts::key_prefix.size());
  BW_TRY_DONE(store::replace_file(path, token + "\n"));
  return token;
}

}  // namespace bellwether::cli
