#include "gateway/stream_reply.h"

#include <algorithm>

#include "dialects/stencil.h"
#include "gateway/reply_fields.h"
#include "json/reader.h"
#include "relay/rate_guard.h"
#include "sse/framer.h"

namespace bellwether::gateway {
namespace {

// A stream whose finish_reason was seen is over but for usage and [DONE]: they follow at once or not at all.
constexpr Duration after_finish = std::chrono::seconds(5);
// For the last bytes of a stream that has been dealt with, so that its connection can be used again.
constexpr Duration tail_patience = std::chrono::milliseconds(250);
// Before its first token a stream has a role chunk, or a few comments' worth of empty ones.
constexpr std::size_t held_events_max = 64;

enum class Ending : bool { more_follows, last };

/// Writes to the caller, beginning the stream if need be, and ending it with the last bytes.
net::Task<Result<void>> write(Serving& serving, std::string_view bytes, Ending ending = Ending::more_follows) {
  if (!serving.reply.started()) {
    ReplyFields fields{serving.trail, "text/event-stream; charset=utf-8"};
    fields.add("cache-control", "no-cache");
    fields.add("x-accel-buffering", "no");  // nginx in front of us would hold chunks back.
    serving.trail.status = 200;
    std::ignore = co_await serving.reply.start(200, fields.all());
  }
  // No `?:` around an await or what is awaited: g++ 12.2 makes both, or neither.
  net::IoStatus status;
  if (ending == Ending::last) status = co_await serving.reply.finish(bytes);
  else status = co_await serving.reply.write(bytes);
  if (status != net::IoStatus::ok) co_return failed(Reason::caller_gone);
  serving.comment_at = serving.lane.loop().turn() + serving.lane.settings().keep_alive_comment;
  co_return Result<void>{};
}

/// What one read of the stream amounted to.
struct Taken {
  bool done = false;               ///< Nothing more is to be read: [DONE], or the upstream's end.
  std::optional<Failure> failure;  ///< The stream ends here, badly.
  std::uint32_t events = 0;
  std::uint32_t tokens = 0;  ///< Of them, those that carried content.
};

/// An attempt beside another one begins to speak: what it said so far is made good, after what the caller may have of the other.
void release_held(Attempt& attempt, Outgoing& outgoing, json::Reader& reader, std::string& out) {
  outgoing.begin_restart();
  for (const std::string& event : attempt.held) std::ignore = outgoing.on_event(event, attempt.dialect.read_event(event, reader), reader, out);
  attempt.held.clear();
}

/// False: nothing more is to be read.
bool pass_on(std::string_view data, const chat::EventFacts& facts, Outgoing& outgoing, json::Reader& reader, Taken& taken, std::string& out) {
  switch (outgoing.on_event(data, facts, reader, out)) {
    case Outgoing::Verdict::go_on: return true;
    case Outgoing::Verdict::done: taken.done = true; return false;
    case Outgoing::Verdict::failed: taken.failure = outgoing.take_failure(); return false;
  }
  return true;
}

/// The data of several lines in one, as it is passed on: a line break within JSON is white space.
std::string in_one_line(std::string_view data) {
  std::string line;
  line.reserve(data.size() + json::padding);
  line = data;
  std::ranges::replace(line, '\n', ' ');
  return line;
}

/// Deals with one event. False: nothing more is to be read.
bool take_event(Attempt& attempt, std::string_view data, dialects::Stencil& stencil, Outgoing& outgoing, Taken& taken, std::string& out) {
  json::Reader& reader = attempt.serving.lane.reader();
  const chat::EventFacts facts = stencil.read(data, reader);
  ++taken.events;
  if (facts.first_token) ++taken.tokens;
  if (!attempt.answered) {
    const bool speaks = !facts.interrupted && (facts.first_token || facts.finished || facts.kind == chat::EventFacts::Kind::done);
    const bool holds = attempt.order.hold == Hold::until_first_token;
    if (!speaks && holds) {
      if (facts.failure) taken.failure = facts.failure;
      else if (attempt.held.size() < held_events_max) attempt.held.emplace_back(data).reserve(data.size() + json::padding);
      return !taken.failure;
    }
    if (speaks) {
      attempt.win();
      if (holds) {
        // The reader's views are spent by what was held: the event is read again.
        release_held(attempt, outgoing, reader, out);
        const chat::EventFacts again = attempt.dialect.read_event(data, reader);
        return pass_on(data, again, outgoing, reader, taken, out);
      }
    }
  }
  return pass_on(data, facts, outgoing, reader, taken, out);
}

/// Takes the events out of a piece; what the caller gets is appended to `out`. No I/O.
Taken take(Attempt& attempt, const net::Exchange::Piece& piece, sse::Framer& framer, dialects::Stencil& stencil, Outgoing& outgoing, std::string& out) {
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
    const std::string joined = event.is_joined ? in_one_line(event.data) : std::string{};
    if (!take_event(attempt, event.is_joined ? joined : event.data, stencil, outgoing, taken, out)) return taken;
  }
  if (piece.complete) {
    taken.done = true;
    const bool spoke = attempt.answered || attempt.order.hold == Hold::no;
    if (Result<void> end = spoke ? outgoing.judge_end() : failed(Reason::upstream_broken, std::string("the stream ended before its first token")); !end)
      taken.failure = std::move(end).error();
  }
  return taken;
}

/// Reads what is left of a reply that has been dealt with, so that its connection can be used again; gives up soon.
net::Task<void> read_tail(Attempt& attempt, net::Exchange& exchange) {
  const TimePoint until = attempt.loop().turn() + tail_patience;
  for (;;) {
    const Result<net::Exchange::Piece> piece = co_await exchange.read_piece(until);
    if (!piece || piece->complete) co_return;
  }
}

}  // namespace

TimePoint comment_due(const Attempt& attempt) { return attempt.order.hold == Hold::no || attempt.answered ? attempt.serving.comment_at : TimePoint::max(); }

net::Task<Result<void>> keep_caller_warm(Serving& serving) { return write(serving, ": keep-alive\n\n"); }

net::Task<Result<void>> end_at_length(Serving& serving) {
  std::string& out = serving.lane.loop().out_scratch();
  serving.outgoing->append_end({serving.trail.upstream->name, serving.lane.loop().now() - serving.trail.read_at}, out, Finish::length);
  serving.trail.usage = serving.outgoing->usage();
  return write(serving, out, Ending::last);
}

net::Task<AttemptEnd> relay_stream(Attempt& attempt, net::Exchange& exchange) {
  Serving& serving = attempt.serving;
  Outgoing& outgoing = *serving.outgoing;
  const catalog::Timeouts& timeouts = attempt.upstream.timeouts;
  sse::Framer framer{serving.lane.settings().reply_bytes_max};
  dialects::Stencil stencil{attempt.dialect};
  std::optional<relay::RateGuard> guard;
  bool released = false;
  exchange.forget_head();
  for (;;) {
    TimePoint until = attempt.silent_until;
    if (guard && !outgoing.finished()) until = std::min(until, guard->due());
    const TimePoint began = attempt.loop().now();
    Result<net::Exchange::Piece> piece = co_await exchange.read_piece(std::min(until, comment_due(attempt)));
    attempt.waited_since(began);
    if (!piece && piece.error().reason == Reason::upstream_timeout && attempt.loop().turn() < until) {
      if (Result<void> warm = co_await keep_caller_warm(serving); !warm) co_return attempt.failed_with(std::move(warm).error());
      continue;
    }
    // Another attempt may have won while this one waited.
    if (attempt.cancellation.requested) co_return attempt.failed_with({.reason = Reason::caller_gone});
    // The guard's time, not the upstream's: whether the stream gives too little is asked below, and else it goes on.
    const bool guard_is_due = !piece && piece.error().reason == Reason::upstream_timeout && attempt.loop().turn() < attempt.silent_until;
    std::string& out = attempt.loop().out_scratch();
    Taken taken;
    bool complete = true;
    if (guard_is_due) {
      complete = false;
    } else if (piece) {
      taken = take(attempt, *piece, framer, stencil, outgoing, out);
      complete = piece->complete;
    } else {
      taken.failure = std::move(piece).error();
    }
    if (attempt.answered) {
      if (serving.trail.first_token_at == TimePoint{}) serving.trail.first_token_at = attempt.loop().turn();
      if (!guard) guard.emplace(attempt.upstream.min_rate, attempt.loop().turn());
      guard->count(taken.tokens);
      if (!taken.done && !outgoing.finished() && guard->has_stalled(attempt.loop().turn()))
        taken.failure = Failure{.reason = Reason::upstream_timeout, .detail = {"the stream gives less than its min_rate"}};
      serving.trail.usage = outgoing.usage();
    }
    // Cut, silent or broken after its finish_reason: all of the answer is there, so it ends as an answer.
    const bool caller_gone = taken.failure && taken.failure->reason == Reason::caller_gone;
    if (taken.failure && attempt.answered && outgoing.finished() && !caller_gone) taken = Taken{.done = true, .failure = std::nullopt};

    const bool ends = taken.done && !taken.failure;
    if (ends) outgoing.append_end({attempt.upstream.name, attempt.latency()}, out);
    if (!out.empty() || ends) {
      attempt.progress = relay::Progress::reply_started;
      // No other upstream can be asked now: the request is not needed any more.
      if (!released && outgoing.transcript().lost_for_good()) {
        serving.raw.release();
        released = true;
      }
      Result<void> written = co_await write(serving, out, ends ? Ending::last : Ending::more_follows);
      if (!written) co_return attempt.failed_with(std::move(written).error());
    }
    if (taken.failure) co_return attempt.failed_with(*std::move(taken.failure));
    if (ends) {
      if (!complete) co_await read_tail(attempt, exchange);
      co_return AttemptEnd{relay::Progress::reply_started, std::nullopt, attempt.first_token};
    }
    // Until the first token only that token counts; afterwards every event is a sign of life, and a comment is none.
    if (attempt.answered && taken.events > 0) attempt.silent_until = attempt.until(outgoing.finished() ? std::min(timeouts.idle, after_finish) : timeouts.idle);
  }
}

}  // namespace bellwether::gateway
