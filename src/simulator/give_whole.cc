#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "json/reader.h"
#include "simulator/answer.h"
#include "simulator/giving.h"

namespace bellwether::simulator {
namespace {

/// DeepSeek's sign of life: an early 200 and blank lines until the JSON comes (wire.md §B.7).
net::Task<bool> show_life(Giving& giving) {
  const std::array<net::ReplyField, 1> fields{net::ReplyField{"content-type", "application/json"}};
  std::ignore = co_await giving.reply.start(200, fields);
  for (int i = 0; i < 3; ++i) {
    if (co_await giving.reply.write("\n") != net::IoStatus::ok) co_return false;
    const bool stays = co_await giving.wait(std::chrono::milliseconds(20));
    if (!stays) co_return false;
  }
  co_return true;
}

/// The time that the tokens take, counted as they are made.
net::Task<bool> make(Giving& giving, std::uint64_t tokens) {
  const TimePoint began = giving.loop.now();
  const Duration between = giving.between_tokens();
  for (std::uint64_t made = 1; made <= tokens && between.count() > 0; ++made) {
    const bool stays = co_await giving.wait(began + between * static_cast<std::int64_t>(made) - giving.loop.now());
    if (!stays) co_return false;
    giving.tokens_sent = made;
    giving.count();
  }
  co_return true;
}

std::string chat_body(const Giving& giving, const std::vector<Speech>& speeches, std::string_view usage) {
  const Options& options = giving.options();
  const Ask& ask = giving.ask;
  std::vector<WholeChoice> choices(speeches.size());
  for (std::size_t i = 0; i < choices.size(); ++i) {
    const Speech& speech = speeches[i];
    WholeChoice& choice = choices[i];
    choice.content = '"';
    if (giving.is(FaultKind::big_event)) choice.content.append(big_event_bytes, 'x');
    for (std::uint64_t piece = 0; piece < speech.pieces(); ++piece) speech.append_piece(choice.content, piece);
    choice.content += '"';
    if (giving.thinks() && i == 0) choice.reasoning = json::quote(Words{options.seed, ask.question}.at(thought_place));
    choice.finish = {speech.finish_reason(), speech.stopped_by()};
    if (giving.calls_a_tool()) {
      choice.tool_calls = fmt::format(R"([{{"id":"call_{}","type":"function","function":{{"name":{},"arguments":{}}}}}])", giving.id, json::quote(ask.tool),
                                      json::quote(tool_arguments));
      choice.finish = {"tool_calls", {}};
    }
    if (giving.is(FaultKind::no_finish)) choice.finish = {};
  }
  return Shapes{options.flavor, ask, giving.model, giving.id}.whole(choices, usage);
}

/// Half of the body, or all of it in pieces that end within characters.
net::Task<void> send_badly(Giving& giving, std::string_view body) {
  const std::array<net::ReplyField, 1> fields{net::ReplyField{"content-type", "application/json"}};
  std::ignore = co_await giving.reply.start(200, fields);
  if (giving.is(FaultKind::split_utf8)) {
    std::ignore = co_await giving.put(body);
    std::ignore = co_await giving.reply.finish();
    co_return;
  }
  std::ignore = co_await giving.put(body.substr(0, body.size() / 2));
  if (giving.is(FaultKind::stall)) std::ignore = co_await giving.wait(for_ever);
  if (!giving.gone) giving.cut();
}

}  // namespace

net::Task<void> give_whole(Giving& giving) {
  if (giving.is(FaultKind::comments)) {
    const bool stays = co_await show_life(giving);
    if (!stays) co_return;
  }
  const bool came = co_await giving.wait(giving.first_token());
  if (!came) co_return;

  const bool embeds = giving.ask.endpoint == Endpoint::embeddings;
  const std::vector<Speech> speeches = giving.speeches();
  std::uint64_t tokens = 0, longest = 0;
  for (const Speech& speech : speeches) {
    tokens += speech.tokens();
    longest = std::max(longest, speech.tokens());
  }
  if (!embeds) {
    const bool made = co_await make(giving, longest);
    if (!made) co_return;
  }
  giving.tokens_sent = embeds ? 0 : tokens;
  giving.count();
  const std::string usage = giving.is(FaultKind::no_usage) ? "" : giving.usage();
  std::string body =
      embeds ? embeddings_json(giving.options().flavor, giving.ask, giving.model, usage.empty() ? "null" : usage) : chat_body(giving, speeches, usage);
  giving.log(200);
  const FaultKind fault = giving.fault ? giving.fault->kind : FaultKind::no_done;  // Which is none of a whole reply.
  switch (fault) {
    case FaultKind::broken_json: body = R"({"id":"chatcmpl-broken","choices":[{"ind)"; break;
    case FaultKind::error_in_stream: body = error_of(giving.options().flavor, Trouble::internal, giving.ask.model).body; break;
    case FaultKind::one_byte: giving.raw = body; co_return co_await giving.drip("application/json");
    case FaultKind::comments:
      std::ignore = co_await giving.reply.write(body);
      std::ignore = co_await giving.reply.finish();
      co_return;
    case FaultKind::cut:
    case FaultKind::cut_role:
    case FaultKind::cut_token:
    case FaultKind::cut_tool:
    case FaultKind::cut_finish:
    case FaultKind::stall:
    case FaultKind::split_utf8: co_return co_await send_badly(giving, body);
    default: break;
  }
  std::ignore = co_await send(giving.reply, 200, body);
}

}  // namespace bellwether::simulator
