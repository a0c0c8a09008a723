#include "cli/service_manager.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <string>

#include "net/socket.h"

namespace bellwether::cli {
namespace {

void tell(const std::string& text) {
  const char* const place = std::getenv("NOTIFY_SOCKET");
  if (place == nullptr || (*place != '/' && *place != '@')) return;
  std::string path = place;
  if (path.front() == '@') path.front() = '\0';  // In the abstract namespace.
  std::optional<net::Address> address = net::address_of_path(path);
  if (!address) return;
  if (path.front() == '\0') --address->size;  // There the terminating zero would be a part of the name.
  const net::Socket socket{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  std::ignore = ::sendto(socket.fd(), text.data(), text.size(), MSG_NOSIGNAL, address->data(), address->size);
}

}  // namespace

void tell_ready() { tell(fmt::format("READY=1\nMAINPID={}\n", ::getpid())); }

void tell_reloading() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  tell(fmt::format("RELOADING=1\nMONOTONIC_USEC={}\n", static_cast<long long>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1000));
}

void tell_stopping() { tell("STOPPING=1\n"); }

}  // namespace bellwether::cli
