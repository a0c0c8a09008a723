// Where a client's requests go. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace bellwether::client {

struct BaseUrl {
  std::string host;  ///< Name or address, without brackets; empty for a Unix socket.
  std::uint16_t port = 0;
  std::string socket_path;
  bool tls = false;
  std::string authority;  ///< For `host:`.
  std::string path;       ///< In front of every request's; no slash at its end.
};

/// "http://host[:port][/path]", "https://…", "unix:/path". The text says what is wrong with another.
[[nodiscard]] std::variant<BaseUrl, std::string> read_base_url(std::string_view text);

}  // namespace bellwether::client
