#include "calling/call.h"

#include <algorithm>
#include <array>
#include <utility>

#include "json/reader.h"

namespace bellwether::calling {
namespace {

constexpr Duration connect_max = std::chrono::seconds(10);  // DNS, TCP and TLS together: as the gateway has it.
constexpr Duration write_max = std::chrono::seconds(30);    // Without progress.
constexpr std::size_t body_bytes_max = std::size_t{64} << 20;

End end_of(const Failure& failure) {
  switch (failure.reason) {
    case Reason::upstream_unreachable: return End::unreachable;
    case Reason::upstream_timeout:
    case Reason::overloaded: return End::timed_out;  // No free connection in all that time.
    case Reason::caller_gone: return End::cancelled;
    default: return End::cut;
  }
}

std::string head_rest_of(const Endpoint& endpoint) {
  std::string rest = " HTTP/1.1\r\nhost: " + endpoint.authority + "\r\nuser-agent: bellwether\r\naccept-encoding: identity\r\n";
  if (!endpoint.api_key.empty()) rest += "authorization: Bearer " + endpoint.api_key + "\r\n";
  return rest;
}

}  // namespace

void Ongoing::cancel() {
  waiting_.cancelled = true;
  if (waiting_.cancel) waiting_.cancel();
  if (exchange_ != nullptr) exchange_->cancel();
}

struct Caller::Try {
  const Request& request;
  TimePoint until;
  Listener* listener;
  Ongoing& ongoing;
  Reply reply;
  sse::Framer framer;
  TimePoint at{};  ///< When the piece being read arrived.

  void fail(const Failure& failure) {
    reply.end = ongoing.waiting_.cancelled ? End::cancelled : end_of(failure);
    reply.detail = failure.detail.text.str();
  }
};

Caller::Caller(net::Loop& loop, const Endpoint& endpoint, std::uint32_t connections_max)
    : loop_{loop},
      head_rest_{head_rest_of(endpoint)},
      path_{endpoint.path},
      pool_{loop, endpoint.target, net::PoolLimits{.connections_max = connections_max, .idle_max = connections_max}, net::PoolObserver{[] {}, [] {}, [] {}}} {}

net::Task<Reply> Caller::call(const Request& request, Duration patience, Listener& listener, Ongoing& ongoing) {
  return call(request, patience, &listener, ongoing);
}

net::Task<Reply> Caller::call(const Request& request, Duration patience, Ongoing& ongoing) { return call(request, patience, nullptr, ongoing); }

net::Task<Reply> Caller::call(const Request& request, Duration patience, Listener* listener, Ongoing& ongoing) {
  Try attempt_now{.request = request, .until = loop_.now() + patience, .listener = listener, .ongoing = ongoing, .reply = {}, .framer = sse::Framer{}};
  const bool heard = co_await attempt(attempt_now, net::Pool::Wanted::any);
  // A kept connection that was closed in the meantime: the request was not read, so a second sending cannot be a second request.
  if (!heard) std::ignore = co_await attempt(attempt_now, net::Pool::Wanted::fresh);
  attempt_now.reply.over = loop_.now();
  co_return std::move(attempt_now.reply);
}

/// False: nothing was heard on a connection that had been kept.
net::Task<bool> Caller::attempt(Try& attempt, net::Pool::Wanted wanted) {
  const Duration left = std::max<Duration>(attempt.until - loop_.now(), Duration{1});
  Result<net::Lease> lease = co_await pool_.lease(wanted, {left, std::min(left, connect_max)}, attempt.until, attempt.ongoing.waiting_);
  if (!lease) {
    attempt.fail(lease.error());
    co_return true;
  }
  net::Exchange exchange{*std::move(lease)};
  attempt.ongoing.exchange_ = &exchange;
  if (attempt.ongoing.waiting_.cancelled) exchange.cancel();
  std::string head(attempt.request.method);
  head.append(" ").append(path_).append(attempt.request.path).append(head_rest_);
  if (!attempt.request.body.empty()) head += "content-type: application/json\r\ncontent-length: " + std::to_string(attempt.request.body.size()) + "\r\n";
  head += "\r\n";
  const std::array<std::string_view, 2> pieces{head, attempt.request.body};
  attempt.reply.sent = loop_.now();
  const Result<void> sent = co_await exchange.send(pieces, write_max);
  Failure failure{.reason = Reason::internal};
  bool ok = sent.has_value();
  if (!ok) failure = sent.error();
  if (ok) {
    const Result<const http::ReplyHead*> reply = co_await exchange.read_head(attempt.until);
    ok = reply.has_value();
    if (ok) {
      attempt.reply.head_at = std::max(loop_.turn(), attempt.reply.sent);
      attempt.reply.status = (*reply)->status;
      attempt.reply.content_type = (*reply)->fields.find("content-type").value_or("");
      attempt.reply.retry_after = (*reply)->fields.find("retry-after").value_or("");
      attempt.reply.source = (*reply)->fields.find("x-bellwether-upstream").value_or("");
      attempt.reply.is_stream = attempt.reply.content_type.starts_with("text/event-stream");
    } else {
      failure = reply.error();
    }
  }
  if (!ok) {
    attempt.ongoing.exchange_ = nullptr;
    const bool was_closed = exchange.reused() && !exchange.heard_anything() && failure.reason == Reason::upstream_broken;
    if (was_closed && wanted == net::Pool::Wanted::any) co_return false;
    attempt.fail(failure);
    co_return true;
  }
  co_await read_body(attempt, exchange);
  attempt.ongoing.exchange_ = nullptr;
  if (attempt.reply.end == End::complete) std::move(exchange).end();
  co_return true;
}

net::Task<void> Caller::read_body(Try& attempt, net::Exchange& exchange) {
  Reply& reply = attempt.reply;
  for (;;) {
    Result<net::Exchange::Piece> piece = co_await exchange.read_piece(attempt.until);
    if (!piece) {
      reply.mid_event = attempt.framer.mid_event();
      attempt.fail(piece.error());
      co_return;
    }
    attempt.at = std::max(loop_.turn(), reply.sent);
    if (!piece->content.empty() && reply.first_byte == TimePoint{}) reply.first_byte = attempt.at;
    if (reply.is_stream && attempt.listener != nullptr) {
      if (!take_events(attempt, piece->content)) co_return;
    } else {
      reply.body += piece->content;
      if (reply.body.size() > body_bytes_max) {
        reply.end = End::too_large;
        co_return;
      }
    }
    if (piece->complete) break;
  }
  reply.mid_event = attempt.framer.mid_event();
  reply.body.reserve(reply.body.size() + json::padding);
  reply.end = End::complete;
}

bool Caller::take_events(Try& attempt, std::string_view bytes) {
  attempt.framer.feed(bytes);
  sse::Event event;
  for (sse::Framer::Status status = attempt.framer.next(event); status != sse::Framer::Status::needs_more; status = attempt.framer.next(event)) {
    if (status == sse::Framer::Status::too_large) {
      attempt.reply.end = End::too_large;
      return false;
    }
    if (!event.has_data) {
      ++attempt.reply.comments;
    } else if (attempt.listener->on_event(attempt.at, event.data) == Listener::Wants::enough) {
      attempt.reply.end = End::enough;
      return false;
    }
  }
  return true;
}

}  // namespace bellwether::calling
