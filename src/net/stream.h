// A connected socket, plain or TLS, TCP or Unix: bytes in and out without blocking, and waiting with a deadline.
// OpenSSL works on the socket itself (no memory BIOs), so both kinds share one path and an idle stream holds no buffer.
//
// Owned by one session or one upstream connection; lives on one loop. At most one coroutine waits on it at a time, beside the
// background watch for its being read.
#pragma once

#include <sys/uio.h>

#include <coroutine>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <openssl/ssl.h>

#include "net/loop.h"
#include "net/socket.h"
#include "net/task.h"

namespace bellwether::net {

enum class IoStatus : std::uint8_t {
  ok,
  would_block,
  closed,     ///< The other side ended the connection in order.
  failed,     ///< Reset, TLS trouble or another error: see `last_error`.
  timed_out,  ///< The deadline passed.
  cancelled,  ///< `cancel` was called.
};

struct IoResult {
  IoStatus status;
  std::size_t bytes = 0;
};

/// What is left of the pieces behind their first `done` bytes. Copied, because they may point to the loop's scratch.
[[nodiscard]] std::string rest_of(std::span<const iovec> pieces, std::size_t done);

class Stream final : private Deadline, private Watched {
  struct Readiness;
  /// What `wait_readable` and `wait_writable` give to be awaited.
  struct Wait {
    Stream& stream;
    Readiness& readiness;
    IoStatus status = IoStatus::ok;

    [[nodiscard]] bool await_ready();
    void await_suspend(std::coroutine_handle<> waiter);
    [[nodiscard]] IoStatus await_resume() const { return status; }
  };

 public:
  /// What `read` gives to be awaited. The stream itself reads when something is there, so that a waiter is woken once.
  struct Read {
    Stream& stream;
    std::span<char> into;
    IoResult result{IoStatus::would_block};

    [[nodiscard]] bool await_ready();
    void await_suspend(std::coroutine_handle<> waiter);
    [[nodiscard]] IoResult await_resume() const { return result; }
  };

  /// Takes a non-blocking socket that is connected, or is being connected: then it becomes writable when that is over.
  Stream(Loop& loop, Socket socket);
  ~Stream() override;

  /// Takes what is there. `ok` has at least one byte.
  [[nodiscard]] IoResult try_read(std::span<char> into);
  /// Gives away as much as fits. `ok` may be less than everything.
  [[nodiscard]] IoResult try_write(std::span<const iovec> pieces);

  /// Reads at least one byte, waiting for it. `into` may be the loop's scratch: it is not touched before the wait is over.
  [[nodiscard]] Read read(std::span<char> into) { return {*this, into}; }
  /// Writes everything. Tries at once; only what is left over when the kernel takes no more is copied and waited for.
  /// Each wait for progress is bounded by `patience`; the stream's own deadline rests meanwhile.
  [[nodiscard]] Prompt<IoStatus> write_all(std::span<const iovec> pieces, Duration patience);
  /// The same for what a `try_write` left over (`rest_of`).
  [[nodiscard]] Task<IoStatus> write_rest(std::string rest, Duration patience);
  /// One wait for the socket. `ok` when there is something to try.
  [[nodiscard]] Wait wait_readable() { return {*this, read_}; }
  [[nodiscard]] Wait wait_writable() { return {*this, write_}; }

  /// The time by which waits in progress and to come must be over; stays until changed.
  void set_deadline(TimePoint at) {
    expired_ = false;
    arm(at);
  }
  void clear_deadline() { set_deadline(TimePoint::max()); }

  /// Ends the wait in progress, and every later one until `resume`, with IoStatus::cancelled. For a caller that has gone.
  void cancel();
  [[nodiscard]] bool cancelled() const { return cancelled_; }

  /// Starts to watch for the other side's hanging up while nobody reads; `on_gone` is called once, on the loop, perhaps before
  /// this returns. Bytes that arrive meanwhile wait for the next read, and a hang-up behind them goes unseen until then.
  void watch(std::function<void()> on_gone);
  void stop_watch() { on_gone_ = nullptr; }

  /// TLS from here on. The handshake obeys the deadline. `ok`, or what went wrong with `last_error` set.
  [[nodiscard]] Task<IoStatus> accept_tls(SSL_CTX* context);
  /// Verifies the certificate for `host` (a name or an address) and sends it as SNI if it is a name. `session` may be null.
  [[nodiscard]] Task<IoStatus> connect_tls(SSL_CTX* context, const std::string& host, SSL_SESSION* session);

  /// Whether bytes lie in the socket that nobody has read, told of or not.
  [[nodiscard]] bool has_arrived() const;
  /// Whether an unused connection is still good: open, and nothing unasked-for has arrived.
  [[nodiscard]] bool quiet();
  /// Ends in order: what was written will arrive.
  void close();
  /// Ends with a TCP reset.
  void reset();
  /// After what was written, no more; then takes and drops what the other side still sends, for at most `patience`, so that
  /// a reply to a request that was not read to its end is not lost to a reset (RFC 9112 §9.6).
  [[nodiscard]] Task<void> linger(Duration patience);

  [[nodiscard]] int fd() const { return socket_.fd(); }
  [[nodiscard]] Loop& loop() { return loop_; }
  [[nodiscard]] bool is_tls() const { return tls_ != nullptr; }
  /// For the log: words about the last `failed`. Never holds payload.
  [[nodiscard]] const std::string& last_error() const { return last_error_; }

 private:
  struct FreeTls {
    void operator()(SSL* tls) const { SSL_free(tls); }
  };
  /// One direction: whether there may be something to do, and who waits for that.
  struct Readiness {
    bool ready = false;  ///< Set by an event, cleared by a system call that says "not now" or that emptied the socket.
    std::coroutine_handle<> waiter;
    Wait* wait = nullptr;  ///< The waiter's, where it waits for readiness alone.
  };

  [[nodiscard]] Wait wait_for(Readiness& readiness) { return {*this, readiness}; }
  void on_expired() override;
  void on_events(std::uint32_t events) override;
  void go_on(Readiness& readiness);
  void wake(IoStatus status);
  void wake(Readiness& readiness, IoStatus status);
  [[nodiscard]] Task<IoStatus> handshake();
  [[nodiscard]] IoResult tls_trouble(int returned);
  [[nodiscard]] IoResult errno_trouble();
  [[nodiscard]] IoResult write_tls(std::span<const iovec> pieces);
  [[nodiscard]] ssize_t send_pieces(std::span<const iovec> pieces) const;
  void look_for_hangup();
  void say_goodbye();

  Loop& loop_;
  Socket socket_;
  std::unique_ptr<SSL, FreeTls> tls_;
  std::string last_error_;
  Readiness read_, write_;
  Read* reading_ = nullptr;        ///< The read that read_.waiter waits for.
  std::function<void()> on_gone_;  ///< Set while watched.
  bool cancelled_ = false;
  bool expired_ = false;          ///< The deadline passed, perhaps while nobody waited.
  bool end_is_near_ = false;      ///< The other side said that it sends no more: a short read does not mean that all was read.
  bool tls_wants_other_ = false;  ///< TLS waits for the direction that it was not asked for (key update).
};

}  // namespace bellwether::net
