#include "gateway/attempt.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <iterator>

#include "base/text.h"
#include "gateway/stream_reply.h"
#include "gateway/whole_reply.h"
#include "http/date.h"

namespace bellwether::gateway {
namespace {

constexpr std::size_t refusal_bytes_max = 64 * 1024;            // Of an error's body; more is never words for a caller.
constexpr Duration refusal_patience = std::chrono::seconds(2);  // For all of it.
constexpr std::int64_t retry_after_ms_max = std::int64_t{86'400} * 1000;

void write_head(const Attempt& attempt, std::size_t body_size, std::string& head) {
  const Serving& serving = attempt.serving;
  const std::string& start = attempt.continues() ? attempt.reach.continuation_start : attempt.reach.head_start[static_cast<std::size_t>(serving.chat.endpoint)];
  // The id is unique for each attempt: vLLM makes it the answer's id and stumbles over two that are alike (wire.md §A.3.6).
  append_all(head, start, serving.chat.stream ? std::string_view("accept: text/event-stream") : std::string_view("accept: application/json"),
             "\r\nx-request-id: ", serving.trail.id.text(), "-", Digits{attempt.order.number},
             "\r\ncontent-length: ", Digits{static_cast<std::int64_t>(body_size)}, "\r\n");
  if (!serving.traceparent.empty()) append_all(head, "traceparent: ", serving.traceparent, "\r\n");
  if (!serving.tracestate.empty()) append_all(head, "tracestate: ", serving.tracestate, "\r\n");
  head += "\r\n";
}

net::Prompt<Result<void>> send(Attempt& attempt, net::Exchange& exchange) {
  const Serving& serving = attempt.serving;
  std::string& body = attempt.loop().out_scratch();
  if (attempt.continues()) attempt.dialect.write_continuation(serving.chat, attempt.entry, serving.outgoing->unfinished(), serving.lane.reader(), body);
  else attempt.dialect.write_body(serving.chat, attempt.entry, serving.lane.reader(), body);
  std::string& head = attempt.loop().head_scratch();
  write_head(attempt, body.size(), head);
  attempt.progress = relay::Progress::request_sent;
  const std::array<std::string_view, 2> pieces{head, body};
  return exchange.send(pieces, attempt.upstream.timeouts.write);
}

/// The reply's head, for a caller who waits for a stream and gets signs of life meanwhile.
net::Task<Result<const http::ReplyHead*>> read_head_warm(Attempt& attempt, net::Exchange& exchange) {
  for (;;) {
    Result<const http::ReplyHead*> head = co_await exchange.read_head(std::min(attempt.silent_until, comment_due(attempt)));
    const bool timed_out = !head && head.error().reason == Reason::upstream_timeout;
    if (!timed_out || attempt.loop().turn() >= attempt.silent_until) co_return head;
    BW_CO_TRY_DONE(co_await keep_caller_warm(attempt.serving));
  }
}

net::Task<Result<const http::ReplyHead*>> read_head(Attempt& attempt, net::Exchange& exchange) {
  return attempt.serving.chat.stream ? read_head_warm(attempt, exchange) : exchange.read_head(attempt.silent_until);
}

/// What the upstream asks us to wait, in milliseconds; -1: nothing. Seconds or a date (RFC 9110 §10.2.3), or OpenAI's milliseconds.
std::int64_t retry_after_ms(const http::Fields& fields, WallTime now) {
  const auto number = [](std::string_view text, double unit_ms) -> std::int64_t {
    double value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size();
    if (!whole || !(value >= 0)) return -1;
    return static_cast<std::int64_t>(std::min(value * unit_ms, static_cast<double>(retry_after_ms_max)));
  };
  if (const auto field = fields.find("retry-after-ms"))
    if (const std::int64_t ms = number(*field, 1); ms >= 0) return ms;
  const auto field = fields.find("retry-after");
  if (!field) return -1;
  if (const auto date = http::read_date(*field))
    return std::clamp<std::int64_t>(std::chrono::ceil<std::chrono::milliseconds>(*date - now).count(), 0, retry_after_ms_max);
  return number(*field, 1000);
}

net::Task<AttemptEnd> refused(Attempt& attempt, net::Exchange& exchange, const http::ReplyHead& head) {
  const int status = head.status;
  const std::int64_t wait_ms = retry_after_ms(head.fields, attempt.loop().wall_now());
  // The status alone says enough where the body is missing, cut or endless.
  std::string body;
  std::ignore = co_await read_rest(attempt, exchange, body, refusal_bytes_max, std::min(attempt.silent_until, attempt.loop().turn() + refusal_patience));
  body.reserve(body.size() + json::padding);
  json::Reader& reader = attempt.serving.lane.reader();
  Failure failure = attempt.continues() ? attempt.dialect.read_refused_continuation(status, body, reader) : attempt.dialect.read_refusal(status, body, reader);
  failure.retry_after_ms = wait_ms;
  co_return attempt.failed_with(std::move(failure));
}

bool is_event_stream(std::string_view content_type) {
  constexpr std::string_view name = "text/event-stream";
  return http::same_name(content_type.substr(0, name.size()), name);
}

enum class Connection : std::uint8_t { alive, died_unused };

/// The upstream's connection, and the caller's way to it.
class Wire {
 public:
  explicit Wire(Cancellation& cancellation) : cancellation_{cancellation} {}
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;
  ~Wire() { cancellation_.exchange = nullptr; }

  net::Exchange& open(net::Lease lease) {
    exchange_.emplace(std::move(lease));
    cancellation_.exchange = &*exchange_;
    return *exchange_;
  }
  net::Exchange& exchange() { return *exchange_; }

 private:
  Cancellation& cancellation_;
  std::optional<net::Exchange> exchange_;
};

/// Sends the request and waits for the reply's head. A coroutine of its own, so that a stream that flows does not keep the room for all this.
net::Task<Result<const http::ReplyHead*>> ask(Attempt& attempt, net::Pool::Wanted wanted, Connection& connection, Wire& wire) {
  const catalog::Timeouts& timeouts = attempt.upstream.timeouts;
  const TimePoint asked_at = attempt.loop().turn();
  Result<net::Lease> lease = co_await attempt.reach.pool->lease(wanted, {timeouts.pool, timeouts.connect},
                                                                std::min(attempt.total, attempt.order.first_token_by), attempt.cancellation.waiting);
  attempt.serving.trail.waited_for_upstream += attempt.loop().turn() - asked_at;
  if (!lease) co_return std::unexpected(std::move(lease).error());
  net::Exchange& exchange = wire.open(*std::move(lease));
  if (attempt.cancellation.requested) co_return failed(Reason::caller_gone);

  Result<void> sent = co_await send(attempt, exchange);
  const TimePoint sent_at = attempt.loop().now();
  attempt.silent_until = std::min({attempt.total, attempt.order.first_token_by, sent_at + timeouts.first_token});
  Result<const http::ReplyHead*> head = std::unexpected(Failure{});
  if (sent) head = co_await read_head(attempt, exchange);
  attempt.waited_since(sent_at);
  if (!sent) head = std::unexpected(std::move(sent).error());
  if (!head && exchange.reused() && !exchange.heard_anything() && head.error().reason == Reason::upstream_broken) connection = Connection::died_unused;
  co_return head;
}

net::Task<AttemptEnd> run_once(Attempt& attempt, net::Pool::Wanted wanted, Connection& connection) {
  Wire wire{attempt.cancellation};
  const http::ReplyHead* head = nullptr;
  {
    Result<const http::ReplyHead*> heard = co_await ask(attempt, wanted, connection, wire);
    if (!heard) co_return attempt.failed_with(std::move(heard).error());
    head = *heard;
  }
  AttemptEnd end;
  const bool good = head->status / 100 == 2;
  const bool events = is_event_stream(head->fields.find("content-type").value_or(""));
  if (!good) end = co_await refused(attempt, wire.exchange(), *head);
  else if (attempt.serving.chat.stream && events) end = co_await relay_stream(attempt, wire.exchange());
  else end = co_await relay_whole(attempt, wire.exchange());
  std::move(wire.exchange()).end();
  co_return end;
}

}  // namespace

void Cancellation::request() {
  requested = true;
  if (waiting.cancel) waiting.cancel();
  if (exchange != nullptr) exchange->cancel();
}

void Attempt::win() {
  answered = true;
  first_token = loop().now() - began;
  serving.on_answered(order.number, first_token);
}

net::Task<Result<void>> read_rest(Attempt& attempt, net::Exchange& exchange, std::string& body, std::size_t size_max, TimePoint by) {
  for (;;) {
    const TimePoint began = attempt.loop().turn();
    Result<net::Exchange::Piece> piece = co_await exchange.read_piece(std::min(by, attempt.until(attempt.upstream.timeouts.idle)));
    attempt.waited_since(began);
    if (!piece) co_return std::unexpected(std::move(piece).error());
    const std::size_t size = body.size() + piece->content.size();
    if (size > size_max) co_return failed(Reason::upstream_broken, fmt::format("the reply has more than {} bytes", size_max));
    if (body.capacity() < size + json::padding) body.reserve(std::max(size + json::padding, 2 * body.size()));
    body += piece->content;
    if (piece->complete) co_return Result<void>{};
  }
}

net::Task<AttemptEnd> attempt(Serving& serving, const Order& order, Cancellation& cancellation, const catalog::RouteEntry& entry) {
  const catalog::Upstream& upstream = serving.trail.pinned->revision->upstreams()[entry.upstream];
  const TimePoint now = serving.lane.loop().turn();
  Attempt attempt{.serving = serving,
                  .order = order,
                  .cancellation = cancellation,
                  .upstream = upstream,
                  .entry = entry,
                  .reach = serving.trail.pinned->reach[entry.upstream],
                  .dialect = dialects::dialect_of(upstream.dialect),
                  .began = now,
                  .total = std::min(order.over_by, now + upstream.timeouts.total)};
  const Result<Gate::Place> place = co_await attempt.reach.gate->enter(std::min(attempt.total, order.first_token_by), cancellation.waiting);
  // What it waited for a place is neither our own work nor a sign of the upstream's latency, which the number of places may follow.
  attempt.waited_since(now);
  attempt.began = attempt.loop().turn();
  if (!place) co_return attempt.failed_with(place.error());
  if (cancellation.requested) co_return attempt.failed_with({.reason = Reason::caller_gone});
  Connection connection = Connection::alive;
  AttemptEnd end = co_await run_once(attempt, net::Pool::Wanted::any, connection);
  if (connection == Connection::died_unused && !cancellation.requested) {
    attempt.progress = relay::Progress::nothing_sent;
    end = co_await run_once(attempt, net::Pool::Wanted::fresh, connection);
  }
  co_return end;
}

}  // namespace bellwether::gateway
