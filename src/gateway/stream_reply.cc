#include "gateway/stream_reply.h"

#include <algorithm>

#include "gateway/outgoing.h"
#include "gateway/reply_fields.h"
#include "json/reader.h"
#include "sse/framer.h"

namespace bellwether::gateway {
namespace {

// A stream whose finish_reason was seen is over but for usage and [DONE]: they follow at once or not at all.
constexpr Duration after_finish = std::chrono::seconds(5);
// For the last bytes of a stream that has been dealt with, so that its connection can be used again.
constexpr Duration tail_patience = std::chrono::milliseconds(250);

enum class Ending : bool { more_follows, last };

/// Writes to the caller, beginning the stream if need be, and ending it with the last bytes.
net::Task<Result<void>> write(Attempt& attempt, std::string_view bytes, Ending ending = Ending::more_follows) {
  if (!attempt.reply.started()) {
    ReplyFields fields{attempt.trail, "text/event-stream; charset=utf-8"};
    fields.add("cache-control", "no-cache");
    fields.add("x-accel-buffering", "no");  // nginx in front of us would hold chunks back.
    attempt.trail.status = 200;
    std::ignore = co_await attempt.reply.start(200, fields.all());
  }
  const net::IoStatus status = ending == Ending::last ? co_await attempt.reply.finish(bytes) : co_await attempt.reply.write(bytes);
  if (status != net::IoStatus::ok) {
    attempt.cancellation.request();
    co_return failed(Reason::caller_gone);
  }
  attempt.comment_at = attempt.lane.loop().turn() + attempt.lane.settings().keep_alive_comment;
  co_return Result<void>{};
}

/// The next bytes of the stream. Keeps the caller warm while the upstream is silent.
net::Task<Result<net::Exchange::Piece>> next_piece(Attempt& attempt, net::Exchange& exchange) {
  for (;;) {
    const TimePoint began = attempt.lane.loop().now();
    Result<net::Exchange::Piece> piece = co_await exchange.read_piece(std::min(attempt.silent_until, attempt.comment_at));
    const TimePoint now = attempt.lane.loop().turn();
    attempt.waited_since(began);
    const bool timed_out = !piece && piece.error().reason == Reason::upstream_timeout;
    if (!timed_out || now >= attempt.silent_until) co_return piece;
    BW_CO_TRY_DONE(co_await keep_caller_warm(attempt));
  }
}

/// What one read of the stream amounted to.
struct Taken {
  bool done = false;               ///< Nothing more is to be read: [DONE], or the upstream's end.
  std::optional<Failure> failure;  ///< The stream ends here, badly.
  bool event_seen = false;
};

/// Takes the events out of a piece; what the caller gets is appended to `out`. No I/O.
Taken take(Attempt& attempt, const net::Exchange::Piece& piece, sse::Framer& framer, Outgoing& outgoing, std::string& out) {
  Taken taken;
  framer.feed(piece.content);
  for (sse::Event event;;) {
    sse::Framer::Status status = framer.next(event);
    // A last event without its blank line is whole if its lines are (`data: [DONE]` and the end).
    if (status == sse::Framer::Status::needs_more && piece.complete && framer.finish(event)) status = sse::Framer::Status::event;
    if (status == sse::Framer::Status::too_large) {
      taken.failure = Failure{.reason = Reason::upstream_broken, .detail = {"an event of the stream is too large"}};
      return taken;
    }
    if (status == sse::Framer::Status::needs_more) break;
    if (!event.has_data) continue;
    taken.event_seen = true;
    const chat::EventFacts facts = attempt.dialect.read_event(event.data, attempt.lane.reader());
    if (facts.first_token && attempt.trail.first_token_at == TimePoint{}) attempt.trail.first_token_at = attempt.lane.loop().turn();
    switch (outgoing.on_event(event.data, facts, attempt.lane.reader(), out)) {
      case Outgoing::Verdict::go_on: continue;
      case Outgoing::Verdict::done: taken.done = true; return taken;
      case Outgoing::Verdict::failed: taken.failure = outgoing.take_failure(); return taken;
    }
  }
  if (piece.complete) {
    taken.done = true;
    if (Result<void> end = outgoing.judge_end(); !end) taken.failure = std::move(end).error();
  }
  return taken;
}

/// Reads what is left of a reply that has been dealt with, so that its connection can be used again; gives up soon.
net::Task<void> read_tail(Attempt& attempt, net::Exchange& exchange) {
  const TimePoint until = attempt.lane.loop().turn() + tail_patience;
  for (;;) {
    const Result<net::Exchange::Piece> piece = co_await exchange.read_piece(until);
    if (!piece || piece->complete) co_return;
  }
}

}  // namespace

net::Task<Result<void>> keep_caller_warm(Attempt& attempt) { return write(attempt, ": keep-alive\n\n"); }

net::Task<AttemptEnd> relay_stream(Attempt& attempt, net::Exchange& exchange) {
  Outgoing outgoing{attempt.chat, json::quote(attempt.trail.model->id)};
  sse::Framer framer;
  bool event_seen = false;
  for (;;) {
    Result<net::Exchange::Piece> piece = co_await next_piece(attempt, exchange);
    std::string& out = attempt.lane.loop().out_scratch();
    Taken taken;
    bool complete = true;
    if (piece) {
      taken = take(attempt, *piece, framer, outgoing, out);
      complete = piece->complete;
    } else {
      taken.failure = std::move(piece).error();
    }
    attempt.trail.usage = outgoing.usage();
    // Cut, silent or broken after its finish_reason: all of the answer is there, so it ends as an answer.
    const bool caller_gone = taken.failure && taken.failure->reason == Reason::caller_gone;
    if (taken.failure && outgoing.finished() && !caller_gone) taken = Taken{.done = true, .failure = std::nullopt, .event_seen = true};

    const bool ends = taken.done && !taken.failure;
    if (ends) outgoing.append_end({attempt.upstream.name, attempt.latency()}, out);
    if (!out.empty() || ends) {
      if (attempt.progress != relay::Progress::reply_started) {
        attempt.progress = relay::Progress::reply_started;
        attempt.raw.release();
      }
      Result<void> written = co_await write(attempt, out, ends ? Ending::last : Ending::more_follows);
      if (!written) co_return attempt.failed_with(std::move(written).error());
    }
    if (taken.failure) co_return attempt.failed_with(*std::move(taken.failure));
    if (ends) {
      if (!complete) co_await read_tail(attempt, exchange);
      co_return AttemptEnd{relay::Progress::reply_started, std::nullopt};
    }
    event_seen = event_seen || taken.event_seen;
    // Before the first event only that event counts; afterwards every byte is a sign of life, comments included.
    const catalog::Timeouts& timeouts = attempt.upstream.timeouts;
    if (event_seen) attempt.silent_until = attempt.until(outgoing.finished() ? std::min(timeouts.idle, after_finish) : timeouts.idle);
  }
}

}  // namespace bellwether::gateway
