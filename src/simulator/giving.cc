#include "simulator/giving.h"

#include <fmt/format.h>
#include <sys/uio.h>

#include <array>
#include <utility>

namespace bellwether::simulator {

bool Giving::thinks() const { return ask.endpoint == Endpoint::chat && (options().reasoning || ask.thinking) && !ask.thinking_off; }

std::vector<Speech> Giving::speeches() const {
  // DeepSeek's API gives one choice whatever it is asked for (wire.md §B.4); and of tool calls several would tell no more than one.
  const std::uint64_t choices = options().flavor == Flavor::deepseek || calls_a_tool() ? 1 : ask.choices;
  std::vector<Speech> speeches;
  speeches.reserve(choices);
  for (std::uint64_t choice = 0; choice < choices; ++choice) speeches.emplace_back(options().seed, options().tokens, ask, place, choice);
  return speeches;
}

void Giving::count() {
  if (!std::exchange(prompt_counted, true)) shared.prompt_tokens.fetch_add(prompt_tokens, std::memory_order_relaxed);
  shared.completion_tokens.fetch_add(tokens_sent - std::exchange(tokens_counted, tokens_sent), std::memory_order_relaxed);
}

std::string Giving::usage() const {
  return usage_json(options().flavor, {.prompt = prompt_tokens,
                                       .cached = options().flavor == Flavor::deepseek ? prompt_tokens / 2 : 0,
                                       .reasoning = thinks() ? thought_tokens : 0,
                                       .completion = is(FaultKind::negative_usage) ? -5 : static_cast<std::int64_t>(tokens_sent)});
}

net::Task<bool> Giving::wait(Duration duration) {
  if (duration.count() > 0 && !gone) {
    net::Sleep sleep{loop, loop.now() + duration};
    sleeping = &sleep;
    co_await sleep;
    sleeping = nullptr;
  }
  co_return !gone;
}

net::Task<bool> Giving::event(std::string_view data) {
  std::string& text = buffer;
  text.clear();
  const std::string_view end = is(FaultKind::crlf) ? "\r\n" : "\n";
  if (is(FaultKind::comments)) text += ": keep-alive\n\n";
  text += "data: ";
  text += data;
  text += end;
  text += end;
  co_return co_await put(text);
}

net::Task<bool> Giving::put(std::string_view text) {
  if (is(FaultKind::one_byte)) {
    raw += text;
    co_return !gone;
  }
  if (is(FaultKind::split_utf8)) {
    for (std::size_t at = 0; at + 1 < text.size(); ++at) {
      if (static_cast<unsigned char>(text[at]) < 0xC0) continue;
      const std::string rest(text.substr(at + 1));
      if (co_await reply.write(text.substr(0, at + 1)) != net::IoStatus::ok) co_return false;
      std::ignore = co_await wait(std::chrono::milliseconds(1));
      co_return co_await reply.write(rest) == net::IoStatus::ok;
    }
  }
  co_return co_await reply.write(text) == net::IoStatus::ok;
}

net::Task<void> Giving::drip(std::string_view content_type) {
  const std::string bytes = fmt::format("HTTP/1.1 200 OK\r\ncontent-type: {}\r\nconnection: close\r\n\r\n{}", content_type, raw);
  for (const char& byte : bytes) {
    const iovec piece{const_cast<char*>(&byte), 1};
    if (co_await reply.stream().write_all({&piece, 1}, std::chrono::seconds(5)) != net::IoStatus::ok) break;
  }
  reply.detach();
  reply.stream().close();
}

void Giving::cut() {
  faulted = true;
  reply.detach();
  reply.stream().close();
}

net::Task<bool> send(net::Reply& reply, int status, std::string_view body, std::string_view content_type) {
  std::array<net::ReplyField, 3> fields{net::ReplyField{"content-type", content_type}, {"server", "uvicorn"}, {"set-cookie", "sim=1; HttpOnly"}};
  const std::array<std::string_view, 1> parts{body};
  co_return co_await reply.send(status, fields, parts) == net::IoStatus::ok;
}

}  // namespace bellwether::simulator
