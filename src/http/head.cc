#include "http/head.h"

#include <llhttp.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <utility>

namespace bellwether::http {
namespace {

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

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

enum class LineKind : std::uint8_t { start, field };

/// Why a line of a head is refused; empty if it is not. `line` is without its CRLF.
std::string_view complaint_about(std::string_view line, LineKind kind) {
  for (const char c : line) {
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

/// What llhttp's callbacks fill in.
struct Collected {
  llhttp_t parser;
  std::string_view method, target, name, value;
  Fields* fields;
  bool too_many = false;
};

Collected& of(llhttp_t* parser) { return *static_cast<Collected*>(parser->data); }

/// llhttp gives spans in pieces only when its input is; ours is whole, so a second piece joins the first.
void join(std::string_view& span, const char* at, std::size_t length) {
  span = span.empty() ? std::string_view(at, length) : std::string_view(span.data(), static_cast<std::size_t>(at + length - span.data()));
}

void add_field(Collected& collected) {
  if (collected.name.empty()) return;
  std::string_view value = collected.value;
  while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
  if (collected.fields->all().size() == fields_max) collected.too_many = true;
  else collected.fields->add({collected.name, value});
  collected.name = {};
  collected.value = {};
}

const llhttp_settings_t& settings() {
  static const llhttp_settings_t made = [] {
    llhttp_settings_t settings;
    llhttp_settings_init(&settings);
    settings.on_method = [](llhttp_t* parser, const char* at, std::size_t length) {
      join(of(parser).method, at, length);
      return 0;
    };
    settings.on_url = [](llhttp_t* parser, const char* at, std::size_t length) {
      join(of(parser).target, at, length);
      return 0;
    };
    settings.on_header_field = [](llhttp_t* parser, const char* at, std::size_t length) {
      join(of(parser).name, at, length);
      return 0;
    };
    settings.on_header_value = [](llhttp_t* parser, const char* at, std::size_t length) {
      join(of(parser).value, at, length);
      return 0;
    };
    settings.on_header_value_complete = [](llhttp_t* parser) {
      add_field(of(parser));
      return 0;
    };
    settings.on_headers_complete = [](llhttp_t*) -> int { return HPE_PAUSED; };
    return settings;
  }();
  return made;
}

HeadResult bad(std::string_view why, Reason reason = Reason::request_malformed) {
  return {.status = HeadResult::Status::bad, .size = 0, .reason = reason, .why = why};
}

/// The parts that both kinds of heads have: bounds, lines, llhttp. On success `collected` is filled.
HeadResult parse(std::string_view bytes, std::size_t& scanned, llhttp_type type, Fields& fields, Collected& collected) {
  const Scan found = scan(bytes, scanned);
  if (found.status == HeadResult::Status::bad) return bad(found.why);
  if (found.status == HeadResult::Status::needs_more) {
    if (bytes.size() > head_bytes_max) return bad("The head of the request is larger than 64 KiB.", Reason::request_too_large);
    return {};
  }
  if (found.end > head_bytes_max) return bad("The head of the request is larger than 64 KiB.", Reason::request_too_large);
  fields.clear();
  collected.fields = &fields;
  llhttp_init(&collected.parser, type, &settings());
  collected.parser.data = &collected;
  const llhttp_errno_t error = llhttp_execute(&collected.parser, bytes.data() + found.begin, found.end - found.begin);
  if (error != HPE_PAUSED && error != HPE_OK && error != HPE_PAUSED_UPGRADE) {
    if (error == HPE_INVALID_METHOD || error == HPE_INVALID_VERSION || error == HPE_INVALID_CONSTANT || error == HPE_INVALID_URL)
      return bad("The first line is not that of HTTP/1.1.");
    return bad("The head is malformed.");
  }
  if (collected.too_many) return bad("The head has more than 128 fields.", Reason::request_too_large);
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
    const std::size_t scheme = target.find("://");
    if (scheme == std::string_view::npos) return false;
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

bool same_name(std::string_view left, std::string_view right) {
  if (left.size() != right.size()) return false;
  for (std::size_t i = 0; i < left.size(); ++i)
    if (lower(left[i]) != lower(right[i])) return false;
  return true;
}

std::optional<std::string_view> Fields::find(std::string_view name) const {
  for (const Field& field : all_)
    if (same_name(field.name, name)) return field.value;
  return std::nullopt;
}

HeadResult parse_request_head(std::string_view bytes, std::size_t& scanned, RequestHead& head) {
  Collected collected{};
  HeadResult result = parse(bytes, scanned, HTTP_REQUEST, head.fields, collected);
  if (result.status != HeadResult::Status::complete) return result;
  if (collected.parser.http_major != 1 || collected.parser.http_minor > 1) return bad("Only HTTP/1.0 and HTTP/1.1 are spoken here.");
  head.version = collected.parser.http_minor == 1 ? Version::http_1_1 : Version::http_1_0;
  head.method_text = collected.method.substr(0, collected.method.find(' '));
  head.method = method_of(head.method_text);
  if (!split_target(collected.target, head)) return bad("The request's target is malformed.");
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
  Collected collected{};
  HeadResult result = parse(bytes, scanned, HTTP_RESPONSE, head.fields, collected);
  if (result.status != HeadResult::Status::complete) return result;
  if (collected.parser.http_major != 1 || collected.parser.http_minor > 1) return bad("The reply is not HTTP/1.1.");
  head.version = collected.parser.http_minor == 1 ? Version::http_1_1 : Version::http_1_0;
  head.status = collected.parser.status_code;
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
