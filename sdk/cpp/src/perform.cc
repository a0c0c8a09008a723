#include <array>

#include "error_reply.h"
#include "json_object.h"
#include "net/exchange.h"
#include "net/signal.h"
#include "retry.h"
#include "side.h"
#include "sse/framer.h"

namespace bellwether::client {
namespace {

// A reply that is not streamed: a hundred times what a model with the longest answers gives.
constexpr std::size_t reply_bytes_max = std::size_t{64} << 20;
// A refusal's body: the rest of it is of no use.
constexpr std::size_t refusal_bytes_max = std::size_t{256} << 10;
// How long to wait for the end of a body after [DONE], so that its connection serves again.
constexpr Duration last_bytes_within = std::chrono::milliseconds(200);
// A request that is not taken for so long will not be.
constexpr Duration write_max = std::chrono::seconds(60);

using Outcome = std::expected<void, Error>;  ///< The operation has its last item; or what an attempt failed with.

/// One call's way through its attempts. On its coroutine's frame.
class Performer {
 public:
  Performer(Side& side, Operation& operation) : side_{side}, operation_{operation}, ask_{operation.ask()}, total_{side.loop.now() + ask_.deadline} {}

  [[nodiscard]] net::Task<void> all();

 private:
  [[nodiscard]] net::Task<Outcome> attempt();
  [[nodiscard]] net::Task<Outcome> exchange(net::Exchange& exchange);
  [[nodiscard]] net::Task<Outcome> whole(net::Exchange& exchange);
  [[nodiscard]] net::Task<Outcome> events(net::Exchange& exchange);
  [[nodiscard]] net::Task<Result<void>> take_events(net::Exchange& exchange, sse::Framer& framer);
  [[nodiscard]] net::Task<void> pause(Duration time);
  [[nodiscard]] net::Task<void> wait_for_room();

  [[nodiscard]] std::string head() const;
  [[nodiscard]] TimePoint patience() const { return std::min(total_, side_.loop.now() + ask_.timeout); }
  [[nodiscard]] Error error_of(const Failure& failure) const;
  [[nodiscard]] Error cancelled() const;
  void fail(Error error);

  Side& side_;
  Operation& operation_;
  const Ask& ask_;
  const TimePoint total_;
  int attempts_ = 0;
  int retries_ = 0;
  net::Pool::Wanted wanted_ = net::Pool::Wanted::any;
  bool was_stale_ = false;  ///< The attempt ended because a connection had been closed while it lay unused.
  bool ended_ = false;      ///< [DONE] came.
  bool begun_ = false;      ///< A stream's reply began: nothing is repeated any more.
  int status_ = 0;
  ReplyFields fields_;
};

Error Performer::cancelled() const { return {.kind = ErrorKind::cancelled, .code = "cancelled", .message = "The call was cancelled."}; }

Error Performer::error_of(const Failure& failure) const {
  const bool over = side_.loop.now() >= total_;
  Error error{.kind = ErrorKind::connection, .http_status = status_, .code = "connection_error", .request_id = fields_.request_id};
  error.message = "Connection error: " + failure.detail.text.str() + ".";
  if (operation_.cancelled() || failure.reason == Reason::caller_gone) {
    error = cancelled();
  } else if (failure.reason == Reason::upstream_timeout || failure.reason == Reason::overloaded || over) {
    error.kind = ErrorKind::timeout;
    error.code = over ? "deadline_exceeded" : "timeout";
    error.message = (over ? "The call's deadline passed: " : "Request timed out: ") + failure.detail.text.str() + ".";
  }
  if (begun_ && error.kind != ErrorKind::cancelled) {
    // Whatever ended it, half an answer is half an answer.
    if (error.kind == ErrorKind::connection) error.code = "stream_cut";
    error.kind = error.kind == ErrorKind::timeout ? ErrorKind::timeout : ErrorKind::stream_cut;
    error.message = "The stream was cut before its answer was whole: " + failure.detail.text.str() + ".";
  }
  return error;
}

void Performer::fail(Error error) {
  error.attempts = attempts_;
  if (error.request_id.empty()) error.request_id = fields_.request_id;
  operation_.tell(error.request_id, attempts_);
  operation_.put({Item::Kind::failure, {}, std::move(error)});
}

std::string Performer::head() const {
  const Settings& settings = side_.settings;
  std::string text = ask_.method + " " + settings.url.path + ask_.path + " HTTP/1.1\r\nhost: " + settings.url.authority + "\r\n";
  const auto add = [&text](std::string_view name, std::string_view value) { text.append(name).append(": ").append(value).append("\r\n"); };
  if (!settings.api_key.empty()) add("authorization", "Bearer " + settings.api_key);
  add("user-agent", "bellwether-client/" BELLWETHER_CLIENT_VERSION " (C++)");
  add("accept", ask_.wants == Wants::events ? "text/event-stream" : "application/json");
  if (ask_.method == "POST") {
    add("content-type", "application/json");
    add("content-length", std::to_string(ask_.body.size()));
    add("idempotency-key", ask_.idempotency_key);
  }
  // The gateway reads these as of OpenAI's SDKs: how patient we are, and which try this is.
  add("x-stainless-read-timeout", std::to_string(std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(ask_.timeout).count())));
  add("x-stainless-retry-count", std::to_string(retries_));
  for (const auto& [name, value] : settings.headers) add(name, value);
  for (const auto& [name, value] : ask_.headers) add(name, value);
  return text += "\r\n";
}

net::Task<void> Performer::all() {
  for (;;) {
    if (operation_.cancelled()) {
      fail(cancelled());
      co_return;
    }
    Outcome outcome = co_await attempt();
    operation_.interrupt = nullptr;
    if (outcome) co_return;
    Error& error = outcome.error();
    if (was_stale_ && error.kind == ErrorKind::connection && wanted_ == net::Pool::Wanted::any) {
      wanted_ = net::Pool::Wanted::fresh;
      continue;
    }
    const double share = static_cast<double>(side_.loop.random().below(1 << 20)) / (1 << 20);
    const std::optional<Duration> wait = begun_ ? std::nullopt : wait_before_retry(error, retries_, ask_.retries_max, share);
    if (!wait || side_.loop.now() + *wait >= total_) {
      fail(std::move(error));
      co_return;
    }
    co_await pause(*wait);
    ++retries_;
    wanted_ = net::Pool::Wanted::fresh;
  }
}

net::Task<void> Performer::pause(Duration time) {
  net::Sleep nap{side_.loop, side_.loop.now() + time};
  operation_.interrupt = [&nap] { nap.end(); };
  co_await nap;
  operation_.interrupt = nullptr;
}

net::Task<Outcome> Performer::attempt() {
  was_stale_ = false;
  status_ = 0;
  fields_ = {};
  net::Pool::Waiting waiting;
  operation_.interrupt = [&waiting] {
    if (waiting.cancel) waiting.cancel();
  };
  const Duration left = std::max<Duration>(total_ - side_.loop.now(), Duration{});
  Result<net::Lease> lease = co_await side_.pool.lease(wanted_, {left, side_.settings.connect_timeout}, total_, waiting);
  operation_.interrupt = nullptr;
  if (!lease) {
    ++attempts_;
    co_return std::unexpected(error_of(lease.error()));
  }
  if (operation_.cancelled()) co_return std::unexpected(cancelled());
  net::Exchange on{*std::move(lease)};
  operation_.interrupt = [&on] { on.cancel(); };
  ++attempts_;
  Outcome outcome = co_await exchange(on);
  operation_.interrupt = nullptr;
  was_stale_ = !outcome && on.reused() && !on.heard_anything();
  std::move(on).end();
  co_return outcome;
}

net::Task<Outcome> Performer::exchange(net::Exchange& exchange) {
  const std::string head_text = head();
  const std::array<std::string_view, 2> pieces{head_text, ask_.body};
  const Result<void> sent = co_await exchange.send(std::span(pieces).first(ask_.body.empty() ? 1 : 2), std::min<Duration>(write_max, ask_.timeout));
  if (!sent) co_return std::unexpected(error_of(sent.error()));
  const Result<const http::ReplyHead*> reply = co_await exchange.read_head(patience());
  if (!reply) co_return std::unexpected(error_of(reply.error()));

  const http::ReplyHead& head = **reply;
  const auto field = [&head](std::string_view name) { return std::string(head.fields.find(name).value_or(std::string_view{})); };
  status_ = head.status;
  fields_ = {field("x-request-id"), field("retry-after-ms"), field("retry-after"), field("x-should-retry")};
  const bool is_document = field("content-type").starts_with("application/json");
  if (ask_.wants == Wants::events && status_ < 300 && !is_document) co_return co_await events(exchange);
  co_return co_await whole(exchange);
}

/// A reply in one piece, or a refusal.
net::Task<Outcome> Performer::whole(net::Exchange& exchange) {
  const bool refused = status_ >= 300;
  std::string body;
  for (;;) {
    const Result<net::Exchange::Piece> piece = co_await exchange.read_piece(patience());
    if (!piece && refused && !operation_.cancelled()) break;  // The status says enough.
    if (!piece) co_return std::unexpected(error_of(piece.error()));
    body += piece->content;
    if (piece->complete || (refused && body.size() > refusal_bytes_max)) break;
    if (body.size() > reply_bytes_max)
      co_return std::unexpected(Error{.kind = ErrorKind::internal_server,
                                      .http_status = status_,
                                      .code = "reply_too_large",
                                      .message = "The answer is longer than 64 MiB.",
                                      .request_id = fields_.request_id});
  }
  pad(body);
  if (refused) co_return std::unexpected(error_of_reply(status_, fields_, body, side_.loop.wall_now()));
  std::optional<Error> within = error_within(body, ErrorKind::internal_server);
  if (!within && ask_.wants == Wants::events)
    within = Error{.kind = ErrorKind::stream_cut, .code = "not_a_stream", .message = "A stream was asked for, and the server answered with a single document."};
  if (within) {
    within->http_status = status_;
    within->request_id = fields_.request_id;
    co_return std::unexpected(*std::move(within));
  }
  operation_.tell(fields_.request_id, attempts_);
  operation_.put({Item::Kind::reply, std::move(body), {}});
  co_return Outcome{};
}

net::Task<Outcome> Performer::events(net::Exchange& exchange) {
  begun_ = true;
  operation_.tell(fields_.request_id, attempts_);
  exchange.forget_head();
  sse::Framer framer;
  const Result<void> taken = co_await take_events(exchange, framer);
  if (!taken) co_return std::unexpected(error_of(taken.error()));
  if (ended_) co_return Outcome{};
  sse::Event last;
  const bool was_mid_event = framer.mid_event();
  if (framer.finish(last) && last.has_data) {
    if (last.data.starts_with("[DONE]")) {
      operation_.put({Item::Kind::end, "done", {}});
      co_return Outcome{};
    }
    operation_.put({Item::Kind::event, std::string(last.data), {}});
  } else if (was_mid_event) {
    co_return std::unexpected(error_of({.reason = Reason::upstream_broken, .detail = {"it ended within an event"}}));
  }
  operation_.put({Item::Kind::end, "", {}});
  co_return Outcome{};
}

/// Until the body ends, or [DONE] came: then the consumer has its end, and the rest of the body is taken for the connection's sake.
net::Task<Result<void>> Performer::take_events(net::Exchange& exchange, sse::Framer& framer) {
  TimePoint last_bytes_until{};
  for (;;) {
    const TimePoint until = ended_ ? last_bytes_until : patience();
    const Result<net::Exchange::Piece> piece = co_await exchange.read_piece(until);
    if (!piece && ended_) co_return Result<void>{};
    if (!piece) co_return std::unexpected(piece.error());
    sse::Event event;
    framer.feed(piece->content);
    for (sse::Framer::Status status = framer.next(event); status != sse::Framer::Status::needs_more; status = framer.next(event)) {
      if (status == sse::Framer::Status::too_large) co_return failed(Reason::upstream_broken, std::string("an event is longer than 16 MiB"));
      if (ended_ || !event.has_data || event.data.empty()) continue;
      if (event.data.starts_with("[DONE]")) {
        ended_ = true;
        last_bytes_until = side_.loop.now() + last_bytes_within;
        operation_.put({Item::Kind::end, "done", {}});
      } else {
        operation_.put({Item::Kind::event, std::string(event.data), {}});
      }
    }
    if (piece->complete) co_return Result<void>{};
    const bool must_wait = !ended_ && operation_.full();
    if (must_wait) co_await wait_for_room();
    if (operation_.cancelled() && !ended_) co_return failed(Reason::caller_gone, std::string("cancelled"));
  }
}

net::Task<void> Performer::wait_for_room() {
  net::Signal signal{side_.loop};
  const std::function<void()> interrupt = std::exchange(operation_.interrupt, [&signal] { signal.wake(net::IoStatus::cancelled); });
  operation_.drained = &signal;
  // At the deadline the next read says that it passed.
  const net::IoStatus status = co_await signal.wait(total_);
  std::ignore = status;
  operation_.drained = nullptr;
  operation_.interrupt = interrupt;
}

}  // namespace

net::Task<void> perform(Side& side, std::shared_ptr<Operation>& operation) {
  Performer performer{side, *operation};
  co_await performer.all();
}

}  // namespace bellwether::client
