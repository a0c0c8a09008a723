// The Unix socket in the data directory: where it is, and how a command talks to the server behind it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace bellwether::cli {

/// A path under which the socket of this data folder can be bound or reached. Where the folder's own path is too long for a socket's
/// address, one through /proc; then `keep_open` must stay open for as long as the path is used.
struct AdminSocketPath {
  std::string path;
  int keep_open = -1;
};
[[nodiscard]] AdminSocketPath admin_socket_path(const std::string& data_folder);

struct AdminReply {
  int status = 0;
  std::string body;
};

/// Sends one request to the running server and waits for its reply (10 s at most). Nothing where no server runs.
/// Fails with key_rejected where the socket may not be opened, store_failed for other trouble.
[[nodiscard]] Result<std::optional<AdminReply>> ask_server(const std::string& data_folder, std::string_view method, std::string_view path,
                                                           std::string_view body);

}  // namespace bellwether::cli
