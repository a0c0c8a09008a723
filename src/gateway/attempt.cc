#include "gateway/attempt.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>

#include "base/text.h"
#include "gateway/stream_reply.h"
#include "gateway/whole_reply.h"

namespace bellwether::gateway {
namespace {

constexpr std::size_t refusal_bytes_max = 64 * 1024;  // Of an error's body; more is never words for a caller.
constexpr std::int64_t retry_after_seconds_max = 86'400;

void write_head(const Attempt& attempt, std::size_t body_size, std::string& head) {
  // The id is unique for each attempt: vLLM makes it the answer's id and stumbles over two that are alike (wire.md §A.3.6).
  append_all(head, attempt.reach.head_start[static_cast<std::size_t>(attempt.chat.endpoint)],
             attempt.chat.stream ? std::string_view("accept: text/event-stream") : std::string_view("accept: application/json"),
             "\r\nx-request-id: ", attempt.trail.id.text(), "-", Digits{attempt.trail.attempts},
             "\r\ncontent-length: ", Digits{static_cast<std::int64_t>(body_size)}, "\r\n");
  // The named few of the caller's own: a trace goes on where it came from.
  for (const std::string_view name : {"traceparent", "tracestate"}) {
    const auto value = attempt.raw.head.fields.find(name);
    if (value) append_all(head, name, ": ", *value, "\r\n");
  }
  head += "\r\n";
}

net::Prompt<Result<void>> send(Attempt& attempt, net::Exchange& exchange) {
  std::string& body = attempt.lane.loop().out_scratch();
  attempt.dialect.write_body(attempt.chat, attempt.entry, body);
  std::string& head = attempt.lane.loop().head_scratch();
  write_head(attempt, body.size(), head);
  attempt.progress = relay::Progress::request_sent;
  const std::array<std::string_view, 2> pieces{head, body};
  return exchange.send(pieces, attempt.upstream.timeouts.write);
}

/// The reply's head, for a caller who waits for a stream and gets signs of life meanwhile.
net::Task<Result<const http::ReplyHead*>> read_head_warm(Attempt& attempt, net::Exchange& exchange) {
  for (;;) {
    Result<const http::ReplyHead*> head = co_await exchange.read_head(std::min(attempt.silent_until, attempt.comment_at));
    const bool timed_out = !head && head.error().reason == Reason::upstream_timeout;
    if (!timed_out || attempt.lane.loop().turn() >= attempt.silent_until) co_return head;
    BW_CO_TRY_DONE(co_await keep_caller_warm(attempt));
  }
}

net::Task<Result<const http::ReplyHead*>> read_head(Attempt& attempt, net::Exchange& exchange) {
  return attempt.chat.stream ? read_head_warm(attempt, exchange) : exchange.read_head(attempt.silent_until);
}

/// What the upstream asks us to wait, in milliseconds; -1: nothing. Dates are not read: no vendor of a dialect here sends them.
std::int64_t retry_after_ms(const http::Fields& fields) {
  std::int64_t value = -1;
  if (const auto field = fields.find("retry-after-ms")) {
    const auto parsed = std::from_chars(field->data(), field->data() + field->size(), value);
    return parsed.ec == std::errc{} && value >= 0 && value < retry_after_seconds_max * 1000 ? value : -1;
  }
  if (const auto field = fields.find("retry-after")) {
    const auto parsed = std::from_chars(field->data(), field->data() + field->size(), value);
    return parsed.ec == std::errc{} && value >= 0 && value < retry_after_seconds_max ? value * 1000 : -1;
  }
  return -1;
}

net::Task<AttemptEnd> refused(Attempt& attempt, net::Exchange& exchange, const http::ReplyHead& head) {
  const int status = head.status;
  const std::int64_t wait_ms = retry_after_ms(head.fields);
  // The status alone says enough where the body is missing, cut or endless.
  std::string body;
  std::ignore = co_await read_rest(attempt, exchange, body, refusal_bytes_max);
  body.reserve(body.size() + json::padding);
  Failure failure = attempt.dialect.read_refusal(status, body, attempt.lane.reader());
  failure.retry_after_ms = wait_ms;
  co_return attempt.failed_with(std::move(failure));
}

enum class Connection : std::uint8_t { alive, died_unused };

net::Task<AttemptEnd> run_once(Attempt& attempt, net::Pool::Wanted wanted, Connection& connection) {
  const catalog::Timeouts& timeouts = attempt.upstream.timeouts;
  const TimePoint asked_at = attempt.lane.loop().turn();
  Result<net::Lease> lease = co_await attempt.reach.pool->lease(wanted, {timeouts.pool, timeouts.connect}, attempt.total, attempt.cancellation.waiting);
  attempt.trail.waited_for_upstream += attempt.lane.loop().turn() - asked_at;
  if (!lease) co_return attempt.failed_with(std::move(lease).error());
  net::Exchange exchange{*std::move(lease)};
  struct Reachable {
    Reachable(Cancellation& cancellation, net::Exchange& exchange) : cancellation{cancellation} { cancellation.exchange = &exchange; }
    ~Reachable() { cancellation.exchange = nullptr; }
    Cancellation& cancellation;
  } const reachable{attempt.cancellation, exchange};
  if (attempt.cancellation.requested) co_return attempt.failed_with({.reason = Reason::caller_gone});

  Result<void> sent = co_await send(attempt, exchange);
  const TimePoint sent_at = attempt.lane.loop().now();
  attempt.silent_until = std::min(attempt.total, sent_at + timeouts.first_token);
  attempt.comment_at = sent_at + attempt.lane.settings().keep_alive_comment;
  Result<const http::ReplyHead*> head = std::unexpected(Failure{});
  if (sent) head = co_await read_head(attempt, exchange);
  attempt.waited_since(sent_at);
  if (!sent || !head) {
    Failure failure = sent ? std::move(head).error() : std::move(sent).error();
    if (exchange.reused() && !exchange.heard_anything() && failure.reason == Reason::upstream_broken) connection = Connection::died_unused;
    co_return attempt.failed_with(std::move(failure));
  }

  AttemptEnd end;
  const bool good = (*head)->status / 100 == 2;
  const bool events = (*head)->fields.find("content-type").value_or("").starts_with("text/event-stream");
  if (!good) end = co_await refused(attempt, exchange, **head);
  else if (attempt.chat.stream && events) end = co_await relay_stream(attempt, exchange);
  else end = co_await relay_whole(attempt, exchange);
  std::move(exchange).end();
  co_return end;
}

}  // namespace

void Cancellation::request() {
  requested = true;
  if (waiting.cancel) waiting.cancel();
  if (exchange != nullptr) exchange->cancel();
}

net::Task<Result<void>> read_rest(Attempt& attempt, net::Exchange& exchange, std::string& body, std::size_t size_max) {
  for (;;) {
    const TimePoint began = attempt.lane.loop().turn();
    Result<net::Exchange::Piece> piece = co_await exchange.read_piece(attempt.until(attempt.upstream.timeouts.idle));
    attempt.waited_since(began);
    if (!piece) co_return std::unexpected(std::move(piece).error());
    const std::size_t size = body.size() + piece->content.size();
    if (size > size_max) co_return failed(Reason::upstream_broken, fmt::format("the reply has more than {} bytes", size_max));
    if (body.capacity() < size + json::padding) body.reserve(std::max(size + json::padding, 2 * body.size()));
    body += piece->content;
    if (piece->complete) co_return Result<void>{};
  }
}

net::Task<AttemptEnd> attempt(Lane& lane, const chat::Request& chat, net::Request& raw, net::Reply& reply, Trail& trail, Cancellation& cancellation,
                              const catalog::Candidate& candidate) {
  const std::size_t upstream = static_cast<std::size_t>(candidate.upstream - trail.pinned->revision->upstreams().data());
  Attempt attempt{.lane = lane,
                  .chat = chat,
                  .raw = raw,
                  .reply = reply,
                  .trail = trail,
                  .cancellation = cancellation,
                  .upstream = *candidate.upstream,
                  .entry = *candidate.entry,
                  .reach = trail.pinned->reach[upstream],
                  .dialect = dialects::dialect_of(candidate.upstream->dialect),
                  .total = lane.loop().turn() + candidate.upstream->timeouts.total};
  Connection connection = Connection::alive;
  AttemptEnd end = co_await run_once(attempt, net::Pool::Wanted::any, connection);
  if (connection == Connection::died_unused && !cancellation.requested) {
    attempt.progress = relay::Progress::nothing_sent;
    end = co_await run_once(attempt, net::Pool::Wanted::fresh, connection);
  }
  if (reply.caller_gone()) end.failure = Failure{.reason = Reason::caller_gone};
  co_return end;
}

}  // namespace bellwether::gateway
