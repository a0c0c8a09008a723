#include "net/session.h"

#include <fmt/format.h>

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/text.h"
#include "net/spawn.h"

namespace bellwether::net {
namespace {

constexpr std::size_t padding = 64;                  // json::padding, behind every body.
constexpr std::size_t storage_kept_max = 16 * 1024;  // A larger request's memory is given back once it is answered.
constexpr std::size_t body_reserve_max = 1 << 20;    // What a Content-Length alone makes us set aside.
// A refused request's rest is taken and dropped this long, so that the reply is not lost to a reset.
constexpr Duration linger_time = std::chrono::seconds(2);

// What a body must bring on average once body_timeout is over. Apache's mod_reqtimeout asks for 500 bytes/s, Kestrel for 240; the
// slowest mobile line does several KiB/s. A 1 KiB body at a byte every 200 ms would otherwise hold its place for minutes.
constexpr std::size_t body_bytes_per_second_min = 1024;

/// How long a body may take: something of it within each `patience`, and after the first such time at least the least rate.
class Pace {
 public:
  Pace(TimePoint began, Duration patience) : began_{began}, patience_{patience} {}
  /// When the next bytes must be there, `received` bytes being there now.
  [[nodiscard]] TimePoint due(TimePoint now, std::size_t received) const {
    constexpr Duration byte_time = Duration(std::chrono::seconds(1)) / body_bytes_per_second_min;
    return std::min(now + patience_, began_ + patience_ + byte_time * static_cast<std::int64_t>(received));
  }

 private:
  TimePoint began_;
  Duration patience_;
};

iovec piece_of(std::string_view text) { return {const_cast<char*>(text.data()), text.size()}; }

}  // namespace

void Request::release() {
  head = {};
  body = {};
  decoded_->clear();
  decoded_->shrink_to_fit();
  std::string rest = size_ < storage_->size() ? storage_->substr(size_) : std::string{};
  storage_->swap(rest);
  size_ = 0;
}

// ---- Reply ----

void Reply::append_head(std::string& out, int status, std::span<const ReplyField> fields) {
  append_all(out, "HTTP/1.1 ", Digits{status}, " ", http::reason_phrase(status), "\r\ndate: ", stream_.loop().http_date());
  for (const ReplyField& field : fields) append_all(out, "\r\n", field.name, ": ", field.value);
  if (draining_) keep_alive_ = false;
  if (!keep_alive_) out += "\r\nconnection: close";
  else if (http_1_0_) out += "\r\nconnection: keep-alive";
}

Prompt<IoStatus> Reply::put(std::span<const iovec> pieces, Part part) {
  if (gone_) return IoStatus::closed;
  std::size_t size = 0;
  for (const iovec& piece : pieces) size += piece.iov_len;
  const IoResult result = stream_.try_write(pieces);
  if (result.status == IoStatus::ok && result.bytes == size) return note(IoStatus::ok, part);
  if (result.status != IoStatus::ok && result.status != IoStatus::would_block) return note(result.status, part);
  return put_rest(rest_of(pieces, result.bytes), part);
}

Task<IoStatus> Reply::put_rest(std::string rest, Part part) {
  const TimePoint began = stream_.loop().now();
  const IoStatus status = co_await stream_.write_rest(std::move(rest), limits_.write_timeout);
  waited_ += stream_.loop().turn() - began;
  co_return note(status, part);
}

IoStatus Reply::note(IoStatus status, Part part) {
  complete_ = status == IoStatus::ok && part == Part::last;
  if (status != IoStatus::ok) {
    gone_ = true;
    keep_alive_ = false;
  }
  return status;
}

Prompt<IoStatus> Reply::send(int status, std::span<const ReplyField> fields, std::span<const std::string_view> body) {
  BW_CHECK(state_ == State::open);
  BW_CHECK(body.size() <= 14);
  state_ = State::done;
  std::size_t length = 0;
  for (const std::string_view part : body) length += part.size();
  std::string& head = stream_.loop().head_scratch();
  append_head(head, status, fields);
  append_all(head, "\r\ncontent-length: ", Digits{static_cast<std::int64_t>(length)}, "\r\n\r\n");
  std::array<iovec, 15> pieces;
  std::size_t count = 0;
  pieces[count++] = piece_of(head);
  if (!head_only_)
    for (const std::string_view part : body)
      if (!part.empty()) pieces[count++] = piece_of(part);
  return put({pieces.data(), count}, Part::last);
}

Prompt<IoStatus> Reply::start(int status, std::span<const ReplyField> fields) {
  BW_CHECK(state_ == State::open);
  state_ = State::started;
  // HTTP/1.0 knows no chunks: the body ends with the connection.
  length_ = http_1_0_ ? Length::until_close : Length::chunked;
  if (length_ == Length::until_close) keep_alive_ = false;
  append_head(pending_head_, status, fields);
  pending_head_ += length_ == Length::chunked ? "\r\ntransfer-encoding: chunked\r\n\r\n" : "\r\n\r\n";
  return gone_ ? IoStatus::closed : IoStatus::ok;
}

/// The chunk around some bytes, or the bytes alone where the body ends with the connection.
class Reply::Framed {
 public:
  Framed(const Reply& reply, std::string_view head, std::string_view bytes) {
    if (!head.empty()) add(head);
    if (bytes.empty() || reply.head_only_) return;
    if (reply.length_ == Length::until_close) {
      add(bytes);
      return;
    }
    char* end = std::to_chars(size_line_, size_line_ + 16, bytes.size(), 16).ptr;
    *end++ = '\r';
    *end++ = '\n';
    add({size_line_, static_cast<std::size_t>(end - size_line_)});
    add(bytes);
    add("\r\n");
  }
  void add(std::string_view bytes) { pieces_[count_++] = piece_of(bytes); }
  [[nodiscard]] std::span<const iovec> pieces() const { return {pieces_.data(), count_}; }

 private:
  char size_line_[20];
  std::array<iovec, 5> pieces_;
  std::size_t count_ = 0;
};

Prompt<IoStatus> Reply::write(std::string_view bytes) {
  BW_CHECK(state_ == State::started);
  if (bytes.empty()) return IoStatus::ok;
  const std::string head = std::exchange(pending_head_, {});
  const Framed framed{*this, head, bytes};
  return put(framed.pieces(), Part::more_follows);
}

Prompt<IoStatus> Reply::flush_head() {
  BW_CHECK(state_ == State::started);
  const std::string head = std::exchange(pending_head_, {});
  if (head.empty()) return IoStatus::ok;
  const iovec piece = piece_of(head);
  return put({&piece, 1}, Part::more_follows);
}

Prompt<IoStatus> Reply::finish(std::string_view last) {
  BW_CHECK(state_ == State::started);
  state_ = State::done;
  const std::string head = std::exchange(pending_head_, {});
  Framed framed{*this, head, last};
  if (length_ == Length::chunked && !head_only_) framed.add("0\r\n\r\n");
  return put(framed.pieces(), Part::last);
}

void Reply::abort() {
  state_ = State::done;
  keep_alive_ = false;
}

void Reply::watch_caller(std::function<void()> on_gone) {
  on_gone_ = std::move(on_gone);
  watched_ = true;
  stream_.watch([this] {
    gone_ = true;
    keep_alive_ = false;
    on_gone_();
  });
}

void Reply::unwatch_caller() {
  watched_ = false;
  stream_.stop_watch();
}

void Reply::cut_short() {
  if (std::exchange(cut_short_, true) || gone_) return;
  keep_alive_ = false;
  if (watched_) on_gone_();
}

// ---- Session ----

/// The coroutine behind one connection.
class Session {
 public:
  Session(Server& server, Socket socket)
      : server_{server}, stream_{server.loop_, std::move(socket)}, tls_{server.tls_}, limits_{server.limits_}, idle_since_{server.loop_.turn()} {
    place_ = server.sessions_.insert(server.sessions_.end(), this);
    server_.open_connections_.fetch_add(1, std::memory_order_relaxed);
    server_.handler_.on_connection_opened();
  }
  ~Session() {
    server_.open_connections_.fetch_sub(1, std::memory_order_relaxed);
    server_.handler_.on_connection_closed();
    server_.forget(place_);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  [[nodiscard]] Task<void> run();
  /// A drain has begun: between two requests there is less time now.
  void hurry() {
    if (idle_) stream_.set_deadline(idle_until());
  }
  void cut_short() {
    if (reply_ != nullptr) reply_->cut_short();
  }

 private:
  enum class Next : std::uint8_t { go_on, close };

  [[nodiscard]] TimePoint idle_until() const {
    return idle_since_ + (server_.draining_ ? std::min(server_.grace_, limits_.idle_timeout) : limits_.idle_timeout);
  }
  [[nodiscard]] Task<IoStatus> receive();
  [[nodiscard]] Task<Result<bool>> read_head(Request& request);
  [[nodiscard]] Task<Result<void>> read_body(Request& request);
  [[nodiscard]] Task<Result<void>> read_chunks(Request& request);
  [[nodiscard]] Task<Result<void>> continue_if_expected(const Request& request);
  [[nodiscard]] Task<Next> serve_one();
  /// Whether it is known where the request ends that is refused.
  enum class Rest : std::uint8_t { unknown, known };
  /// `size`: of all of the request, where that is known.
  [[nodiscard]] Task<Next> refuse(const Failure& failure, const http::RequestHead* head, Rest rest = Rest::unknown, std::size_t size = 0);
  void prepare(Reply& reply, const http::RequestHead& head) const;
  void drop_consumed(std::size_t size);

  Server& server_;
  Stream stream_;
  TlsContext tls_;  ///< Keeps the context that this connection began with.
  SessionLimits limits_;
  std::list<Session*>::iterator place_;
  std::string storage_;  ///< Received and not yet done with: head, body, whatever was pipelined behind them.
  std::string decoded_;  ///< The body of a chunked request.
  TimePoint idle_since_;
  Reply* reply_ = nullptr;  ///< Of the request that is being handled.
  bool idle_ = true;
};

Task<void> Session::run() {
  if (tls_) {
    stream_.set_deadline(server_.loop_.turn() + limits_.head_timeout);
    if (co_await stream_.accept_tls(tls_.get()) != IoStatus::ok) co_return;
  }
  for (;;) {
    // Not `while (co_await …)`: g++ 12.2 resumes a null handle there.
    const Next next = co_await serve_one();
    if (next == Next::close) break;
  }
  stream_.close();
}

/// Appends what the socket has to `storage_`.
Task<IoStatus> Session::receive() {
  const std::span<char> scratch = server_.loop_.scratch();
  const IoResult result = co_await stream_.read(scratch);
  if (result.status == IoStatus::ok) {
    if (storage_.capacity() < storage_.size() + result.bytes + padding)
      storage_.reserve(std::max(storage_.size() + result.bytes + padding, storage_.size() + storage_.size() / 2));
    storage_.append(scratch.data(), result.bytes);
  }
  co_return result.status;
}

/// True once a head is there; false when the connection ended between two requests, as it may.
Task<Result<bool>> Session::read_head(Request& request) {
  std::size_t scanned = 0;
  stream_.set_deadline(storage_.empty() ? idle_until() : server_.loop_.turn() + limits_.head_timeout);
  for (;;) {
    if (!storage_.empty()) {
      const http::HeadResult parsed = http::parse_request_head(storage_, scanned, request.head);
      if (parsed.status == http::HeadResult::Status::bad) co_return failed(parsed.reason, PublicText{std::string(parsed.why)});
      if (parsed.status == http::HeadResult::Status::complete) {
        request.size_ = parsed.size;
        co_return true;
      }
    }
    const bool first_bytes = storage_.empty();
    const IoStatus status = co_await receive();
    if (status == IoStatus::timed_out && first_bytes && stream_.has_arrived()) {
      // A request that came in the very moment in which we gave it up. Closing now would lose it.
      stream_.set_deadline(server_.loop_.turn() + limits_.head_timeout);
      continue;
    }
    if (status == IoStatus::timed_out && !storage_.empty())
      co_return failed(Reason::request_too_slow, PublicText{"The head of the request did not arrive in time."});
    if (status != IoStatus::ok) co_return false;
    idle_ = false;
    if (first_bytes) stream_.set_deadline(server_.loop_.turn() + limits_.head_timeout);
  }
}

Task<Result<void>> Session::continue_if_expected(const Request& request) {
  if (!request.head.expects_continue) co_return Result<void>{};
  const iovec piece = piece_of("HTTP/1.1 100 Continue\r\n\r\n");
  if (co_await stream_.write_all({&piece, 1}, limits_.write_timeout) != IoStatus::ok) co_return failed(Reason::caller_gone);
  co_return Result<void>{};
}

Task<Result<void>> Session::read_body(Request& request) {
  const http::Framing framing = request.head.framing;
  if (framing.chunked) co_return co_await read_chunks(request);
  const std::uint64_t length = framing.length.value_or(0);
  const std::size_t head_size = request.size_;
  if (length > limits_.request_bytes_max)
    co_return failed(Reason::request_too_large,
                     PublicText{fmt::format("The request's body has {} bytes; at most {} are taken.", length, limits_.request_bytes_max)});
  const std::size_t size = head_size + static_cast<std::size_t>(length);
  bool moved = false;
  if (storage_.size() < size) {
    if (auto asked = co_await continue_if_expected(request); !asked) co_return asked;
    const char* const before = storage_.data();
    storage_.reserve(std::min(size, head_size + body_reserve_max) + padding);
    const Pace pace{server_.loop_.turn(), limits_.body_timeout};
    while (storage_.size() < size) {
      stream_.set_deadline(pace.due(server_.loop_.turn(), storage_.size() - head_size));
      const IoStatus status = co_await receive();
      if (status == IoStatus::timed_out) co_return failed(Reason::request_too_slow, PublicText{"The body of the request did not arrive in time."});
      if (status != IoStatus::ok) co_return failed(Reason::caller_gone);
    }
    moved = storage_.data() != before;
  }
  if (storage_.capacity() < storage_.size() + padding) {
    storage_.reserve(storage_.size() + padding);
    moved = true;
  }
  if (moved) {
    // The head's views point to where the bytes were; reading it again costs less than keeping offsets for all.
    std::size_t scanned = 0;
    std::ignore = http::parse_request_head(storage_, scanned, request.head);
  }
  request.size_ = size;
  request.body = std::string_view(storage_).substr(head_size, static_cast<std::size_t>(length));
  co_return Result<void>{};
}

Task<Result<void>> Session::read_chunks(Request& request) {
  const std::size_t head_size = request.size_;
  if (storage_.size() == head_size) {
    if (auto asked = co_await continue_if_expected(request); !asked) co_return asked;
  }
  http::BodyReader reader{request.head.framing, http::Ends::by_framing};
  decoded_.clear();
  const Pace pace{server_.loop_.turn(), limits_.body_timeout};
  std::size_t received = storage_.size() - head_size;
  std::size_t at = head_size;  // What stands in front was stepped over; it is dropped before each read, not after each tiny chunk.
  for (;;) {
    const http::BodyReader::Step step = reader.step(std::string_view(storage_).substr(at));
    decoded_.append(step.content);
    at += step.consumed;
    if (decoded_.size() > limits_.request_bytes_max)
      co_return failed(Reason::request_too_large, PublicText{fmt::format("The request's body has more than {} bytes.", limits_.request_bytes_max)});
    if (step.status == http::BodyReader::Status::bad) co_return failed(Reason::request_malformed, PublicText{"The chunked body of the request is malformed."});
    if (step.status == http::BodyReader::Status::complete || reader.complete()) break;
    if (step.status == http::BodyReader::Status::content) continue;
    storage_.erase(head_size, at - head_size);
    at = head_size;
    stream_.set_deadline(pace.due(server_.loop_.turn(), received));
    const std::size_t before = storage_.size();
    const IoStatus status = co_await receive();
    received += storage_.size() - before;
    if (status == IoStatus::timed_out) co_return failed(Reason::request_too_slow, PublicText{"The body of the request did not arrive in time."});
    if (status != IoStatus::ok) co_return failed(Reason::caller_gone);
  }
  storage_.erase(head_size, at - head_size);
  decoded_.reserve(decoded_.size() + padding);
  std::size_t scanned = 0;
  std::ignore = http::parse_request_head(storage_, scanned, request.head);
  request.body = decoded_;
  co_return Result<void>{};
}

void Session::prepare(Reply& reply, const http::RequestHead& head) const {
  reply.head_only_ = head.method == http::Method::head;
  reply.http_1_0_ = head.version == http::Version::http_1_0;
  reply.keep_alive_ = head.keep_alive;
}

Task<Session::Next> Session::refuse(const Failure& failure, const http::RequestHead* head, Rest rest, std::size_t size) {
  if (failure.reason == Reason::caller_gone) co_return Next::close;
  Reply reply{stream_, limits_, server_.draining_};
  if (head != nullptr) prepare(reply, *head);
  if (rest == Rest::unknown) reply.keep_alive_ = false;
  stream_.clear_deadline();
  co_await server_.handler_.refuse(failure, head, reply);
  BW_CHECK(reply.state_ == Reply::State::done || reply.gone_);
  if (reply.keep_alive_ && !reply.gone_) {
    drop_consumed(size);
    co_return Next::go_on;
  }
  co_await stream_.linger(linger_time);
  co_return Next::close;
}

Task<Session::Next> Session::serve_one() {
  Request request;
  idle_ = storage_.empty();
  idle_since_ = server_.loop_.turn();
  const Result<bool> head = co_await read_head(request);
  if (!head) co_return co_await refuse(head.error(), nullptr);
  if (!*head) co_return Next::close;
  if (const Result<void> admitted = server_.handler_.admit(request.head); !admitted) {
    // What stands behind a body that is not here yet is anybody's guess; one that is here, or that there is none of, is passed over.
    const http::Framing framing = request.head.framing;
    const bool whole = !framing.chunked && framing.length.value_or(0) <= storage_.size() - request.size_;
    if (whole) request.size_ += static_cast<std::size_t>(framing.length.value_or(0));
    co_return co_await refuse(admitted.error(), &request.head, whole ? Rest::known : Rest::unknown, request.size_);
  }
  if (const Result<void> body = co_await read_body(request); !body) {
    std::size_t scanned = 0;  // The head may have moved while the body was being read.
    std::ignore = http::parse_request_head(storage_, scanned, request.head);
    co_return co_await refuse(body.error(), &request.head);
  }

  request.read_at = server_.loop_.turn();
  request.storage_ = &storage_;
  request.decoded_ = &decoded_;
  stream_.clear_deadline();
  Reply reply{stream_, limits_, server_.draining_};
  prepare(reply, request.head);
  reply_ = &reply;
  co_await server_.handler_.handle(request, reply);
  reply_ = nullptr;
  stream_.stop_watch();
  BW_CHECK(reply.state_ == Reply::State::done || reply.gone_);
  if (!reply.keep_alive_ || reply.gone_) co_return Next::close;
  drop_consumed(request.size_);
  co_return Next::go_on;
}

void Session::drop_consumed(std::size_t size) {
  if (size >= storage_.size()) storage_.clear();
  else storage_.erase(0, size);
  decoded_.clear();
  if (storage_.capacity() > storage_kept_max) storage_.shrink_to_fit();
  if (decoded_.capacity() > storage_kept_max) decoded_.shrink_to_fit();
}

// ---- Server ----

Server::Server(Loop& loop, Handler& handler, SessionLimits limits, std::uint32_t connections_max, std::atomic<std::uint32_t>& open_connections)
    : loop_{loop}, handler_{handler}, limits_{limits}, connections_max_{connections_max}, open_connections_{open_connections} {}

Server::~Server() = default;

void Server::on_connection(Socket socket) {
  if (open_connections_.load(std::memory_order_relaxed) >= connections_max_) {
    // Said without a session: at the bound nothing is set aside for a connection.
    const RequestId id = RequestId::make(loop_.random());
    constexpr std::string_view body =
        R"({"error":{"message":"Too many connections are open; try again.","type":"server_error","param":null,"code":"overloaded"}})";
    const std::string full = fmt::format(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nx-request-id: {}\r\nretry-after: 1\r\nconnection: close\r\n"
        "content-length: {}\r\n\r\n{}",
        id.text(), body.size(), body);
    // A handshake is just what there is no room for: with TLS the connection ends without a word.
    if (!tls_) std::ignore = ::send(socket.fd(), full.data(), full.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    handler_.on_connection_refused(id);
    return;
  }
  spawn(loop_, "session", [](std::unique_ptr<Session>& session) -> Task<void> { return session->run(); }, std::make_unique<Session>(*this, std::move(socket)));
}

void Server::forget(std::list<Session*>::iterator place) {
  sessions_.erase(place);
  if (draining_ && sessions_.empty() && on_empty_) loop_.post(std::exchange(on_empty_, nullptr));
}

void Server::cut_short() {
  for (Session* session : sessions_) session->cut_short();
}

void Server::drain(Duration grace, std::function<void()> on_empty) {
  draining_ = true;
  grace_ = grace;
  on_empty_ = std::move(on_empty);
  for (Session* session : sessions_) session->hurry();
  if (sessions_.empty() && on_empty_) loop_.post(std::exchange(on_empty_, nullptr));
}

}  // namespace bellwether::net
