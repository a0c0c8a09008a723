#include "base_url.h"

#include <charconv>

namespace bellwether::client {
namespace {

// Above this the kernel takes no path of a socket (unix(7)).
constexpr std::size_t socket_path_max = 107;

std::string wrong(std::string_view text, std::string_view why) { return "base_url \"" + std::string(text) + "\" " + std::string(why); }

bool is_plain(std::string_view text) {
  for (const char c : text)
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f) return false;
  return true;
}

}  // namespace

std::variant<BaseUrl, std::string> read_base_url(std::string_view text) {
  BaseUrl url;
  if (text.empty()) return std::string("base_url is empty: give an address such as http://127.0.0.1:8080/v1");
  if (!is_plain(text)) return wrong(text, "holds white space or control characters");
  if (text.starts_with("unix:")) {
    url.socket_path = text.substr(5);
    url.authority = "localhost";
    url.path = "/v1";
    if (!url.socket_path.starts_with('/') || url.socket_path.size() > socket_path_max)
      return wrong(text, "needs an absolute path of at most 107 bytes behind unix:");
    return url;
  }
  std::string_view rest = text;
  if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
    url.port = 80;
  } else if (rest.starts_with("https://")) {
    rest.remove_prefix(8);
    url.port = 443;
    url.tls = true;
  } else {
    return wrong(text, "begins with neither http://, https:// nor unix:");
  }
  const std::size_t slash = rest.find('/');
  const std::string_view authority = rest.substr(0, slash);
  if (slash != std::string_view::npos) url.path = rest.substr(slash);
  while (url.path.ends_with('/')) url.path.pop_back();
  if (url.path.find_first_of("?#") != std::string::npos) return wrong(text, "holds a query or a fragment");
  if (authority.find('@') != std::string_view::npos) return wrong(text, "holds a user: the key is given as api_key");

  std::string_view host = authority, port;
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) return wrong(text, "lacks the ] of its IPv6 address");
    host = authority.substr(1, close - 1);
    port = authority.substr(close + 1);
  } else if (const std::size_t colon = authority.rfind(':'); colon != std::string_view::npos) {
    host = authority.substr(0, colon);
    port = authority.substr(colon);
  }
  if (host.empty()) return wrong(text, "names no host");
  if (!port.empty()) {
    const char* const end = port.data() + port.size();
    const auto read = std::from_chars(port.data() + 1, end, url.port);
    if (port[0] != ':' || read.ec != std::errc{} || read.ptr != end || url.port == 0) return wrong(text, "has no number from 1 to 65535 as its port");
  }
  url.host = host;
  url.authority = authority;
  return url;
}

}  // namespace bellwether::client
