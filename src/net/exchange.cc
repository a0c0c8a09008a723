#include "net/exchange.h"

#include <array>
#include <cstring>

#include "base/check.h"

namespace bellwether::net {
namespace {

constexpr std::size_t padding = 64;  // json::padding

}  // namespace

Failure Exchange::failure_of(IoStatus status, std::string_view during) const {
  const std::string where(during);
  switch (status) {
    case IoStatus::timed_out: return {.reason = Reason::upstream_timeout, .detail = {"timed out " + where}};
    case IoStatus::cancelled: return {.reason = Reason::caller_gone, .detail = {"cancelled " + where}};
    case IoStatus::closed: return {.reason = Reason::upstream_broken, .detail = {"connection closed " + where}};
    default: break;
  }
  const std::string& error = lease_.stream().last_error();
  return {.reason = Reason::upstream_broken, .detail = {"connection failed " + where + (error.empty() ? "" : ": " + error)}};
}

Prompt<Result<void>> Exchange::send(std::span<const std::string_view> pieces, Duration write_timeout) {
  std::array<iovec, 4> parts;
  BW_CHECK(pieces.size() <= parts.size());
  std::size_t size = 0;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    parts[i] = {const_cast<char*>(pieces[i].data()), pieces[i].size()};
    size += pieces[i].size();
  }
  const std::span<const iovec> all{parts.data(), pieces.size()};
  const IoResult result = lease_.stream().try_write(all);
  if (result.status == IoStatus::ok && result.bytes == size) return Result<void>{};
  if (result.status != IoStatus::ok && result.status != IoStatus::would_block) return judge_sent(result.status);
  return send_rest(rest_of(all, result.bytes), write_timeout);
}

Task<Result<void>> Exchange::send_rest(std::string rest, Duration write_timeout) {
  co_return judge_sent(co_await lease_.stream().write_rest(std::move(rest), write_timeout));
}

Result<void> Exchange::judge_sent(IoStatus status) const {
  if (status == IoStatus::ok) return {};
  // A reply may lie there although the rest of the request is not wanted (413, 401): reading tells.
  if (status == IoStatus::failed && !lease_.stream().quiet()) return {};
  return std::unexpected(failure_of(status, "while the request was being sent"));
}

Task<Result<const http::ReplyHead*>> Exchange::read_head(TimePoint until) {
  Stream& stream = lease_.stream();
  std::size_t scanned = 0;
  std::span<char> read;  // In the scratch. Usually the whole head with what comes behind it, and nothing has to be held.
  for (;;) {
    const bool in_place = held_.empty();
    const std::string_view bytes = in_place ? std::string_view(read.data(), read.size()) : std::string_view(held_);
    if (!bytes.empty()) {
      const http::HeadResult parsed = http::parse_reply_head(bytes, scanned, head_);
      if (parsed.status == http::HeadResult::Status::bad) co_return failed(Reason::upstream_broken, "malformed reply: " + std::string(parsed.why));
      if (parsed.status == http::HeadResult::Status::complete) {
        if (head_.status >= 200) {
          begin_body();
          if (in_place) behind_head_ = read.subspan(parsed.size);
          else body_offset_ = parsed.size;
          co_return &head_;
        }
        if (in_place) {
          read = read.subspan(parsed.size);
        } else {
          held_.erase(0, parsed.size);
          read = {};  // It is in what is held, or was.
        }
        scanned = 0;
        continue;
      }
      if (in_place) held_ = bytes;
    }
    stream.set_deadline(until);
    const std::span<char> scratch = stream.loop().scratch();
    const IoResult result = co_await stream.read(scratch);
    if (result.status != IoStatus::ok) co_return std::unexpected(failure_of(result.status, "before the reply's head"));
    heard_ = true;
    read = scratch.first(result.bytes);
    if (!held_.empty()) held_.append(read.data(), read.size());
  }
}

void Exchange::begin_body() {
  const bool framed = head_.framing.chunked || head_.framing.length.has_value();
  body_ = http::BodyReader{head_.framing, framed ? http::Ends::by_framing : http::Ends::with_connection};
  keep_alive_ = head_.keep_alive && framed;
  complete_ = body_.complete();
}

/// Takes the content out of raw bytes, in place: chunk framing is squeezed out, so that one read gives one piece.
Result<Exchange::Piece> Exchange::decode(std::span<char> bytes) {
  std::size_t out = 0, in = 0;
  while (in < bytes.size() && !complete_) {
    const http::BodyReader::Step step = body_.step({bytes.data() + in, bytes.size() - in});
    if (step.status == http::BodyReader::Status::bad) return failed(Reason::upstream_broken, std::string("malformed chunked reply"));
    if (!step.content.empty()) {
      std::memmove(bytes.data() + out, step.content.data(), step.content.size());
      out += step.content.size();
    }
    in += step.consumed;
    complete_ = step.status == http::BodyReader::Status::complete || body_.complete();
    if (step.status == http::BodyReader::Status::needs_more) break;
  }
  if (complete_ && in < bytes.size()) keep_alive_ = false;  // Unasked-for bytes: nobody knows what they belong to.
  return Piece{{bytes.data(), out}, complete_};
}

/// What came with the head and was not taken yet, moved into the scratch.
std::span<char> Exchange::take_held() {
  const std::span<char> scratch = lease_.stream().loop().scratch();
  const std::size_t size = std::min(held_.size() - body_offset_, scratch.size());
  std::memcpy(scratch.data(), held_.data() + body_offset_, size);
  body_offset_ += size;
  if (body_offset_ == held_.size()) {
    body_offset_ = 0;
    held_.clear();
    held_.shrink_to_fit();
  }
  return scratch.first(size);
}

bool Exchange::PieceRead::await_ready() {
  if (!exchange.behind_head_.empty() || exchange.body_offset_ > 0 || exchange.complete_) return true;
  Stream& stream = exchange.lease_.stream();
  stream.set_deadline(until);
  read.emplace(stream.read(stream.loop().scratch()));
  return read->await_ready();
}

Result<Exchange::Piece> Exchange::PieceRead::await_resume() {
  if (!read) {
    if (!exchange.behind_head_.empty()) return exchange.decode(std::exchange(exchange.behind_head_, {}));
    if (exchange.body_offset_ == 0) return Piece{{}, true};
    return exchange.decode(exchange.take_held());
  }
  const IoResult result = read->await_resume();
  if (result.status == IoStatus::closed && exchange.body_.end_of_connection()) {
    exchange.complete_ = true;
    return Piece{{}, true};
  }
  if (result.status != IoStatus::ok) return std::unexpected(exchange.failure_of(result.status, "within the reply"));
  return exchange.decode(read->into.first(result.bytes));
}

void Exchange::forget_head() {
  head_ = {};
  if (body_offset_ > 0) return;  // The body's first bytes lie behind it.
  held_.clear();
  held_.shrink_to_fit();
}

void Exchange::end() && {
  const bool bytes_left = !behind_head_.empty() || (body_offset_ > 0 && body_offset_ < held_.size());
  if (complete_ && keep_alive_ && !bytes_left) std::move(lease_).keep();
}

}  // namespace bellwether::net
