#include "net/descriptors.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace bellwether::net {
namespace {

// The kernel takes 253 with one message (SCM_MAX_FD).
constexpr std::size_t together_max = 128;
// A gateway of 256 lanes and a dozen addresses stays far below either.
constexpr std::size_t text_bytes_max = std::size_t{1} << 20;
constexpr std::size_t descriptors_max = 16384;

std::unexpected<Failure> trouble(std::string_view what) { return failed(Reason::store_failed, std::string(what) + ": " + std::strerror(errno)); }

union Ancillary {
  cmsghdr head;  // For its alignment.
  char bytes[CMSG_SPACE(sizeof(int) * together_max)];
};

}  // namespace

Result<void> send_parcels(int socket, std::span<const Parcel> parcels) {
  while (!parcels.empty()) {
    const std::span<const Parcel> some = parcels.first(std::min(parcels.size(), together_max));
    parcels = parcels.subspan(some.size());
    std::string text;
    std::vector<int> descriptors;
    for (const Parcel& parcel : some) {
      text += parcel.line + '\n';
      if (parcel.fd >= 0) descriptors.push_back(parcel.fd);
    }
    Ancillary ancillary{};
    iovec piece{text.data(), text.size()};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    if (!descriptors.empty()) {
      const std::size_t size = sizeof(int) * descriptors.size();
      message.msg_control = ancillary.bytes;
      message.msg_controllen = CMSG_SPACE(size);
      cmsghdr* const head = CMSG_FIRSTHDR(&message);
      head->cmsg_level = SOL_SOCKET;
      head->cmsg_type = SCM_RIGHTS;
      head->cmsg_len = CMSG_LEN(size);
      std::memcpy(CMSG_DATA(head), descriptors.data(), size);
    }
    const ssize_t sent = ::sendmsg(socket, &message, MSG_NOSIGNAL);
    if (sent < 0) return trouble("send");
    if (static_cast<std::size_t>(sent) != text.size()) return failed(Reason::store_failed, std::string("send: the other side does not read"));
  }
  return {};
}

Result<Received> receive_parcels(int socket, std::span<const std::string_view> last) {
  Received received;
  std::string text;
  for (;;) {
    char bytes[8192];
    Ancillary ancillary{};
    iovec piece{bytes, sizeof bytes};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = ancillary.bytes;
    message.msg_controllen = sizeof ancillary.bytes;
    const ssize_t got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return trouble("receive");
    for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr; head = CMSG_NXTHDR(&message, head)) {
      if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
      const std::size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (std::size_t i = 0; i < count; ++i) {
        int fd = -1;
        std::memcpy(&fd, CMSG_DATA(head) + i * sizeof(int), sizeof fd);
        received.descriptors.emplace_back(fd);
      }
    }
    if (got == 0) return failed(Reason::store_failed, std::string("receive: the other side went away"));
    if ((message.msg_flags & MSG_CTRUNC) != 0) return failed(Reason::store_failed, std::string("receive: descriptors were lost; too many open files?"));
    text.append(bytes, static_cast<std::size_t>(got));
    for (std::size_t end; (end = text.find('\n')) != std::string::npos; text.erase(0, end + 1)) {
      received.lines.push_back(text.substr(0, end));
      if (std::ranges::any_of(last, [&](std::string_view word) { return received.lines.back().starts_with(word); })) return received;
    }
    if (text.size() > text_bytes_max || received.lines.size() > descriptors_max || received.descriptors.size() > descriptors_max)
      return failed(Reason::store_failed, std::string("receive: the other side says too much"));
  }
}

}  // namespace bellwether::net
