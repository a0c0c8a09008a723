// One request to an endpoint and its reply, for the command-line tools that measure and compare: what came, and when. Decides nothing,
// retries nothing but a kept connection that the other side had closed before it heard of the request.
//
// A Caller is one endpoint on one loop; all members are for the loop's thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"
#include "calling/endpoint.h"
#include "net/exchange.h"
#include "net/loop.h"
#include "net/pool.h"
#include "sse/framer.h"

namespace bellwether::calling {

struct Request {
  std::string_view method = "POST";
  std::string_view path = "/chat/completions";  ///< Behind the endpoint's own.
  std::string body;                             ///< JSON; empty: none is sent.
};

/// How a call ended.
enum class End : std::uint8_t {
  complete,     ///< The whole reply came, whatever its status.
  enough,       ///< The listener had enough, and the connection was closed.
  unreachable,  ///< No connection: refused, DNS, TLS.
  timed_out,
  cut,        ///< The connection ended within the reply or before it.
  too_large,  ///< A reply or an event above its bound.
  cancelled,  ///< Ongoing::cancel.
};

/// What came. Times are those of the loop's turn that heard of it; zero where it did not come.
struct Reply {
  End end = End::cut;
  std::string detail;                             ///< About an end that is neither complete nor enough; names no secret.
  int status = 0;                                 ///< 0: no head came.
  std::string content_type, retry_after, source;  ///< `source`: x-bellwether-upstream, where a Bellwether answered.
  bool is_stream = false;                         ///< Server-sent events.
  bool mid_event = false;                         ///< The reply ended within one.
  std::string body;                               ///< Of a reply that is no stream; json::padding bytes behind it.
  std::uint64_t comments = 0;                     ///< Blocks of a stream that carry no data.
  TimePoint sent{}, head_at{}, first_byte{}, over{};

  [[nodiscard]] bool is_ok() const { return end == End::complete && status == 200; }
};

/// Who hears of a stream's events as they come.
class Listener {
 public:
  enum class Wants : std::uint8_t { more, enough };
  /// `data` has 64 readable bytes behind it (json::padding) and is valid until this returns.
  [[nodiscard]] virtual Wants on_event(TimePoint at, std::string_view data) = 0;

 protected:
  ~Listener() = default;
};

/// A call under way, for whoever may end it early. Outlives the call.
class Ongoing {
 public:
  void cancel();

 private:
  friend class Caller;
  net::Pool::Waiting waiting_;
  net::Exchange* exchange_ = nullptr;
};

class Caller {
 public:
  /// At most `connections_max` calls at once; further ones wait for their turn.
  Caller(net::Loop& loop, const Endpoint& endpoint, std::uint32_t connections_max);

  /// `request` is a named value: g++ 12 destroys a temporary of a co_await twice where it was made of braces.
  /// Ends by `patience` after now at the latest. Events of a stream go to `listener`; of any other reply the body is kept.
  [[nodiscard]] net::Task<Reply> call(const Request& request, Duration patience, Listener& listener, Ongoing& ongoing);
  /// Whatever comes is kept as the body, events as they stand on the wire.
  [[nodiscard]] net::Task<Reply> call(const Request& request, Duration patience, Ongoing& ongoing);

 private:
  struct Try;
  [[nodiscard]] net::Task<Reply> call(const Request& request, Duration patience, Listener* listener, Ongoing& ongoing);
  [[nodiscard]] net::Task<bool> attempt(Try& attempt, net::Pool::Wanted wanted);
  [[nodiscard]] net::Task<void> read_body(Try& attempt, net::Exchange& exchange);
  [[nodiscard]] bool take_events(Try& attempt, std::string_view bytes);

  net::Loop& loop_;
  std::string head_rest_, path_;  ///< Holds the key.
  net::Pool pool_;
};

}  // namespace bellwether::calling
