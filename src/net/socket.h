// A file descriptor, owned; and the addresses that sockets are bound and connected to.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace bellwether::net {

/// Closes what it holds. Move-only.
class Socket {
 public:
  Socket() = default;
  explicit Socket(int fd) : fd_{fd} {}
  Socket(Socket&& other) noexcept : fd_{other.release()} {}
  Socket& operator=(Socket&& other) noexcept;
  ~Socket() { close(); }

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  void close();

 private:
  int fd_ = -1;
};

/// Of any family, as the kernel wants it.
struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;

  [[nodiscard]] const sockaddr* data() const { return reinterpret_cast<const sockaddr*>(&storage); }
  [[nodiscard]] int family() const { return storage.ss_family; }
  void set_port(std::uint16_t port);
  /// 0 for a Unix socket's.
  [[nodiscard]] std::uint16_t port() const;
};

/// Of a literal IPv4 or IPv6 address; nothing for a name.
[[nodiscard]] std::optional<Address> address_of(const std::string& literal, std::uint16_t port);
/// Of a Unix socket's path; nothing if that is longer than the kernel takes (107 bytes, unix(7)).
[[nodiscard]] std::optional<Address> address_of_path(const std::string& path);

}  // namespace bellwether::net
