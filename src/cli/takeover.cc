#include "cli/takeover.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "cli/admin_socket.h"
#include "cli/version.h"
#include "net/descriptors.h"

namespace bellwether::cli {
namespace {

constexpr std::string_view hello = "take-over ";
constexpr std::string_view refused = "refused ";
constexpr std::string_view end = "end ";
constexpr std::string_view lock_line = "lock";
constexpr std::array doors = {Door::callers, Door::admin, Door::admin_unix, Door::takeover};

std::unexpected<Failure> cannot(std::string_view why) { return failed(Reason::store_failed, "cannot take over: " + std::string(why)); }

std::string line_of(const DoorSocket& socket) {
  return fmt::format("socket {} {}", to_text(socket.door), socket.opener == Opener::gateway ? "gateway" : "service-manager");
}

/// The socket that a line tells of, without it.
std::optional<DoorSocket> socket_of(std::string_view line) {
  for (const Door door : doors)
    for (const Opener opener : {Opener::gateway, Opener::service_manager}) {
      DoorSocket socket{door, opener, {}};
      if (line_of(socket) == line) return socket;
    }
  return std::nullopt;
}

}  // namespace

Result<Takeover> begin_takeover(const std::string& data_folder) {
  const SocketPath place = takeover_socket_path(data_folder);
  const net::Socket folder{place.keep_open};
  const auto address = net::address_of_path(place.path);
  if (!address) return cannot("the data folder " + data_folder + " cannot be opened");
  Takeover takeover;
  takeover.conversation = net::Socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const int socket = takeover.conversation.fd();
  const timeval patience{.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(takeover_patience).count(), .tv_usec = 0};
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (::connect(socket, address->data(), address->size) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR)
      return cannot("no gateway runs on the data folder " + data_folder + "; start this one without --take-over");
    return cannot(fmt::format("connect to {}: {}", place.path, std::strerror(errno)));
  }
  const std::array greeting{net::Parcel{fmt::format("{}{} {}", hello, takeover_protocol, version()), -1}};
  if (auto sent = net::send_parcels(socket, greeting); !sent) return cannot(sent.error().detail.text);
  const std::array last{end, refused};
  auto received = net::receive_parcels(socket, last);
  if (!received) return cannot("the running gateway does not answer: " + received.error().detail.text.str());
  std::vector<std::string>& lines = received->lines;
  if (lines.back().starts_with(refused)) return cannot(lines.back().substr(refused.size()));
  takeover.pid = lines.back().substr(end.size());
  lines.pop_back();
  if (lines.size() != received->descriptors.size()) return cannot("the running gateway passed on fewer sockets than it told of");
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i] == lock_line) {
      takeover.lock = std::move(received->descriptors[i]);
      continue;
    }
    std::optional<DoorSocket> given = socket_of(lines[i]);
    if (!given) return cannot("the running gateway passed on something unknown: " + lines[i]);
    given->socket = std::move(received->descriptors[i]);
    takeover.sockets.add(*std::move(given));
  }
  if (!takeover.lock.is_open()) return cannot("the running gateway did not pass on the data folder's lock");
  ::fcntl(socket, F_SETFL, ::fcntl(socket, F_GETFL) | O_NONBLOCK);
  return takeover;
}

Result<void> check_takeover_hello(std::string_view line) {
  if (!line.starts_with(hello)) return failed(Reason::request_malformed, std::string("this is the take-over socket of a Bellwether gateway"));
  line.remove_prefix(hello.size());
  if (line.substr(0, line.find(' ')) != std::to_string(takeover_protocol))
    return failed(Reason::request_malformed, fmt::format("the running gateway (version {}) hands over by protocol {}, not {}; restart it instead", version(),
                                                         takeover_protocol, line.substr(0, line.find(' '))));
  return {};
}

Result<void> send_takeover(int conversation, const std::vector<DoorSocket>& sockets, int lock) {
  std::vector<net::Parcel> parcels;
  for (const DoorSocket& socket : sockets) parcels.push_back({line_of(socket), socket.socket.fd()});
  parcels.push_back({std::string(lock_line), lock});
  parcels.push_back({fmt::format("{}{}", end, ::getpid()), -1});
  return net::send_parcels(conversation, parcels);
}

net::Task<TakeoverLine> hear(net::Stream& stream, Duration patience) {
  constexpr std::size_t line_bytes_max = 4096;
  TakeoverLine line;
  stream.set_deadline(stream.loop().now() + patience);
  while (!line.text.ends_with('\n')) {
    char bytes[512];
    const net::IoResult got = co_await stream.read(bytes);
    line.status = got.status;
    if (got.status == net::IoStatus::ok) line.text.append(bytes, got.bytes);
    if (got.status != net::IoStatus::ok || line.text.size() > line_bytes_max) {
      line.text.clear();
      co_return line;
    }
  }
  line.text.pop_back();
  co_return line;
}

net::Task<net::IoStatus> say(net::Stream& stream, std::string line) {
  line += '\n';
  const iovec piece{line.data(), line.size()};
  co_return co_await stream.write_all({&piece, 1}, takeover_patience);
}

}  // namespace bellwether::cli
