// How a command talks to a running server: through the Unix socket in the data directory, or to its admin port with the admin token.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace bellwether::cli {

/// A path under which a socket of this data folder can be bound or reached. Where the folder's own path is too long for a socket's
/// address, one through /proc; then `keep_open` must stay open for as long as the path is used.
struct SocketPath {
  std::string path;
  int keep_open = -1;
};
[[nodiscard]] SocketPath admin_socket_path(const std::string& data_folder);
/// Where a gateway can be asked to hand over (takeover.h).
[[nodiscard]] SocketPath takeover_socket_path(const std::string& data_folder);

struct AdminReply {
  int status = 0;
  std::string body;
};

/// Sends one request to the running server and waits for its reply (10 s at most). Nothing where no server runs.
/// Fails with key_rejected where the socket may not be opened, store_failed for other trouble.
[[nodiscard]] Result<std::optional<AdminReply>> ask_server(const std::string& data_folder, std::string_view method, std::string_view path,
                                                           std::string_view body);

/// The same to an admin port elsewhere, with the token that lies in its server's data folder. Plain HTTP: the port has no TLS of its own.
/// Fails with request_malformed for a URL that is none, store_failed where nobody answers.
[[nodiscard]] Result<AdminReply> ask_url(const std::string& url, const std::string& token, std::string_view method, std::string_view path,
                                         std::string_view body);

/// The admin token of a data folder: `admin.token`, made (mode 0600) where it is not there yet.
[[nodiscard]] Result<std::string> admin_token(const std::string& data_folder);
/// The token in a file, without the line end behind it.
[[nodiscard]] Result<std::string> read_token(const std::string& path);

}  // namespace bellwether::cli
