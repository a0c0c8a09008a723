// Listening sockets that somebody else opened for us: systemd (socket activation, sd_listen_fds(3)), or the gateway that this process
// takes over from. Matched to the addresses of the configuration; what is not inherited is bound as usual.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/listener.h"

namespace bellwether::cli {

/// What a listening socket of the gateway is for.
enum class Door : std::uint8_t { callers, admin, admin_unix, takeover };
[[nodiscard]] std::string_view to_text(Door door);

/// Who opened a socket first. A socket file of systemd's stays when we leave.
enum class Opener : std::uint8_t { gateway, service_manager };

/// A listening socket that this process holds for all of its lanes, which have duplicates: so that it can be passed on.
struct DoorSocket {
  Door door = Door::callers;
  Opener opener = Opener::gateway;
  net::Socket socket;
};

class Inheritance {
 public:
  /// What systemd passed to this process; nothing where it did not. Clears the environment of it, and keeps the descriptors from
  /// children. Fails where one of them is no listening stream socket.
  [[nodiscard]] static Result<Inheritance> from_service_manager();
  /// What a gateway passed on.
  void add(DoorSocket socket);

  /// All that are for this address; none if it must be bound. A port 0 in `point` takes what a gateway bound
  /// for it, and is replaced.
  /// From systemd a socket named `admin` is the admin address whatever it is bound to.
  [[nodiscard]] std::vector<DoorSocket> take(Door door, net::ListenPoint& point);
  [[nodiscard]] bool empty() const { return sockets_.empty(); }
  /// Addresses of what has not been taken, for people.
  [[nodiscard]] std::string left() const;

 private:
  struct Given {
    DoorSocket socket;
    std::string name;  ///< systemd's.
    net::ListenPoint point;
  };
  [[nodiscard]] static bool fits(const Given& given, Door door, const net::ListenPoint& point);

  std::vector<Given> sockets_;
};

}  // namespace bellwether::cli
