#include "http/head.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <utility>

namespace bellwether::http {
namespace {

/// RFC 9110 §5.6.2: what a field name and a method are made of.
constexpr std::array<bool, 256> make_token_table() {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<std::size_t>(c)] = table[static_cast<std::size_t>(c - 32)] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<unsigned char>(c)] = true;
  return table;
}
constexpr std::array<bool, 256> token_table = make_token_table();
bool is_token(char c) { return token_table[static_cast<unsigned char>(c)]; }

/// Whether some byte of the text is below 0x20 or is 0x7F: eight at a time, because every byte of every head passes here. A tab
/// counts too; whoever cares looks again.
bool has_control(std::string_view text) {
  constexpr std::uint64_t ones = 0x0101010101010101;
  constexpr std::uint64_t highs = 0x8080808080808080;
  const auto any = [](std::uint64_t word) {
    const std::uint64_t delete_as_zero = word ^ (ones * 0x7F);
    return (((word - ones * 0x20) & ~word) | ((delete_as_zero - ones) & ~delete_as_zero)) & highs;
  };
  std::size_t at = 0;
  for (; at + sizeof(std::uint64_t) <= text.size(); at += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, sizeof word);
    if (any(word) != 0) return true;
  }
  std::uint64_t rest = ones * ' ';
  std::memcpy(&rest, text.data() + at, text.size() - at);
  return any(rest) != 0;
}

enum class LineKind : std::uint8_t { start, field };

/// Why a line of a head is refused; empty if it is not. `line` is without its CRLF.
std::string_view complaint_about(std::string_view line, LineKind kind) {
  for (const char c : has_control(line) ? line : std::string_view{}) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == 0) return "The head holds a NUL byte.";
    if (byte == '\r') return "The head holds a CR that ends no line.";
    if ((byte < 0x20 && byte != '\t') || byte == 0x7F) return "The head holds a control character.";
  }
  if (kind == LineKind::start) return line.front() == ' ' || line.front() == '\t' ? "The first line begins with white space." : "";
  if (line.front() == ' ' || line.front() == '\t') return "A header field is folded over two lines.";
  std::size_t colon = 0;
  while (colon < line.size() && is_token(line[colon])) ++colon;
  if (colon == line.size()) return "A header line has no colon.";
  if (line[colon] == ':' && colon > 0) return "";
  if (line[colon] == ' ' || line[colon] == '\t') return "There is white space between a header's name and its colon.";
  return "A header's name is malformed.";
}

struct Scan {
  HeadResult::Status status = HeadResult::Status::needs_more;
  std::size_t begin = 0;  ///< Behind empty lines in front.
  std::size_t end = 0;    ///< Behind the blank line.
  std::string_view why;
};

/// Finds the blank line, and looks at each line on the way. `scanned` remembers the start of the first line not looked at.
Scan scan(std::string_view bytes, std::size_t& scanned) {
  Scan result;
  std::size_t begin = 0;
  while (begin + 1 < bytes.size() && bytes[begin] == '\r' && bytes[begin + 1] == '\n') begin += 2;
  result.begin = begin;
  std::size_t at = std::max(scanned, begin);
  while (at < bytes.size()) {
    const auto* feed = static_cast<const char*>(std::memchr(bytes.data() + at, '\n', bytes.size() - at));
    if (feed == nullptr) break;
    const std::size_t line_end = static_cast<std::size_t>(feed - bytes.data());
    if (line_end == 0 || bytes[line_end - 1] != '\r' || line_end - 1 < at) {
      result.status = HeadResult::Status::bad;
      result.why = "A line of the head ends with LF alone.";
      return result;
    }
    const std::string_view line = bytes.substr(at, line_end - 1 - at);
    if (line.empty()) {
      result.status = HeadResult::Status::complete;
      result.end = line_end + 1;
      return result;
    }
    if (const std::string_view why = complaint_about(line, at == begin ? LineKind::start : LineKind::field); !why.empty()) {
      result.status = HeadResult::Status::bad;
      result.why = why;
      return result;
    }
    at = line_end + 1;
  }
  scanned = at;
  // What has arrived of an unfinished line may be hopeless already.
  if (bytes.substr(at).find('\0') != std::string_view::npos) {
    result.status = HeadResult::Status::bad;
    result.why = "The head holds a NUL byte.";
  }
  return result;
}

/// The first line and the fields of a head that `scan` found whole and whose lines it looked at.
struct Collected {
  std::string_view start;
  bool too_many = false;
};

Collected collect(std::string_view head, Fields& fields) {
  const auto next_line = [&head] {
    const std::size_t feed = head.find('\n');  // There is one, with a CR before it: `scan` saw to that.
    const std::string_view line = head.substr(0, feed - 1);
    head.remove_prefix(feed + 1);
    return line;
  };
  Collected collected{.start = next_line()};
  fields.clear();
  for (std::string_view line = next_line(); !line.empty(); line = next_line()) {
    if (fields.all().size() == fields_max) {
      collected.too_many = true;
      break;
    }
    const std::size_t colon = line.find(':');
    std::string_view value = line.substr(colon + 1);
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
    while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
    fields.add({line.substr(0, colon), value});
  }
  return collected;
}

enum class VersionText : std::uint8_t { malformed, other, http_1_0, http_1_1 };

VersionText read_version(std::string_view text) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.size() != 8 || !text.starts_with("HTTP/") || !digit(text[5]) || text[6] != '.' || !digit(text[7])) return VersionText::malformed;
  if (text[5] != '1' || text[7] > '1') return VersionText::other;
  return text[7] == '1' ? VersionText::http_1_1 : VersionText::http_1_0;
}

HeadResult bad(std::string_view why, Reason reason = Reason::request_malformed) {
  return {.status = HeadResult::Status::bad, .size = 0, .reason = reason, .why = why};
}

/// The parts that both kinds of heads have: bounds, lines, fields. On success `start` is the first line.
HeadResult parse(std::string_view bytes, std::size_t& scanned, Fields& fields, std::string_view& start) {
  const Scan found = scan(bytes, scanned);
  if (found.status == HeadResult::Status::bad) return bad(found.why);
  if (found.status == HeadResult::Status::needs_more) {
    if (bytes.size() > head_bytes_max) return bad("The head of the request is larger than 64 KiB.", Reason::request_too_large);
    return {};
  }
  if (found.end > head_bytes_max) return bad("The head of the request is larger than 64 KiB.", Reason::request_too_large);
  const Collected collected = collect(bytes.substr(found.begin, found.end - found.begin), fields);
  if (collected.too_many) return bad("The head has more than 128 fields.", Reason::request_too_large);
  start = collected.start;
  return {.status = HeadResult::Status::complete, .size = found.end, .reason = {}, .why = {}};
}

/// Calls `each` for the elements of a comma-separated list, without white space around them.
template <class Each>
void for_each_element(std::string_view list, Each each) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    std::string_view element = list.substr(0, comma);
    list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
    while (!element.empty() && (element.front() == ' ' || element.front() == '\t')) element.remove_prefix(1);
    while (!element.empty() && (element.back() == ' ' || element.back() == '\t')) element.remove_suffix(1);
    if (!element.empty()) each(element);
  }
}

/// What the fields say about the message's end and the connection's future. A complaint, or empty.
std::string_view read_framing(const Fields& fields, Version version, Framing& framing, bool& keep_alive) {
  keep_alive = version == Version::http_1_1;
  bool length_seen = false, coding_seen = false;
  for (const Field& field : fields.all()) {
    if (same_name(field.name, "content-length")) {
      if (std::exchange(length_seen, true)) return "There are two Content-Length fields.";
      std::uint64_t length = 0;
      const char* const end = field.value.data() + field.value.size();
      const auto parsed = std::from_chars(field.value.data(), end, length);
      if (field.value.empty() || field.value.front() == '-' || parsed.ec != std::errc{} || parsed.ptr != end) return "Content-Length is not a number.";
      framing.length = length;
    } else if (same_name(field.name, "transfer-encoding")) {
      if (std::exchange(coding_seen, true)) return "There are two Transfer-Encoding fields.";
      if (!same_name(field.value, "chunked")) return "The only transfer coding that is taken is chunked.";
      framing.chunked = true;
    } else if (same_name(field.name, "connection")) {
      for_each_element(field.value, [&](std::string_view option) {
        if (same_name(option, "close")) keep_alive = false;
        else if (same_name(option, "keep-alive") && version == Version::http_1_0) keep_alive = true;
      });
    }
  }
  if (framing.chunked && framing.length) return "There are both Content-Length and Transfer-Encoding.";
  if (framing.chunked && version == Version::http_1_0) return "HTTP/1.0 knows no Transfer-Encoding.";
  return {};
}

/// Path and query out of origin-form or absolute-form. False if it is neither.
bool split_target(std::string_view target, RequestHead& head) {
  for (const char c : target)
    if (c <= ' ' || c > '~') return false;
  if (!target.starts_with('/') && target != "*") {
    // Absolute-form, as proxies are asked (RFC 9112 §3.2.2): of the schemes only ours.
    const std::size_t scheme = target.find("://");
    if (scheme == std::string_view::npos || !(same_name(target.substr(0, scheme), "http") || same_name(target.substr(0, scheme), "https"))) return false;
    const std::size_t slash = target.find('/', scheme + 3);
    target = slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
  }
  const std::size_t question = target.find('?');
  head.path = target.substr(0, question);
  head.query = question == std::string_view::npos ? std::string_view{} : target.substr(question + 1);
  return true;
}

Method method_of(std::string_view text) {
  if (text == "POST") return Method::post;
  if (text == "GET") return Method::get;
  if (text == "HEAD") return Method::head;
  if (text == "PUT") return Method::put;
  if (text == "PATCH") return Method::patch;
  if (text == "DELETE") return Method::delete_;
  if (text == "OPTIONS") return Method::options;
  return Method::other;
}

}  // namespace

std::optional<std::string_view> Fields::find(std::string_view name) const {
  for (const Field& field : all_)
    if (same_name(field.name, name)) return field.value;
  return std::nullopt;
}

HeadResult parse_request_head(std::string_view bytes, std::size_t& scanned, RequestHead& head) {
  std::string_view start;
  HeadResult result = parse(bytes, scanned, head.fields, start);
  if (result.status != HeadResult::Status::complete) return result;
  // RFC 9112 §3: method SP target SP version, with single spaces.
  constexpr std::string_view not_a_start = "The first line is not that of HTTP/1.1.";
  const std::size_t first = start.find(' ');
  const std::size_t last = start.rfind(' ');
  if (first == std::string_view::npos || first == 0 || first == last) return bad(not_a_start);
  const std::string_view target = start.substr(first + 1, last - first - 1);
  const VersionText version = read_version(start.substr(last + 1));
  if (version == VersionText::malformed || target.empty() || target.find(' ') != std::string_view::npos) return bad(not_a_start);
  if (version == VersionText::other) return bad("Only HTTP/1.0 and HTTP/1.1 are spoken here.");
  head.version = version == VersionText::http_1_1 ? Version::http_1_1 : Version::http_1_0;
  head.method_text = start.substr(0, first);
  if (!std::ranges::all_of(head.method_text, is_token)) return bad(not_a_start);
  head.method = method_of(head.method_text);
  if (!split_target(target, head)) return bad("The request's target is malformed.");
  head.framing = {};
  if (const std::string_view why = read_framing(head.fields, head.version, head.framing, head.keep_alive); !why.empty()) return bad(why);
  head.expects_continue = head.expects_other = false;
  int hosts = 0;
  for (const Field& field : head.fields.all()) {
    if (same_name(field.name, "host")) ++hosts;
    if (!same_name(field.name, "expect")) continue;
    const bool known = same_name(field.value, "100-continue") && head.version == Version::http_1_1;
    (known ? head.expects_continue : head.expects_other) = true;
  }
  if (hosts > 1) return bad("There are two Host fields.");
  if (hosts == 0 && head.version == Version::http_1_1) return bad("There is no Host field.");
  return result;
}

HeadResult parse_reply_head(std::string_view bytes, std::size_t& scanned, ReplyHead& head) {
  std::string_view start;
  HeadResult result = parse(bytes, scanned, head.fields, start);
  if (result.status != HeadResult::Status::complete) return result;
  // RFC 9112 §4: version SP status SP reason; the reason may be empty, and some leave out its space.
  const VersionText version = read_version(start.substr(0, 8));
  if (version == VersionText::other) return bad("The reply is not HTTP/1.1.");
  const std::string_view code = start.size() >= 12 ? start.substr(9, 3) : std::string_view{};
  const bool whole = start.size() == 12 || (start.size() > 12 && start[12] == ' ');
  const auto parsed = std::from_chars(code.data(), code.data() + code.size(), head.status);
  const bool digits = code.size() == 3 && code[0] != '-' && parsed.ec == std::errc{} && parsed.ptr == code.data() + 3;
  if (version == VersionText::malformed || !whole || start[8] != ' ' || !digits) return bad("The first line is not that of HTTP/1.1.");
  head.version = version == VersionText::http_1_1 ? Version::http_1_1 : Version::http_1_0;
  if (head.status < 100 || head.status > 599) return bad("The reply's status is out of range.");
  head.framing = {};
  if (const std::string_view why = read_framing(head.fields, head.version, head.framing, head.keep_alive); !why.empty()) return bad(why);
  // RFC 9112 §6.3: these have no body, whatever their fields say.
  if (head.status < 200 || head.status == 204 || head.status == 304) head.framing = {.chunked = false, .length = 0};
  return result;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      out += text[at];
      continue;
    }
    unsigned value = 0;
    if (at + 2 >= text.size()) return std::nullopt;
    const auto parsed = std::from_chars(text.data() + at + 1, text.data() + at + 3, value, 16);
    if (parsed.ec != std::errc{} || parsed.ptr != text.data() + at + 3 || value == 0) return std::nullopt;
    out += static_cast<char>(value);
    at += 2;
  }
  return out;
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 100: return "Continue";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 402: return "Payment Required";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    default: return "Status";
  }
}

}  // namespace bellwether::http
