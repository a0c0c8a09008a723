// One caller's connection: reads requests one after the other, hands each to a Handler, writes what it replies. Knows HTTP/1.1 and
// its bounds, and nothing of models or keys. The gateway's callers, the admin port and the simulator all speak through it.
//
// A session lives on one loop for its whole life and owns itself: it ends with its connection.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/id.h"
#include "base/result.h"
#include "http/body.h"
#include "http/head.h"
#include "net/stream.h"
#include "net/tls.h"

namespace bellwether::net {

/// Bounds on what one connection may make us hold or wait for.
struct SessionLimits {
  std::uint64_t request_bytes_max = std::uint64_t{32} << 20;
  Duration head_timeout = std::chrono::seconds(10);
  Duration body_timeout = std::chrono::seconds(30);
  Duration idle_timeout = std::chrono::seconds(75);
  Duration write_timeout = std::chrono::seconds(30);
};

/// A request as it was read. Views are valid until the handler returns or `release` is called.
class Request {
 public:
  http::RequestHead head;
  std::string_view body;  ///< Decoded of chunks; has 64 readable bytes behind it.
  TimePoint read_at{};    ///< When its last byte had been read.

  /// Frees the list of the head's fields, not what it points to.
  void forget_fields() { head.fields = {}; }
  /// Frees head and body: an open stream does not need them any more. Views into them are dead afterwards.
  void release();

 private:
  friend class Session;
  std::string* storage_ = nullptr;
  std::string* decoded_ = nullptr;
  std::size_t size_ = 0;
};

/// One header field of a reply. Names in lower case.
struct ReplyField {
  std::string_view name;
  std::string_view value;
};

/// How a handler answers, exactly once: `send`; or `start`, any number of `write`, then `finish` or `abort`. Every call that awaits
/// returns ok or the reason why the caller is lost; a handler then cleans up and returns.
class Reply {
 public:
  /// A complete reply. The pieces are written one behind the other; Content-Length is theirs together.
  [[nodiscard]] Prompt<IoStatus> send(int status, std::span<const ReplyField> fields, std::span<const std::string_view> body);
  /// The head of a reply whose length is not known yet.
  [[nodiscard]] Prompt<IoStatus> start(int status, std::span<const ReplyField> fields);
  /// Some bytes of it, on the wire when this returns. Empty: nothing happens. The first write carries the head with it.
  [[nodiscard]] Prompt<IoStatus> write(std::string_view bytes);
  /// Puts the head on the wire by itself, for a handler whose first bytes come later.
  [[nodiscard]] Prompt<IoStatus> flush_head();
  /// The last bytes and the end of the body, in one write: a caller who has read the last event may hang up at once.
  [[nodiscard]] Prompt<IoStatus> finish(std::string_view last = {});
  /// Ends a started reply so that nobody can take it for complete: the connection closes within the chunked body.
  void abort();

  [[nodiscard]] bool started() const { return state_ != State::open; }

  /// `on_gone` is called once, on the loop, if the caller hangs up before the reply is complete.
  void watch_caller(std::function<void()> on_gone);
  void unwatch_caller();
  /// The process leaves now: whoever watches is called as for a caller who hung up, and tells the caller, who is still there, what can
  /// be told.
  void cut_short();
  [[nodiscard]] bool is_cut_short() const { return cut_short_; }
  /// Before the reply was complete; a caller who leaves with all of it in hand is not gone.
  [[nodiscard]] bool caller_gone() const { return gone_ && !complete_; }
  /// Closes the connection after this reply.
  void close_after() { keep_alive_ = false; }
  /// The connection itself, for the simulator's faults. What is done to it is the handler's own risk.
  [[nodiscard]] Stream& stream() { return stream_; }
  /// The handler took the connection over through `stream`: the session writes nothing and closes.
  void detach() {
    state_ = State::done;
    keep_alive_ = false;
  }
  /// Time spent waiting for the caller to take bytes.
  [[nodiscard]] Duration waited() const { return waited_; }

 private:
  friend class Session;
  enum class State : std::uint8_t { open, started, done };
  enum class Length : std::uint8_t { chunked, until_close };
  enum class Part : std::uint8_t { more_follows, last };
  class Framed;

  Reply(Stream& stream, const SessionLimits& limits, const bool& draining) : stream_{stream}, limits_{limits}, draining_{draining} {}
  void append_head(std::string& out, int status, std::span<const ReplyField> fields);
  [[nodiscard]] Prompt<IoStatus> put(std::span<const iovec> pieces, Part part);
  [[nodiscard]] Task<IoStatus> put_rest(std::string rest, Part part);
  [[nodiscard]] IoStatus note(IoStatus status, Part part);

  Stream& stream_;
  const SessionLimits& limits_;
  const bool& draining_;  ///< The server's: a reply that begins while it drains says `connection: close`.
  State state_ = State::open;
  Length length_ = Length::chunked;
  bool head_only_ = false;  ///< HEAD: the body is counted and not sent.
  bool http_1_0_ = false;
  bool keep_alive_ = true;
  bool gone_ = false;
  bool watched_ = false;
  bool cut_short_ = false;
  bool complete_ = false;     ///< All of it was handed to the kernel.
  std::string pending_head_;  ///< Of a started reply, until its first bytes go out.
  Duration waited_{};
  std::function<void()> on_gone_;
};

/// What a server does with requests. One for all connections of a lane; outlives them.
class Handler {
 public:
  virtual ~Handler() = default;
  /// Called when a head is complete, before its body is read. A failure is answered at once and the body is not waited for:
  /// nobody without a key makes us read 32 MiB. The connection goes on only if the body is there already, or there is none.
  [[nodiscard]] virtual Result<void> admit(const http::RequestHead& head) = 0;
  /// Answers a request.
  [[nodiscard]] virtual Task<void> handle(Request& request, Reply& reply) = 0;
  /// Answers what `admit` refused or what is no readable request. `head` is null when there is none.
  [[nodiscard]] virtual Task<void> refuse(const Failure& failure, const http::RequestHead* head, Reply& reply) = 0;
  virtual void on_connection_opened() {}
  virtual void on_connection_closed() {}
  /// Too many were open. `id` is what the caller was told, except with TLS, where it was told nothing.
  virtual void on_connection_refused(const RequestId& id) { static_cast<void>(id); }
};

/// A lane's side of one server: opens sessions, knows those that are open, drains them. Lives on its loop.
class Server {
 public:
  /// `open_connections` counts over all lanes; at `connections_max` a new one is answered 503 and closed.
  Server(Loop& loop, Handler& handler, SessionLimits limits, std::uint32_t connections_max, std::atomic<std::uint32_t>& open_connections);
  ~Server();

  void on_connection(Socket socket);
  /// For connections to come. Null: plain.
  void set_tls(TlsContext context) { tls_ = std::move(context); }
  void set_limits(const SessionLimits& limits, std::uint32_t connections_max) {
    limits_ = limits;
    connections_max_ = connections_max;
  }
  /// Every connection gets at most one more reply, which says `connection: close`; one that has been idle for `grace`, counted
  /// from its last reply, closes without. Calls `on_empty` once all have closed. Connections that still come are served so too.
  void drain(Duration grace, std::function<void()> on_empty);
  /// Requests under way end now, as well as they can (Reply::cut_short).
  void cut_short();
  [[nodiscard]] std::size_t open() const { return sessions_.size(); }

 private:
  friend class Session;
  void forget(std::list<class Session*>::iterator place);

  Loop& loop_;
  Handler& handler_;
  SessionLimits limits_;
  std::uint32_t connections_max_;
  std::atomic<std::uint32_t>& open_connections_;
  TlsContext tls_;
  std::list<class Session*> sessions_;
  bool draining_ = false;
  Duration grace_{};  ///< While draining.
  std::function<void()> on_empty_;
};

}  // namespace bellwether::net
