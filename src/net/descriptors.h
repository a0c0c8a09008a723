// Descriptors on their way from one process to another: text with SCM_RIGHTS beside it, over a Unix stream socket.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/socket.h"

namespace bellwether::net {

/// A line of text, and the descriptor that it tells of; -1 for none.
struct Parcel {
  std::string line;
  int fd = -1;
};

/// Sends all, in order. Blocks only as the socket does. Fails with store_failed.
[[nodiscard]] Result<void> send_parcels(int socket, std::span<const Parcel> parcels);

struct Received {
  std::vector<std::string> lines;
  std::vector<Socket> descriptors;  ///< In the order in which they were sent; close-on-exec.
};

/// Receives until a line begins with one of `last`, for at most as long as the (blocking) socket waits for each message.
/// Fails with store_failed: the other side went away, or said too much.
[[nodiscard]] Result<Received> receive_parcels(int socket, std::span<const std::string_view> last);

}  // namespace bellwether::net
