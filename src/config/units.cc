#include <arpa/inet.h>

#include <charconv>

#include "config/read.h"

namespace bellwether::config {
namespace {

struct Quantity {
  std::uint64_t number;
  std::string_view unit;
};

/// "10s" → 10 and "s". Whole numbers only: a smaller unit says the same without a fraction.
std::optional<Quantity> split(std::string_view text) {
  Quantity quantity{};
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), quantity.number);
  if (parsed.ec != std::errc{}) return std::nullopt;
  quantity.unit = text.substr(static_cast<std::size_t>(parsed.ptr - text.data()));
  return quantity;
}

/// "host:port", "[v6]:port" or "host"; what is missing stays as it is.
bool split_authority(std::string_view text, std::string& host, std::uint16_t& port) {
  std::string_view rest;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return false;
    host = text.substr(1, close - 1);
    rest = text.substr(close + 1);
    in6_addr address;
    if (inet_pton(AF_INET6, host.c_str(), &address) != 1) return false;
  } else {
    const std::size_t colon = text.find(':');
    host = text.substr(0, colon);
    rest = colon == std::string_view::npos ? std::string_view{} : text.substr(colon);
  }
  if (host.empty()) return false;
  if (rest.empty()) return true;
  const auto parsed = std::from_chars(rest.data() + 1, rest.data() + rest.size(), port);
  return rest.front() == ':' && rest.size() > 1 && parsed.ec == std::errc{} && parsed.ptr == rest.data() + rest.size();
}

bool is_host(std::string_view host) {
  for (const char c : host) {
    const bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' || c == ':';
    if (!fits) return false;
  }
  return !host.empty() && host.size() <= 253;
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  const auto quantity = split(text);
  if (!quantity) return std::nullopt;
  std::uint64_t nanoseconds;
  if (quantity->unit == "ms") nanoseconds = 1'000'000;
  else if (quantity->unit == "s") nanoseconds = 1'000'000'000;
  else if (quantity->unit == "m") nanoseconds = 60'000'000'000;
  else if (quantity->unit == "h") nanoseconds = 3'600'000'000'000;
  else return std::nullopt;
  constexpr std::uint64_t hours_max = 24 * 365;
  if (quantity->number > hours_max * 3'600'000'000'000 / nanoseconds) return std::nullopt;
  return Duration(static_cast<std::int64_t>(quantity->number * nanoseconds));
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  const auto quantity = split(text);
  if (!quantity) return std::nullopt;
  std::uint64_t size;
  if (quantity->unit == "B") size = 1;
  else if (quantity->unit == "KB") size = 1'000;
  else if (quantity->unit == "MB") size = 1'000'000;
  else if (quantity->unit == "GB") size = 1'000'000'000;
  else if (quantity->unit == "KiB") size = std::uint64_t{1} << 10;
  else if (quantity->unit == "MiB") size = std::uint64_t{1} << 20;
  else if (quantity->unit == "GiB") size = std::uint64_t{1} << 30;
  else return std::nullopt;
  constexpr std::uint64_t bytes_max = std::uint64_t{1} << 40;
  if (quantity->number > bytes_max / size) return std::nullopt;
  return quantity->number * size;
}

std::optional<std::uint32_t> parse_percent(std::string_view text) {
  const auto quantity = split(text);
  if (!quantity || quantity->unit != "%" || quantity->number > 100) return std::nullopt;
  return static_cast<std::uint32_t>(quantity->number);
}

std::optional<ListenAddress> parse_listen(std::string_view text) {
  ListenAddress address;
  if (text.starts_with("unix:")) {
    address.kind = ListenAddress::Kind::unix_socket;
    address.host.clear();
    address.port = 0;
    address.path = text.substr(5);
    if (address.path.empty()) return std::nullopt;
    return address;
  }
  if (text.find(':') == std::string_view::npos) return std::nullopt;  // Without a port nobody would find it.
  if (!split_authority(text, address.host, address.port)) return std::nullopt;
  if (address.host == "localhost") address.host = "127.0.0.1";
  in_addr v4;
  in6_addr v6;
  if (inet_pton(AF_INET, address.host.c_str(), &v4) != 1 && inet_pton(AF_INET6, address.host.c_str(), &v6) != 1) return std::nullopt;
  return address;
}

std::optional<catalog::Url> parse_url(std::string_view text) {
  using Scheme = catalog::Url::Scheme;
  catalog::Url url;
  // The URL goes into request lines and headers: nothing that could end one.
  for (const char c : text)
    if (c <= ' ' || c >= 0x7F || c == '?' || c == '#' || c == '@') return std::nullopt;
  if (text.starts_with("unix:")) {
    // unix:/run/llm.sock, or unix:/run/llm.sock:/v1 with the path behind a second colon (as nginx writes it).
    url.scheme = Scheme::unix_socket;
    text.remove_prefix(5);
    if (text.starts_with("//")) text.remove_prefix(2);
    const std::size_t colon = text.find(':');
    url.host = text.substr(0, colon);
    url.path = colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 1);
    url.port = 0;
    if (url.host.empty()) return std::nullopt;
  } else {
    if (text.starts_with("http://")) {
      url.scheme = Scheme::http;
      text.remove_prefix(7);
    } else if (text.starts_with("https://")) {
      url.scheme = Scheme::https;
      url.port = 443;
      text.remove_prefix(8);
    } else {
      return std::nullopt;
    }
    const std::size_t slash = text.find('/');
    if (!split_authority(text.substr(0, slash), url.host, url.port) || url.port == 0 || !is_host(url.host)) return std::nullopt;
    url.path = slash == std::string_view::npos ? std::string_view{} : text.substr(slash);
  }
  while (url.path.ends_with('/')) url.path.pop_back();
  if (!url.path.empty() && url.path.front() != '/') return std::nullopt;
  return url;
}

std::variant<catalog::Upstream, Problem> upstream_from_url(std::string_view text, std::size_t ordinal) {
  const auto url = parse_url(text);
  if (!url)
    return Problem{.file = {},
                   .text = "--upstream takes a URL such as http://127.0.0.1:8000/v1, https://api.example.com/v1 or unix:/run/llm.sock; this is none: " +
                           std::string(text.substr(0, 200))};
  catalog::Upstream upstream;
  upstream.name = ordinal == 0 ? "upstream" : "upstream-" + std::to_string(ordinal + 1);
  upstream.base_url = *url;
  // All four dialects answer below /v1; a URL without a path is an omission.
  if (upstream.base_url.path.empty()) upstream.base_url.path = "/v1";
  return upstream;
}

std::string to_text(const Problem& problem) {
  if (problem.file.empty()) return problem.text;
  if (problem.line == 0) return problem.file + ": " + problem.text;
  return problem.file + ":" + std::to_string(problem.line) + ":" + std::to_string(problem.column) + ": " + problem.text;
}

}  // namespace bellwether::config
