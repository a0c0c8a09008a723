// One answer of the simulator while it is being given: what it needs, and the ways in which a fault keeps it from being given well.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/loop.h"
#include "net/session.h"
#include "simulator/ask.h"
#include "simulator/fault.h"
#include "simulator/flavor.h"
#include "simulator/prefill.h"
#include "simulator/record.h"
#include "simulator/shared.h"
#include "simulator/speech.h"

namespace bellwether::simulator {

inline constexpr Duration for_ever = std::chrono::hours(1);
inline constexpr std::size_t big_event_bytes = std::size_t{1} << 20;
inline constexpr std::string_view tool_arguments = R"({"city":"서울","unit":"celsius"})";
/// Tokens of what is thought before an answer, where something is; and where its words are taken from, far from the answer's.
inline constexpr std::uint64_t thought_tokens = 3;
inline constexpr std::uint64_t thought_place = 1'000'000;

/// Lives on its request's coroutine.
struct Giving {
  Giving(Shared& shared, net::Loop& loop, net::Reply& reply, Ask ask) : shared{shared}, loop{loop}, reply{reply}, ask{std::move(ask)} {}

  [[nodiscard]] const Options& options() const { return shared.options; }
  [[nodiscard]] bool is(FaultKind kind) const { return fault && fault->kind == kind; }
  [[nodiscard]] bool thinks() const;
  [[nodiscard]] bool calls_a_tool() const { return ask.endpoint == Endpoint::chat && !ask.tool.empty(); }
  [[nodiscard]] Duration between_tokens() const { return is(FaultKind::slow_drip) ? fault->wait : options().between_tokens; }
  [[nodiscard]] Duration first_token() const { return is(FaultKind::slow_first) ? fault->wait : options().first_token; }
  /// What each choice says.
  [[nodiscard]] std::vector<Speech> speeches() const;
  /// As an engine does with each of its steps: what is new of the answer's tokens is added to the totals.
  void count();
  /// The answer's counts so far.
  [[nodiscard]] std::string usage() const;
  void log(int status) const { shared.log_access(peer, request_line, status); }

  /// Sleeps; false when the caller hung up meanwhile.
  [[nodiscard]] net::Task<bool> wait(Duration duration);
  /// Puts an event on the wire, in the way that the fault wants; false when the caller hung up.
  [[nodiscard]] net::Task<bool> event(std::string_view data);
  [[nodiscard]] net::Task<bool> put(std::string_view text);
  /// What was put, a byte at a time: head, then a body that ends with the connection.
  [[nodiscard]] net::Task<void> drip(std::string_view content_type);
  /// Ends the connection within the reply.
  void cut();

  Shared& shared;
  net::Loop& loop;
  net::Reply& reply;
  Ask ask;
  std::optional<Fault> fault;
  std::shared_ptr<Asked> asked;
  net::Sleep* sleeping = nullptr;
  std::string id, model, buffer, raw, peer, request_line;
  Path path = Path::usual;
  bool continues = false;  ///< It goes on from `place` with an answer that was begun.
  Place place;
  std::uint64_t prompt_tokens = 0, tokens_sent = 0;
  std::uint64_t tokens_counted = 0;  ///< Of `tokens_sent`, in the totals.
  bool prompt_counted = false;
  bool gone = false, faulted = false;
};

/// With the fields that such a server sends; false when the caller hung up.
[[nodiscard]] net::Task<bool> send(net::Reply& reply, int status, std::string_view body, std::string_view content_type = "application/json");

/// The answer as a stream of events (give_stream.cc), or whole (give_whole.cc).
[[nodiscard]] net::Task<void> give_stream(Giving& giving);
[[nodiscard]] net::Task<void> give_whole(Giving& giving);

}  // namespace bellwether::simulator
