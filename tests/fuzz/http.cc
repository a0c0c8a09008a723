// Heads and chunked bodies: nothing crashes, and it makes no difference how the bytes were cut on their way.
#include <algorithm>
#include <cctype>
#include <cstdint>
#include <string>
#include <tuple>

#include "base/check.h"
#include "http/body.h"
#include "http/head.h"
#include "support/llhttp_oracle.h"

using namespace bellwether;

namespace {

template <class Head, class Parse>
void cut_or_whole(std::string_view bytes, Parse parse) {
  Head whole_head, grown_head;
  std::size_t scanned = 0;
  const http::HeadResult whole = parse(bytes, scanned, whole_head);
  scanned = 0;
  http::HeadResult grown{};
  std::size_t size = 0;
  for (; size <= bytes.size(); ++size) {
    grown = parse(bytes.substr(0, size), scanned, grown_head);
    if (grown.status != http::HeadResult::Status::needs_more) break;
  }
  BW_CHECK(grown.status == whole.status);
  if (whole.status == http::HeadResult::Status::complete) {
    BW_CHECK(grown.size == whole.size && whole.size <= bytes.size());
    // What passed holds nothing that two readers could see in two ways.
    BW_CHECK(!(whole_head.framing.chunked && whole_head.framing.length));
    for (const http::Field& field : whole_head.fields.all()) BW_CHECK(field.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
  }
}

void same_fields(const http::Fields& ours, const tests::OracleHead& oracle) {
  BW_CHECK(ours.all().size() == oracle.fields.size());
  for (std::size_t i = 0; i < oracle.fields.size(); ++i)
    BW_CHECK(ours.all()[i].name == oracle.fields[i].first && ours.all()[i].value == oracle.fields[i].second);
}

/// What we take, llhttp takes with the same parts. Of methods it knows its own list, and of targets a narrower alphabet.
/// Tabs at the end of a length it refuses, against RFC 9110 §5.5: heads with tabs are left to the unit test.
void as_llhttp(std::string_view bytes) {
  if (bytes.find('\t') != std::string_view::npos) return;
  http::RequestHead request;
  std::size_t scanned = 0;
  http::HeadResult result = http::parse_request_head(bytes, scanned, request);
  if (result.status == http::HeadResult::Status::complete && request.method != http::Method::other &&
      std::ranges::all_of(request.path, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '/' || c == '-'; }) &&
      bytes.substr(0, result.size).find('?') == std::string_view::npos) {
    const auto oracle = tests::read_by_llhttp(bytes.substr(0, result.size), HTTP_REQUEST);
    BW_CHECK(oracle && oracle->method == request.method_text && oracle->target.ends_with(request.path));
    same_fields(request.fields, *oracle);
  }
  http::ReplyHead reply;
  scanned = 0;
  result = http::parse_reply_head(bytes, scanned, reply);
  if (result.status == http::HeadResult::Status::complete) {
    const auto oracle = tests::read_by_llhttp(bytes.substr(0, result.size), HTTP_RESPONSE);
    BW_CHECK(oracle && oracle->status == reply.status);
    same_fields(reply.fields, *oracle);
  }
}

std::string body_of(std::string_view bytes, std::size_t step_max, bool& bad) {
  http::BodyReader reader{{.chunked = true, .length = {}}, http::Ends::by_framing};
  std::string content, held;
  std::size_t fed = 0;
  for (;;) {
    const http::BodyReader::Step step = reader.step(held);
    BW_CHECK(step.consumed <= held.size());
    content += step.content;
    held.erase(0, step.consumed);
    bad = step.status == http::BodyReader::Status::bad;
    if (bad || step.status == http::BodyReader::Status::complete) return content;
    if (step.status == http::BodyReader::Status::content) continue;
    if (fed == bytes.size()) return content;
    const std::size_t more = std::min(step_max, bytes.size() - fed);
    held += bytes.substr(fed, more);
    fed += more;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), std::min<std::size_t>(size, 2048));
  cut_or_whole<http::RequestHead>(bytes, http::parse_request_head);
  cut_or_whole<http::ReplyHead>(bytes, http::parse_reply_head);
  as_llhttp(bytes);
  bool bad_whole = false, bad_cut = false;
  const std::string whole = body_of(bytes, bytes.size() + 1, bad_whole);
  const std::string cut = body_of(bytes, 1, bad_cut);
  BW_CHECK(bad_whole == bad_cut && whole == cut);
  std::ignore = http::percent_decode(bytes);
  return 0;
}
