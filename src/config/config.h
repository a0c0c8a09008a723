// The configuration as values: what the TOML file says after it was read strictly, merged with flags and environment.
// The file's catalog part becomes a Revision; the rest are settings of the process.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "catalog/model.h"
#include "catalog/upstream.h"

namespace bellwether::config {

/// Where to listen: "127.0.0.1:8080", "[::1]:8080", "unix:/run/bellwether.sock". Port 0 picks a free one.
struct ListenAddress {
  enum class Kind : std::uint8_t { tcp, unix_socket } kind = Kind::tcp;
  std::string host = "127.0.0.1";  ///< tcp: a literal IPv4 or IPv6 address, without brackets.
  std::uint16_t port = 8080;
  std::string path;  ///< unix_socket
  friend bool operator==(const ListenAddress&, const ListenAddress&) = default;
};

/// Bounds on what a caller may make us hold or wait for.
struct CallerLimits {
  std::uint64_t request_bytes_max = std::uint64_t{32} << 20;  ///< A request's body.
  std::uint64_t reply_bytes_max = std::uint64_t{64} << 20;    ///< An upstream's reply that is not a stream; one event of a stream.
  Duration head_timeout = std::chrono::seconds(10);           ///< From its first byte to the end of a request's head.
  Duration body_timeout = std::chrono::seconds(30);           ///< Between two reads of a request's body, and before its least rate counts.
  Duration idle_timeout = std::chrono::seconds(75);           ///< An unused keep-alive connection of a caller.
  Duration write_timeout = std::chrono::seconds(30);          ///< A caller that takes nothing of its reply for this long is gone.
  std::uint32_t connections_max = 16384;                      ///< Callers' connections, whole process.
};

struct TlsFiles {
  std::string certificate;  ///< PEM, with its chain.
  std::string private_key;  ///< PEM; a file's path.
};

struct Log {
  std::string access = "stdout";  ///< "stdout", "off" or a file's path.
};

struct Compat {
  int unknown_model_status = 400;  ///< 400 or 404.
};

struct Config {
  std::string file;  ///< Where it was read; empty without one.
  std::vector<ListenAddress> listen{ListenAddress{}};
  std::optional<ListenAddress> admin;    ///< Absent: see `admin_address`.
  std::string data = "bellwether-data";  ///< From a file: relative to that file's folder.
  std::optional<TlsFiles> tls;
  CallerLimits limits;
  Log log;
  Compat compat;
  std::uint32_t lanes = 0;  ///< 0: one for each core.
  Duration drain_timeout = std::chrono::seconds(30);
  Duration keep_alive_comment = std::chrono::seconds(15);  ///< `: keep-alive` into a stream whose upstream is silent.
  std::vector<catalog::Upstream> upstreams;
  std::vector<catalog::Model> models;  ///< Empty: every model that the upstreams list is served under its own name.

  [[nodiscard]] ListenAddress admin_address() const { return admin.value_or(ListenAddress{.port = 8081}); }
};

}  // namespace bellwether::config
