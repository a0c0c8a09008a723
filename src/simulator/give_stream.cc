#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "json/reader.h"
#include "simulator/answer.h"
#include "simulator/giving.h"

namespace bellwether::simulator {
namespace {

constexpr std::string_view content_type = "text/event-stream; charset=utf-8";

/// The events of one stream, each of which may be where a fault strikes. Steps say whether to go on.
class Streaming {
 public:
  explicit Streaming(Giving& giving)
      : giving_{giving}, shapes_{giving.options().flavor, giving.ask, giving.model, giving.id}, words_{giving.options().seed, giving.ask.question} {}

  [[nodiscard]] net::Task<void> run() {
    if (!co_await begin()) co_return;
    const bool calls = giving_.calls_a_tool();
    const std::vector<Speech> speeches = giving_.speeches();
    if (!co_await say_roles(speeches.size())) co_return;
    if (!co_await think()) co_return;
    bool said = false;
    if (calls) said = co_await call_tool();
    else said = co_await say(speeches);
    if (!said) co_return;
    for (const Speech& speech : speeches) giving_.tokens_sent += calls ? 0 : speech.tokens() - speech.pieces();
    giving_.count();
    co_await end(speeches);
  }

 private:
  net::Task<bool> begin() {
    const std::array<net::ReplyField, 3> fields{net::ReplyField{"content-type", content_type}, {"server", "uvicorn"}, {"set-cookie", "sim=1; HttpOnly"}};
    if (!giving_.is(FaultKind::one_byte)) {
      std::ignore = co_await giving_.reply.start(200, fields);
      // vLLM's head comes at once, whenever the first token will come (wire.md §A.3.5).
      if (giving_.first_token().count() > 0) std::ignore = co_await giving_.reply.flush_head();
    }
    giving_.log(200);
    co_return co_await giving_.wait(giving_.first_token());
  }

  /// Sends the event that was made.
  net::Task<bool> next() {
    const bool sent = co_await giving_.event(data_);
    data_.clear();
    co_return sent && !giving_.gone;
  }

  net::Task<bool> say_roles(std::uint64_t choices) {
    for (std::uint64_t choice = 0; choice < choices && giving_.ask.endpoint == Endpoint::chat; ++choice) {
      shapes_.append_role(data_, choice);
      const bool sent = co_await next();
      if (!sent) co_return false;
    }
    if (!giving_.is(FaultKind::cut_role)) co_return true;
    // A legacy completion has no such chunk: the head alone arrives.
    std::ignore = co_await giving_.reply.flush_head();
    giving_.cut();
    co_return false;
  }

  net::Task<bool> think() {
    for (std::uint64_t i = 0; i < thought_tokens && giving_.thinks(); ++i) {
      delta_ = fmt::format(R"("{}":{})", reasoning_field(giving_.options().flavor), json::quote(words_.at(thought_place + i)));
      const bool sent = co_await chunk(0, delta_);
      if (!sent) co_return false;
    }
    co_return true;
  }

  net::Task<bool> call_tool() {
    delta_ = shapes_.tool_begin(giving_.ask.tool);
    bool sent = co_await chunk(0, delta_);
    constexpr std::size_t piece_bytes = 9;  // Cuts the Korean word in its middle, which must be put together again by bytes.
    std::size_t at = 0;
    for (int pieces = 0; sent && at < tool_arguments.size(); ++pieces) {
      std::size_t end = std::min(at + piece_bytes, tool_arguments.size());
      while (end < tool_arguments.size() && (static_cast<unsigned char>(tool_arguments[end]) & 0xC0) == 0x80) ++end;
      if (giving_.is(FaultKind::cut_tool) && pieces == 2) {
        giving_.cut();
        co_return false;
      }
      delta_ = Shapes::tool_piece(json::quote(tool_arguments.substr(at, end - at)));
      sent = co_await chunk(0, delta_);
      at = end;
    }
    co_return sent;
  }

  /// All choices side by side, a token of each at a time.
  net::Task<bool> say(const std::vector<Speech>& speeches) {
    std::uint64_t longest = 0;
    for (const Speech& speech : speeches) longest = std::max(longest, speech.pieces());
    for (std::uint64_t piece = 0; piece < longest; ++piece) {
      for (std::uint64_t choice = 0; choice < speeches.size(); ++choice) {
        if (piece >= speeches[choice].pieces()) continue;
        delta_ = giving_.ask.endpoint == Endpoint::chat ? R"("content":")" : "\"";
        if (giving_.is(FaultKind::big_event) && piece == 1) delta_.append(big_event_bytes, 'x');
        speeches[choice].append_piece(delta_, piece);
        delta_ += '"';
        const bool sent = co_await chunk(choice, delta_);
        if (!sent) co_return false;
      }
    }
    co_return true;
  }

  /// One more chunk of the answer; counts it and commits the faults that count.
  net::Task<bool> chunk(std::uint64_t choice, std::string_view inside) {
    const bool counted =
        giving_.is(FaultKind::cut) || giving_.is(FaultKind::stall) || giving_.is(FaultKind::broken_json) || giving_.is(FaultKind::error_in_stream);
    if (counted && chunks_ == giving_.fault->count) {
      const bool goes_on = co_await strike();
      if (!goes_on) co_return false;
    }
    if (chunks_ > 0) {
      const bool stays = co_await giving_.wait(giving_.between_tokens());
      if (!stays) co_return false;
    }
    ++chunks_;
    ++giving_.tokens_sent;
    giving_.count();
    const bool running = giving_.ask.running_usage && giving_.options().flavor == Flavor::vllm;
    shapes_.append_chunk(data_, choice, inside, running ? giving_.usage() : std::string{});
    if (giving_.is(FaultKind::cut_token) && chunks_ == giving_.fault->count) {
      const std::string half = "data: " + data_.substr(0, data_.size() / 2);
      std::ignore = co_await giving_.put(half);
      giving_.cut();
      co_return false;
    }
    co_return co_await next();
  }

  /// The fault that was to come now. Only broken JSON is followed by anything.
  net::Task<bool> strike() {
    giving_.faulted = true;
    if (giving_.is(FaultKind::broken_json)) {
      data_ = R"({"id":"chatcmpl-broken","choices":[{"ind)";
      co_return co_await next();
    }
    if (giving_.is(FaultKind::error_in_stream)) {
      data_ = error_of(giving_.options().flavor, Trouble::internal, giving_.ask.model).body;
      const bool sent = co_await next();
      if (!sent) co_return false;
      // llama-server ends without [DONE] then; the others say it.
      if (giving_.options().flavor != Flavor::llama_server) std::ignore = co_await giving_.put("data: [DONE]\n\n");
      std::ignore = co_await giving_.reply.finish();
      co_return false;
    }
    if (giving_.is(FaultKind::stall)) std::ignore = co_await giving_.wait(for_ever);
    if (!giving_.gone) giving_.cut();
    co_return false;
  }

  net::Task<void> end(const std::vector<Speech>& speeches) {
    const std::string usage = giving_.is(FaultKind::no_usage) ? "" : giving_.usage();
    // DeepSeek's counts ride on the last chunk that has a choice, asked for or not (wire.md §B.5).
    const bool rides = giving_.options().flavor == Flavor::deepseek;
    for (std::uint64_t choice = 0; choice < speeches.size() && !giving_.is(FaultKind::no_finish); ++choice) {
      Finish finish{speeches[choice].finish_reason(), speeches[choice].stopped_by()};
      if (giving_.calls_a_tool()) finish = {"tool_calls", {}};
      shapes_.append_finish(data_, choice, finish, rides ? usage : "");
      const bool sent = co_await next();
      if (!sent) co_return;
    }
    if (giving_.is(FaultKind::cut_finish)) co_return giving_.cut();
    if (!usage.empty() && !rides && giving_.ask.usage) {
      shapes_.append_usage(data_, usage);
      const bool sent = co_await next();
      if (!sent) co_return;
    }
    if (!giving_.is(FaultKind::no_done)) {
      data_ = "[DONE]";
      const bool sent = co_await next();
      if (!sent) co_return;
    }
    if (giving_.is(FaultKind::one_byte)) co_return co_await giving_.drip(content_type);
    std::ignore = co_await giving_.reply.finish();
  }

  Giving& giving_;
  Shapes shapes_;
  Words words_;
  std::uint64_t chunks_ = 0;
  std::string data_, delta_;
};

}  // namespace

net::Task<void> give_stream(Giving& giving) {
  Streaming streaming{giving};
  co_await streaming.run();
}

}  // namespace bellwether::simulator
