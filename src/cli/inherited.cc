#include "cli/inherited.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>

namespace bellwether::cli {
namespace {

constexpr int first_passed = 3;  // SD_LISTEN_FDS_START
constexpr const char* admin_name = "admin";

std::string take_environment(const char* name) {
  const char* const value = std::getenv(name);
  std::string text = value != nullptr ? value : "";
  ::unsetenv(name);
  return text;
}

long number_of(const std::string& text) {
  long number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

int option_of(int fd, int option) {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

bool same_host(const std::string& one, const std::string& other) {
  const auto a = net::address_of(one, 0), b = net::address_of(other, 0);
  return a && b && a->size == b->size && std::memcmp(a->data(), b->data(), a->size) == 0;
}

}  // namespace

std::string_view to_text(Door door) {
  switch (door) {
    case Door::callers: return "callers";
    case Door::admin: return "admin";
    case Door::admin_unix: return "admin.sock";
    case Door::takeover: return "takeover.sock";
  }
  return {};
}

Result<Inheritance> Inheritance::from_service_manager() {
  Inheritance inheritance;
  const std::string pid = take_environment("LISTEN_PID"), count = take_environment("LISTEN_FDS");
  std::string names = take_environment("LISTEN_FDNAMES");
  // Variables that were meant for a parent of ours.
  if (number_of(pid) != ::getpid()) return inheritance;
  for (int fd = first_passed; fd < first_passed + number_of(count); ++fd) {
    const std::size_t colon = std::min(names.find(':'), names.size());
    Given given{{Door::callers, Opener::service_manager, net::Socket{fd}}, names.substr(0, colon), {}};
    names.erase(0, colon + 1);
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
    if (option_of(fd, SO_ACCEPTCONN) != 1 || option_of(fd, SO_TYPE) != SOCK_STREAM)
      return failed(Reason::store_failed, "descriptor " + std::to_string(fd) + " (" + given.name + ") of LISTEN_FDS is no listening stream socket");
    given.point = net::point_of(given.socket.socket);
    inheritance.sockets_.push_back(std::move(given));
  }
  return inheritance;
}

void Inheritance::add(DoorSocket socket) {
  net::ListenPoint point = net::point_of(socket.socket);
  sockets_.push_back({std::move(socket), {}, std::move(point)});
}

bool Inheritance::fits(const Given& given, Door door, const net::ListenPoint& point) {
  const bool by_systemd = given.name == admin_name && given.socket.opener == Opener::service_manager;
  if (by_systemd) return door == Door::admin;
  const bool passed_on = given.name.empty();
  if (passed_on && given.socket.door != door) return false;
  // Their place is the data folder, however its path is spelt.
  if (door == Door::admin_unix || door == Door::takeover) return passed_on;
  if (!point.path.empty() || !given.point.path.empty()) return point.path == given.point.path;
  return same_host(point.host, given.point.host) && (point.port == given.point.port || (point.port == 0 && passed_on));
}

std::vector<DoorSocket> Inheritance::take(Door door, net::ListenPoint& point) {
  std::vector<DoorSocket> taken;
  for (auto given = sockets_.begin(); given != sockets_.end();) {
    if (!fits(*given, door, point)) {
      ++given;
      continue;
    }
    if (door == Door::callers || door == Door::admin) point = given->point;
    given->socket.door = door;
    taken.push_back(std::move(given->socket));
    given = sockets_.erase(given);
  }
  return taken;
}

std::string Inheritance::left() const {
  std::string text;
  for (const Given& given : sockets_) text += (text.empty() ? "" : ", ") + given.point.text(false) + (given.name.empty() ? "" : " (" + given.name + ")");
  return text;
}

}  // namespace bellwether::cli
