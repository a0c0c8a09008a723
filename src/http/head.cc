#include "http/head.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <tuple>
#include <utility>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

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

/// A bit for each of 16 bytes that is a control character (below 0x20, or 0x7F). Sixteen at a time, because every byte of every
/// head passes here.
std::uint32_t control_bits(const char* bytes) {
#ifdef __SSE2__
  const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
  const __m128i below = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1F)), block);
  const __m128i deletes = _mm_cmpeq_epi8(block, _mm_set1_epi8(0x7F));
  return static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_or_si128(below, deletes)));
#else
  std::uint32_t bits = 0;
  for (unsigned i = 0; i < 16; ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    bits |= static_cast<std::uint32_t>(byte < 0x20 || byte == 0x7F) << i;
  }
  return bits;
#endif
}

/// Finds control characters one after the other.
class Controls {
 public:
  Controls(std::string_view text, std::size_t from) : text_{text}, block_{from} { load(); }

  /// Where the next one is; the text's size if there is none.
  [[nodiscard]] std::size_t next() {
    while (bits_ == 0) {
      block_ += 16;
      if (block_ >= text_.size()) return text_.size();
      load();
    }
    const std::size_t at = block_ + static_cast<std::size_t>(std::countr_zero(bits_));
    bits_ &= bits_ - 1;
    return at;
  }

 private:
  void load() {
    if (block_ + 16 <= text_.size()) {
      bits_ = control_bits(text_.data() + block_);
      return;
    }
    char rest[16];
    std::memset(rest, ' ', sizeof rest);
    if (block_ < text_.size()) std::memcpy(rest, text_.data() + block_, text_.size() - block_);
    bits_ = control_bits(rest);
  }

  std::string_view text_;
  std::size_t block_;
  std::uint32_t bits_ = 0;
};

#ifdef __SSE2__
/// How many of the first 16 bytes are letters, digits, hyphens and underscores, as most names are throughout.
std::size_t usual_length(const char* bytes) {
  const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
  const auto within = [](__m128i value, char first, char count) {
    const __m128i offset = _mm_sub_epi8(value, _mm_set1_epi8(first));
    return _mm_cmpeq_epi8(_mm_min_epu8(offset, _mm_set1_epi8(static_cast<char>(count - 1))), offset);
  };
  const __m128i letters = within(_mm_or_si128(block, _mm_set1_epi8(0x20)), 'a', 26);
  const __m128i others =
      _mm_or_si128(within(block, '0', 10), _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('-')), _mm_cmpeq_epi8(block, _mm_set1_epi8('_'))));
  const int usual = _mm_movemask_epi8(_mm_or_si128(letters, others));
  return static_cast<std::size_t>(std::countr_one(static_cast<std::uint16_t>(usual)));
}
#endif

/// How many bytes at the front of the line are those of a usual name, as far as whole blocks tell.
std::size_t usual_name_length(std::string_view line) {
  std::size_t length = 0;
#ifdef __SSE2__
  while (length + 16 <= line.size()) {
    const std::size_t more = usual_length(line.data() + length);
    length += more;
    if (more < 16) break;
  }
#else
  static_cast<void>(line);
#endif
  return length;
}

constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }

/// What is wrong with a line that has no colon behind a name's characters.
std::string_view complaint_of(std::string_view line, std::size_t name_size) {
  if (is_blank(line.front())) return "A header field is folded over two lines.";
  if (name_size == line.size()) return "A header line has no colon.";
  return is_blank(line[name_size]) ? "There is white space between a header's name and its colon." : "A header's name is malformed.";
}

/// Takes a field's line apart. A complaint, or empty.
std::string_view read_field(std::string_view line, Field& field) {
  std::size_t colon = usual_name_length(line);
  while (colon < line.size() && is_token(line[colon])) ++colon;
  if (colon == 0 || colon == line.size() || line[colon] != ':') return complaint_of(line, colon);
  const char* begin = line.data() + colon + 1;
  const char* end = line.data() + line.size();
  while (begin < end && is_blank(*begin)) ++begin;
  while (end > begin && is_blank(end[-1])) --end;
  field = {.name = line.substr(0, colon), .value = {begin, static_cast<std::size_t>(end - begin)}};
  return {};
}

HeadResult bad(std::string_view why, Reason reason = Reason::request_malformed) {
  return {.status = HeadResult::Status::bad, .size = 0, .reason = reason, .why = why};
}

/// Goes over the lines until the blank one and takes down the first line and the fields on the way. Begins at `from`, the start of
/// a line; leaves there the start of the first line that is not complete.
HeadResult walk(std::string_view bytes, std::size_t& from, Fields& fields, std::string_view& start) {
  std::size_t first = 0;  // Empty lines in front are skipped.
  while (first + 1 < bytes.size() && bytes[first] == '\r' && bytes[first + 1] == '\n') first += 2;
  std::size_t line_begin = std::max(from, first);
  fields.clear();
  Controls controls{bytes, line_begin};
  for (;;) {
    const std::size_t at = controls.next();
    if (at == bytes.size()) break;
    if (bytes[at] != '\r') {
      if (bytes[at] == '\t') continue;
      if (bytes[at] == '\n') return bad("A line of the head ends with LF alone.");
      return bad(bytes[at] == '\0' ? "The head holds a NUL byte." : "The head holds a control character.");
    }
    if (at + 1 == bytes.size()) break;
    if (bytes[at + 1] != '\n') return bad("The head holds a CR that ends no line.");
    std::ignore = controls.next();  // The LF.
    const std::string_view line = bytes.substr(line_begin, at - line_begin);
    if (line.empty()) return {.status = HeadResult::Status::complete, .size = at + 2, .reason = {}, .why = {}};
    if (line_begin == first) {
      if (is_blank(line.front())) return bad("The first line begins with white space.");
      start = line;
    } else {
      if (fields.all().size() == fields_max) return bad("The head has more than 128 fields.", Reason::request_too_large);
      Field field;
      if (const std::string_view why = read_field(line, field); !why.empty()) return bad(why);
      fields.add(field);
    }
    line_begin = at + 2;
  }
  from = line_begin;
  return {};
}

enum class VersionText : std::uint8_t { malformed, other, http_1_0, http_1_1 };

VersionText read_version(std::string_view text) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.size() != 8 || !text.starts_with("HTTP/") || !digit(text[5]) || text[6] != '.' || !digit(text[7])) return VersionText::malformed;
  if (text[5] != '1' || text[7] > '1') return VersionText::other;
  return text[7] == '1' ? VersionText::http_1_1 : VersionText::http_1_0;
}

/// The parts that both kinds of heads have: bounds, lines, fields. On success `start` is the first line.
HeadResult parse(std::string_view bytes, std::size_t& scanned, Fields& fields, std::string_view& start) {
  const bool resumed = scanned > 0;
  HeadResult result = walk(bytes, scanned, fields, start);
  if (result.status == HeadResult::Status::bad) return result;
  if (std::max(result.size, result.status == HeadResult::Status::complete ? 0 : bytes.size()) > head_bytes_max)
    return bad("The head of the request is larger than 64 KiB.", Reason::request_too_large);
  if (result.status == HeadResult::Status::complete && resumed) {
    // The lines of earlier calls were looked at and not kept: the bytes may have moved since.
    std::size_t beginning = 0;
    result = walk(bytes, beginning, fields, start);
  }
  return result;
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

/// What the fields say about the message's end, the connection's future and what is expected.
struct FieldReader {
  explicit FieldReader(Version version) : version{version}, keep_alive{version == Version::http_1_1} {}

  /// A bit for each size of a name that `take` looks at.
  static constexpr std::uint64_t name_sizes = [] {
    std::uint64_t sizes = 0;
    for (const std::string_view name : {"host", "authorization", "content-encoding", "expect", "connection", "content-length", "transfer-encoding"})
      sizes |= std::uint64_t{1} << name.size();
    return sizes;
  }();

  const Version version;
  Framing framing;
  bool coding_seen = false;
  bool keep_alive;
  bool expects_continue = false, expects_other = false;
  bool encoded = false;
  int hosts = 0, authorizations = 0;

  /// A complaint, or empty.
  [[nodiscard]] std::string_view read(const Fields& fields) {
    for (const Field& field : fields.all()) {
      if ((name_sizes >> (field.name.size() % 64) & 1) == 0) continue;  // Decides nearly always.
      if (const std::string_view why = take(field); !why.empty()) return why;
    }
    if (framing.chunked && framing.length) return "There are both Content-Length and Transfer-Encoding.";
    if (framing.chunked && version == Version::http_1_0) return "HTTP/1.0 knows no Transfer-Encoding.";
    return {};
  }

  std::string_view take(const Field& field) {
    switch (field.name.size()) {
      case std::string_view("host").size():
        if (!same_name(field.name, "host")) break;
        ++hosts;
        if (field.value.find_first_of(" \t,/?#@\\<>\"") != std::string_view::npos) return "The Host field is no host.";
        break;
      case std::string_view("authorization").size(): authorizations += same_name(field.name, "authorization") ? 1 : 0; break;
      case std::string_view("content-encoding").size():
        if (same_name(field.name, "content-encoding"))
          for_each_element(field.value, [&](std::string_view coding) { encoded = encoded || !same_name(coding, "identity"); });
        break;
      case std::string_view("expect").size():
        if (!same_name(field.name, "expect")) break;
        if (version == Version::http_1_0) break;  // It knows no such thing, and it is to be ignored there (RFC 9110 §10.1.1).
        (same_name(field.value, "100-continue") ? expects_continue : expects_other) = true;
        break;
      case std::string_view("connection").size():
        if (same_name(field.name, "connection")) take_connection(field.value);
        break;
      case std::string_view("content-length").size():
        if (same_name(field.name, "content-length")) return take_length(field.value);
        break;
      case std::string_view("transfer-encoding").size():
        if (!same_name(field.name, "transfer-encoding")) break;
        if (std::exchange(coding_seen, true)) return "There are two Transfer-Encoding fields.";
        if (!same_name(field.value, "chunked")) return "The only transfer coding that is taken is chunked.";
        framing.chunked = true;
        break;
      default: break;
    }
    return {};
  }

  std::string_view take_length(std::string_view value) {
    if (framing.length) return "There are two Content-Length fields.";
    std::uint64_t length = 0;
    const char* const end = value.data() + value.size();
    const auto parsed = std::from_chars(value.data(), end, length);
    if (value.empty() || value.front() == '-' || parsed.ec != std::errc{} || parsed.ptr != end) return "Content-Length is not a number.";
    framing.length = length;
    return {};
  }

  void take_connection(std::string_view value) {
    for_each_element(value, [&](std::string_view option) {
      if (same_name(option, "close")) keep_alive = false;
      else if (same_name(option, "keep-alive") && version == Version::http_1_0) keep_alive = true;
    });
  }
};

/// Path and query out of origin-form or absolute-form. False if it is neither.
bool split_target(std::string_view target, RequestHead& head) {
  for (const char c : target)
    if (c <= ' ' || c > '~' || c == '#') return false;
  if (!target.starts_with('/') && target != "*") {
    // Absolute-form, as proxies are asked (RFC 9112 §3.2.2): of the schemes only ours.
    const std::size_t scheme = target.find("://");
    if (scheme == std::string_view::npos || !(same_name(target.substr(0, scheme), "http") || same_name(target.substr(0, scheme), "https"))) return false;
    const std::size_t host = scheme + 3;
    const std::size_t end = std::min(target.find_first_of("/?", host), target.size());
    if (end == host) return false;  // RFC 9110 §4.2.1: a host there must be.
    target.remove_prefix(end);
  }
  const std::size_t question = target.find('?');
  head.path = question == 0 || target.empty() ? std::string_view("/") : target.substr(0, question);
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
  if ((sizes_ & size_bit(name)) == 0) return std::nullopt;
  for (const Field& field : all_)
    if (same_name(field.name, name)) return field.value;
  return std::nullopt;
}

HeadResult parse_request_head(std::string_view bytes, std::size_t& scanned, RequestHead& head) {
  if (bytes.starts_with('\x16')) return bad("What came is the beginning of TLS, and plain HTTP is spoken here.");
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
  FieldReader read{head.version};
  if (const std::string_view why = read.read(head.fields); !why.empty()) return bad(why);
  if (read.hosts > 1) return bad("There are two Host fields.");
  if (read.hosts == 0 && head.version == Version::http_1_1) return bad("There is no Host field.");
  // Two readers in a row could each take another one for the key.
  if (read.authorizations > 1) return bad("There are two Authorization fields.");
  head.framing = read.framing;
  head.encoded = read.encoded;
  head.keep_alive = read.keep_alive;
  head.expects_continue = read.expects_continue;
  head.expects_other = read.expects_other;
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
  FieldReader read{head.version};
  if (const std::string_view why = read.read(head.fields); !why.empty()) return bad(why);
  head.framing = read.framing;
  head.keep_alive = read.keep_alive;
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
