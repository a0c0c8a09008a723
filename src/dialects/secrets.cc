#include "dialects/secrets.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace bellwether::dialects {
namespace {

constexpr std::string_view key_mask = "…";
constexpr std::string_view address_mask = "[address]";
// Fewer characters of a key than these tell nothing, and are found by chance.
constexpr std::size_t key_piece_min = 8;
constexpr std::size_t key_min = 4;  // Of a whole one: it would be no secret.

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_letter(char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }
constexpr bool is_hex(char c) { return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); }
/// What names and IPv4 addresses are made of.
constexpr bool is_host(char c) { return is_digit(c) || is_letter(c) || c == '.' || c == '-' || c == '_'; }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  return out;
}

bool is_ipv4(std::string_view text) {
  int parts = 0;
  for (const char* at = text.data(); at < text.data() + text.size(); ++parts) {
    unsigned value = 256;
    const auto parsed = std::from_chars(at, text.data() + text.size(), value);
    if (parsed.ec != std::errc{} || value > 255) return false;
    at = parsed.ptr;
    if (parts < 3 && (at == text.data() + text.size() || *at++ != '.')) return false;
  }
  return parts == 4;
}

/// Without its brackets. Times of day have two colons too; these have two in a row or seven.
bool is_ipv6(std::string_view text) {
  const auto colons = std::ranges::count(text, ':');
  const bool short_form = text.find("::") != std::string_view::npos && colons <= 7;
  return (short_form || colons == 7) && std::ranges::count_if(text, is_hex) > 0 &&
         std::ranges::all_of(text, [](char c) { return is_hex(c) || c == ':' || c == '.'; });
}

/// Names that mean something inside a network only.
bool is_inside_name(std::string_view host) {
  constexpr std::array ends{".local", ".internal", ".lan", ".intranet", ".localdomain", ".svc"};
  return host == "localhost" || std::ranges::any_of(ends, [&](std::string_view end) { return host.ends_with(end); });
}

std::string_view without_dot(std::string_view host) { return host.ends_with('.') ? host.substr(0, host.size() - 1) : host; }

/// One walk over a text; what is to be masked is left out on the way.
class Walk {
 public:
  Walk(std::string_view text, const catalog::Url& own) : text_{text}, own_{lower(own.host)} {}

  std::string run() {
    while (at_ < text_.size()) {
      const std::size_t size = address_here();
      if (size > 0) {
        out_ += address_mask;
        at_ += size;
      } else {
        step();
      }
    }
    return std::move(out_);
  }

 private:
  /// Goes on by a character, or over the rest of a word: addresses begin where words do.
  void step() {
    do out_ += text_[at_++];
    while (at_ < text_.size() && is_host(text_[at_ - 1]) && is_host(text_[at_]));
  }

  /// The size of the address that begins here; 0: there is none.
  [[nodiscard]] std::size_t address_here() const {
    const std::string_view rest = text_.substr(at_);
    if (const std::size_t size = url_size(rest); size > 0) return size;
    const bool after_word = at_ > 0 && is_host(text_[at_ - 1]);
    if (rest.front() == '[' || is_hex(rest.front()) || (rest.front() == ':' && !after_word))
      if (const std::size_t size = ipv6_size(rest); size > 0) return size;
    if (!is_host(rest.front())) return 0;
    const std::size_t size = host_size(rest);
    const std::size_t port = port_size(rest.substr(size));
    const std::string host = lower(rest.substr(0, size));
    // A name in one word, such as a container's, is an ordinary word where nothing says that it is a host.
    const bool quoted = at_ > 0 && size < rest.size() && (text_[at_ - 1] == '\'' || text_[at_ - 1] == '"') && rest[size] == text_[at_ - 1];
    const bool own = !own_.empty() && host == own_ && (port > 0 || quoted || host.find_first_of(".-_0123456789") != std::string::npos);
    return own || is_ipv4(host) || (is_inside_name(host) && (port > 0 || host != "localhost")) ? size + port : 0;
  }

  /// A URL of a place that is not for everybody: all of it, its path included.
  [[nodiscard]] std::size_t url_size(std::string_view rest) const {
    std::size_t scheme = 0;
    while (scheme < rest.size() && is_letter(rest[scheme])) ++scheme;
    if (scheme == 0 || !rest.substr(scheme).starts_with("://")) return 0;
    const std::size_t begin = scheme + 3;
    const std::size_t end = std::min(rest.find_first_of(" \t\r\n\"'<>`),;", begin), rest.size());
    std::string_view authority = rest.substr(begin, end - begin);
    authority = authority.substr(0, authority.find_first_of("/?#"));
    const std::size_t user = authority.rfind('@');
    if (user != std::string_view::npos) return end;  // Holds a password, as like as not.
    std::string host = lower(authority);
    if (host.starts_with('[')) return end;
    host.resize(std::min(host.find(':'), host.size()));
    const bool one_word = host.find('.') == std::string::npos;
    return host == own_ || one_word || is_ipv4(host) || is_inside_name(without_dot(host)) ? end : 0;
  }

  static std::size_t ipv6_size(std::string_view rest) {
    const bool bracketed = rest.front() == '[';
    std::size_t size = bracketed ? 1 : 0;
    while (size < rest.size() && (is_hex(rest[size]) || rest[size] == ':' || rest[size] == '.')) ++size;
    if (bracketed) {
      if (size == rest.size() || rest[size] != ']' || !is_ipv6(rest.substr(1, size - 1))) return 0;
      return size + 1 + port_size(rest.substr(size + 1));
    }
    while (size > 0 && rest[size - 1] == '.') --size;
    const bool word_goes_on = size < rest.size() && is_host(rest[size]) && rest[size] != '.';
    return !word_goes_on && is_ipv6(rest.substr(0, size)) ? size : 0;
  }

  /// Without the full stop of a sentence.
  static std::size_t host_size(std::string_view rest) {
    std::size_t size = 0;
    while (size < rest.size() && is_host(rest[size])) ++size;
    while (size > 1 && rest[size - 1] == '.') --size;
    return size;
  }

  /// ":8000", where no more than a port's digits follow.
  static std::size_t port_size(std::string_view rest) {
    if (!rest.starts_with(':')) return 0;
    std::size_t size = 1;
    while (size < rest.size() && is_digit(rest[size])) ++size;
    return size >= 2 && size <= 6 ? size : 0;
  }

  std::string_view text_;
  std::string own_;
  std::string out_;
  std::size_t at_ = 0;
};

}  // namespace

std::string without_key(std::string_view text, std::string_view key) {
  const std::size_t piece_min = std::min(key_piece_min, key.size());
  if (key.size() < key_min) return std::string(text);
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    // The longest piece of the key that stands here.
    std::size_t longest = 0;
    for (std::size_t from = 0; from + piece_min <= key.size(); ++from) {
      const std::string_view here = text.substr(at, key.size() - from);
      const auto end = std::ranges::mismatch(here, key.substr(from)).in1;
      longest = std::max(longest, static_cast<std::size_t>(end - here.begin()));
    }
    if (longest >= piece_min) {
      out += key_mask;
      at += longest;
    } else {
      out += text[at++];
    }
  }
  return out;
}

std::string without_addresses(std::string_view text, const catalog::Url& own) {
  if (own.scheme != catalog::Url::Scheme::unix_socket) return Walk{text, own}.run();
  std::string out(text);
  for (std::size_t at = out.find(own.host); !own.host.empty() && at != std::string::npos; at = out.find(own.host, at + address_mask.size()))
    out.replace(at, own.host.size(), address_mask);
  return Walk{out, {}}.run();
}

void hide_secrets(Failure& failure, const catalog::Upstream& upstream) {
  for (RareText* text : {&failure.detail.text, &failure.about.text, &failure.param, &failure.code})
    if (!text->empty()) *text = without_key(*text, upstream.api_key);
  for (RareText* text : {&failure.about.text, &failure.param, &failure.code})
    if (!text->empty()) *text = without_addresses(*text, upstream.base_url);
}

}  // namespace bellwether::dialects
