#include "gateway/whole_reply.h"

#include <array>

#include "chat/embeddings.h"
#include "gateway/reply_fields.h"
#include "json/patch.h"
#include "json/reader.h"

namespace bellwether::gateway {
namespace {

/// The reply in pieces: what stays points into `body`, what is ours lies in `added`.
struct Pieces {
  std::array<std::string_view, 4> parts;
  std::size_t count = 0;
};

Pieces with_our_members(std::string_view body, std::string_view model_raw, std::string_view model_quoted, std::string_view members) {
  const std::size_t close = body.rfind('}');
  Pieces pieces;
  if (model_raw.empty() || model_raw == model_quoted) {
    pieces.parts[pieces.count++] = body.substr(0, close);
  } else {
    const std::size_t begin = static_cast<std::size_t>(model_raw.data() - body.data());
    const std::size_t end = begin + model_raw.size();
    pieces.parts[pieces.count++] = body.substr(0, begin);
    pieces.parts[pieces.count++] = model_quoted;
    pieces.parts[pieces.count++] = body.substr(end, close - end);
  }
  pieces.parts[pieces.count++] = members;
  return pieces;
}

bool is_empty_object(std::string_view body) {
  const std::size_t close = body.rfind('}');
  return body.find_last_not_of(" \t\r\n", close - 1) == body.find('{');
}

/// Nothing before the write suspends: `body` may lie in the loop's scratch.
net::Task<Result<void>> send_whole(Attempt& attempt, std::string_view body) {
  json::Reader& reader = attempt.serving.lane.reader();
  BW_CO_TRY(facts, attempt.dialect.read_reply(attempt.serving.chat.endpoint, body, reader));
  if (attempt.serving.chat.stream) co_return failed(Reason::upstream_broken, std::string("a stream was asked for and a single answer came"));

  attempt.win();
  const auto output_tokens = static_cast<std::int64_t>(facts.said_bytes / metering::bytes_per_token);
  attempt.serving.trail.usage = facts.usage ? *facts.usage : metering::estimate(attempt.serving.chat.body.size(), output_tokens);

  // Both SDKs ask for base64 and one of them decodes without looking (wire.md §C.8): what was asked for is what they get.
  std::optional<std::string> converted;
  if (attempt.serving.chat.base64_asked) converted = chat::to_base64_embeddings(body, reader);
  // An upstream that is a gateway such as this one has signed its reply already.
  if (converted) converted->reserve(converted->size() + json::padding);
  if (facts.is_signed) converted = json::without_members(converted ? *converted : body, chat::signature_members, reader);
  std::string_view model_raw = facts.model_raw;
  if (converted) {
    converted->reserve(converted->size() + json::padding);
    body = *converted;
    BW_CO_TRY(again, attempt.dialect.read_reply(attempt.serving.chat.endpoint, body, reader));
    model_raw = again.model_raw;
  }

  std::string& added = attempt.loop().out_scratch();
  json::append_quoted(added, attempt.serving.trail.model->id);
  const std::size_t model_size = added.size();
  if (!is_empty_object(body)) added += ',';
  added += R"("x_latency_ms":)";
  const Duration latency = attempt.latency();
  append_milliseconds(added, latency);
  added += R"(,"x_source":)";
  json::append_quoted(added, attempt.upstream.name);
  added += '}';
  const std::string_view ours = added;
  const Pieces pieces = with_our_members(body, model_raw, ours.substr(0, model_size), ours.substr(model_size));

  const ReplyFields fields{attempt.serving.trail, "application/json"};
  attempt.serving.trail.status = 200;
  attempt.serving.trail.first_token_at = attempt.serving.trail.read_at + latency;
  // A caller that is lost now has nothing to be told; the request itself was served.
  std::ignore = co_await attempt.serving.reply.send(200, fields.all(), {pieces.parts.data(), pieces.count});
  co_return Result<void>{};
}

/// What broke is a reply, not a request: the next upstream is asked at once, as for a stream. An error that came as a reply stays one.
AttemptEnd broken_with(Attempt& attempt, Failure failure) {
  if (failure.reason == Reason::upstream_broken) attempt.progress = relay::Progress::reply_started;
  return attempt.failed_with(std::move(failure));
}

}  // namespace

net::Task<AttemptEnd> relay_whole(Attempt& attempt, net::Exchange& exchange) {
  const TimePoint began = attempt.loop().turn();
  // Where a stream was asked for, a reply that is none has no token of its own to be waited for longer.
  TimePoint by = TimePoint::max();
  if (attempt.serving.chat.stream) by = attempt.silent_until;
  Result<net::Exchange::Piece> first = co_await exchange.read_piece(std::min(by, attempt.until(attempt.upstream.timeouts.idle)));
  attempt.waited_since(began);
  if (!first) co_return broken_with(attempt, std::move(first).error());
  std::string collected;
  std::string_view body = first->content;  // Usually all of it, still in the loop's scratch.
  if (!first->complete) {
    collected = first->content;
    Result<void> rest = co_await read_rest(attempt, exchange, collected, attempt.serving.lane.settings().reply_bytes_max, by);
    if (!rest) co_return broken_with(attempt, std::move(rest).error());
    collected.reserve(collected.size() + json::padding);
    body = collected;
  }
  Result<void> sent = co_await send_whole(attempt, body);
  if (!sent) co_return broken_with(attempt, std::move(sent).error());
  co_return AttemptEnd{relay::Progress::reply_started, std::nullopt, attempt.first_token};
}

}  // namespace bellwether::gateway
