#include "net/resolve.h"

#include <netdb.h>

#include <algorithm>
#include <cstring>
#include <system_error>
#include <thread>

namespace bellwether::net {
namespace {

std::unexpected<Failure> cannot(const std::string& host, std::string_view why) {
  return failed(Reason::upstream_unreachable, "looking up " + host + ": " + std::string(why));
}

Result<std::vector<Address>> look_up(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &found); error != 0) return cannot(host, ::gai_strerror(error));
  std::vector<Address> addresses;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    if (entry->ai_addrlen > sizeof(sockaddr_storage)) continue;
    Address address;
    std::memcpy(&address.storage, entry->ai_addr, entry->ai_addrlen);
    address.size = entry->ai_addrlen;
    const bool known = std::ranges::any_of(
        addresses, [&](const Address& other) { return other.size == address.size && std::memcmp(&other.storage, &address.storage, address.size) == 0; });
    if (!known) addresses.push_back(address);
  }
  ::freeaddrinfo(found);
  if (addresses.empty()) return cannot(host, "no address");
  return addresses;
}

}  // namespace

void resolve(Loop& loop, const std::string& host, const std::function<void(Result<std::vector<Address>>)>& on_done) {
  try {
    std::thread{[inbox = loop.inbox(), host, on_done] { inbox->put([on_done, result = look_up(host)]() mutable { on_done(std::move(result)); }); }}.detach();
  } catch (const std::system_error&) {
    loop.post([on_done, host] { on_done(cannot(host, "no thread can be made")); });
  }
}

}  // namespace bellwether::net
