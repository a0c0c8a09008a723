// One HTTP request and its reply on an upstream's connection. Says what happened in terms of Failure; decides nothing.
// Lives for one attempt; one coroutine drives it.
#pragma once

#include <coroutine>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/body.h"
#include "http/head.h"
#include "net/pool.h"

namespace bellwether::net {

class Exchange {
 public:
  /// Takes the connection for this exchange.
  explicit Exchange(Lease lease) : lease_{std::move(lease)} {}

  /// Writes head and body. Each wait for progress is bounded by `write_timeout`. Fails with upstream_timeout or upstream_broken.
  /// An upstream that answers before it has read everything is heard: a failed write is not final until the reply was looked for.
  [[nodiscard]] Prompt<Result<void>> send(std::span<const std::string_view> pieces, Duration write_timeout);

  /// The final head of the reply (1xx are skipped). Views in it are valid until the next call. Fails with upstream_timeout at
  /// `until`, caller_gone when cancelled, upstream_broken when the connection ends or the head is malformed. What came behind it lies
  /// in the loop's scratch: the next thing to be awaited is `read_piece`.
  [[nodiscard]] Task<Result<const http::ReplyHead*>> read_head(TimePoint until);

  struct Piece {
    std::string_view content;  ///< In the loop's scratch: valid until the next co_await. 64 readable bytes lie behind it. May be empty.
    bool complete = false;     ///< The body ends with this piece.
  };
  /// To be awaited: the next bytes of the body, as they come. A cut is a failure (upstream_broken), never an end.
  /// upstream_timeout at `until`: the exchange is still good and can be read on with a later one.
  [[nodiscard]] auto read_piece(TimePoint until) { return PieceRead{*this, until, {}}; }

  /// Frees what the head took; what `read_head` gave is dead afterwards. For replies that go on for long.
  void forget_head();

  /// Whether anything of the reply has arrived. A failure before that on a reused connection means that the upstream had closed
  /// it while it lay unused: trying on a fresh one is safe.
  [[nodiscard]] bool heard_anything() const { return heard_; }
  [[nodiscard]] bool reused() const { return lease_.reused(); }

  /// Ends the wait in progress with caller_gone.
  void cancel() { lease_.stream().cancel(); }

  /// Gives the connection back for reuse if the reply was read to its end and the upstream keeps it open; closes it otherwise.
  void end() &&;

 private:
  /// Not a coroutine, because every chunk of every stream comes by here.
  struct PieceRead {
    Exchange& exchange;
    TimePoint until;
    std::optional<Stream::Read> read;

    [[nodiscard]] bool await_ready();
    void await_suspend(std::coroutine_handle<> waiter) { read->await_suspend(waiter); }
    [[nodiscard]] Result<Piece> await_resume();
  };

  [[nodiscard]] Failure failure_of(IoStatus status, std::string_view during) const;
  [[nodiscard]] Task<Result<void>> send_rest(std::string rest, Duration write_timeout);
  [[nodiscard]] Result<void> judge_sent(IoStatus status) const;
  [[nodiscard]] Result<Piece> decode(std::span<char> bytes);
  [[nodiscard]] std::span<char> take_held();
  void begin_body();

  mutable Lease lease_;
  http::ReplyHead head_;
  std::span<char> behind_head_;  ///< What came with the head, in the scratch: the next thing to be awaited takes it.
  std::string held_;             ///< A head that came in pieces, then what came behind it.
  std::size_t body_offset_ = 0;  ///< Where held_ holds body; 0: it holds none.
  http::BodyReader body_;
  bool heard_ = false;
  bool complete_ = false;
  bool keep_alive_ = false;
};

}  // namespace bellwether::net
