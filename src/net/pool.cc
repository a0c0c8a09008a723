#include "net/pool.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "net/resolve.h"
#include "net/signal.h"
#include "net/spawn.h"

namespace bellwether::net {
namespace {

// How long a name's addresses are used before they are looked up again. getaddrinfo does not tell the record's own TTL;
// this is what most load balancers' DNS assumes at most.
constexpr Duration addresses_for = std::chrono::seconds(30);
// Each further address of a name gets at least this long, so that one dead address does not eat the whole time.
constexpr Duration connect_slice_min = std::chrono::milliseconds(500);

Failure failure_of(IoStatus status, std::string detail) {
  switch (status) {
    case IoStatus::timed_out: return {.reason = Reason::upstream_timeout, .detail = {"timed out: " + detail}};
    case IoStatus::cancelled: return {.reason = Reason::caller_gone, .detail = {std::move(detail)}};
    default: return {.reason = Reason::upstream_unreachable, .detail = {std::move(detail)}};
  }
}

}  // namespace

// ---- Lease ----

Lease::~Lease() {
  if (pool_ == nullptr) return;
  if (stream_) stream_->close();
  pool_->observer_.closed();
  pool_->ended();
}

void Lease::keep() && { std::exchange(pool_, nullptr)->give_back(std::move(stream_)); }

// ---- Pool ----

struct Pool::Place {
  explicit Place(Loop& loop) : signal{loop} {}
  Signal signal;
};

Pool::Pool(Loop& loop, Target target, PoolLimits limits, PoolObserver observer)
    : loop_{loop}, target_{std::move(target)}, limits_{limits}, observer_{std::move(observer)} {
  if (!target_.tls) return;
  Result<TlsContext> context = make_client_tls();
  if (!context) {
    tls_trouble_ = context.error().detail.text;
    return;
  }
  tls_ = *std::move(context);
  remember_sessions(tls_.get(), sessions_);
}

Pool::~Pool() {
  for (std::size_t i = 0; i < idle_.size(); ++i) observer_.closed();
  BW_CHECK(open_ == idle_.size());
}

std::unique_ptr<Stream> Pool::take_idle() {
  const TimePoint now = loop_.turn();
  while (!idle_.empty()) {
    Idle youngest = std::move(idle_.back());
    idle_.pop_back();
    const Duration unused = now - youngest.since;
    if (unused < limits_.idle_for && youngest.stream->quiet()) return std::move(youngest.stream);
    youngest.stream.reset();
    --open_;
    observer_.closed();
  }
  return nullptr;
}

Prompt<Result<Lease>> Pool::lease(Wanted wanted, LeaseTimeouts timeouts, TimePoint total, Waiting& waiting) {
  if (wanted == Wanted::any) {
    if (std::unique_ptr<Stream> stream = take_idle()) {
      observer_.reused();
      return Result<Lease>{Lease{*this, std::move(stream), true}};
    }
  }
  return lease_slowly(wanted, timeouts, total, waiting);
}

Task<Result<Lease>> Pool::lease_slowly(Wanted wanted, LeaseTimeouts timeouts, TimePoint total, Waiting& waiting) {
  if (wanted == Wanted::fresh && open_ >= limits_.connections_max && !idle_.empty()) {
    idle_.erase(idle_.begin());
    --open_;
    observer_.closed();
  }
  const TimePoint place_until = std::min(total, loop_.turn() + timeouts.pool);
  while (open_ >= limits_.connections_max) {
    Place place{loop_};
    queue_.push_back(&place);
    waiting.cancel = [&place] { place.signal.wake(IoStatus::cancelled); };
    const IoStatus waited = co_await place.signal.wait(place_until);
    waiting.cancel = nullptr;
    std::erase(queue_, &place);  // No longer there if it was woken by a free place.
    // A bound of our own: it says nothing about how the upstream does.
    const std::string where = "waiting for one of " + std::to_string(limits_.connections_max) + " connections";
    if (waited == IoStatus::timed_out) co_return failed(Reason::overloaded, where);
    if (waited != IoStatus::ok) co_return std::unexpected(failure_of(waited, where));
    if (wanted == Wanted::any) {
      if (std::unique_ptr<Stream> stream = take_idle()) {
        observer_.reused();
        co_return Lease{*this, std::move(stream), true};
      }
    }
  }
  ++open_;  // The place is taken before the connection is there: the bound holds while many connect at once.
  Result<std::unique_ptr<Stream>> stream = co_await connect(std::min(total, loop_.turn() + timeouts.connect), waiting);
  waiting.cancel = nullptr;
  if (!stream) {
    ended();
    co_return std::unexpected(std::move(stream).error());
  }
  observer_.opened();
  co_return Lease{*this, *std::move(stream), false};
}

void Pool::give_back(std::unique_ptr<Stream> stream) {
  stream->clear_deadline();
  if (idle_.size() >= limits_.idle_max) {
    stream->close();
    observer_.closed();
    ended();
    return;
  }
  idle_.push_back({std::move(stream), loop_.turn()});
  if (!queue_.empty()) {
    Place* const next = queue_.front();
    queue_.pop_front();
    next->signal.wake(IoStatus::ok);
  }
}

void Pool::ended() {
  --open_;
  if (queue_.empty()) return;
  Place* const next = queue_.front();
  queue_.pop_front();
  next->signal.wake(IoStatus::ok);
}

void Pool::sweep(TimePoint now) {
  // The oldest are in front, because the youngest are taken first.
  while (!idle_.empty() && now - idle_.front().since >= limits_.idle_for) {
    idle_.front().stream->close();
    idle_.erase(idle_.begin());
    observer_.closed();
    ended();
  }
}

Task<Result<std::unique_ptr<Stream>>> Pool::connect(TimePoint until, Waiting& waiting) {
  if (target_.tls && !tls_) co_return failed(Reason::upstream_unreachable, std::string(tls_trouble_));
  if (!target_.socket_path.empty()) {
    const std::optional<Address> address = address_of_path(target_.socket_path);
    if (!address) co_return failed(Reason::upstream_unreachable, std::string("the Unix socket's path is too long"));
    co_return co_await connect_to(*address, until, waiting);
  }
  BW_CO_TRY(addresses, co_await resolve(until, waiting));
  Failure last{.reason = Reason::upstream_unreachable, .detail = {"no address"}};
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    const TimePoint now = loop_.turn();
    const Duration share = std::max<Duration>((until - now) / static_cast<std::int64_t>(addresses.size() - i), connect_slice_min);
    Result<std::unique_ptr<Stream>> stream = co_await connect_to(addresses[i], std::min(until, now + share), waiting);
    if (stream || stream.error().reason == Reason::caller_gone) co_return stream;
    last = std::move(stream).error();
    if (loop_.turn() >= until) break;
  }
  addresses_.clear();  // Next time the name is looked up again: it may have moved.
  co_return std::unexpected(std::move(last));
}

Task<Result<std::unique_ptr<Stream>>> Pool::connect_to(const Address& address, TimePoint until, Waiting& waiting) {
  Socket socket{::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!socket.is_open()) co_return failed(Reason::upstream_unreachable, std::string("socket: ") + std::strerror(errno));
  const int fd = socket.fd();
  if (target_.socket_path.empty()) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  const bool connected = ::connect(fd, address.data(), address.size) == 0;
  // EAGAIN is a Unix socket's word for a full backlog.
  if (!connected && errno != EINPROGRESS) co_return failed(Reason::upstream_unreachable, std::string("connect: ") + std::strerror(errno));
  auto stream = std::make_unique<Stream>(loop_, std::move(socket));
  stream->set_deadline(until);
  waiting.cancel = [&stream = *stream] { stream.cancel(); };
  if (!connected) {
    const IoStatus status = co_await stream->wait_writable();
    int trouble = 0;
    socklen_t length = sizeof trouble;
    if (status == IoStatus::ok) ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &trouble, &length);
    if (status != IoStatus::ok || trouble != 0) {
      waiting.cancel = nullptr;
      co_return std::unexpected(failure_of(status, std::string("connect") + (trouble != 0 ? std::string(": ") + std::strerror(trouble) : "")));
    }
  }
  if (target_.tls) {
    const IoStatus status = co_await stream->connect_tls(tls_.get(), target_.host, sessions_.last());
    if (status != IoStatus::ok) {
      waiting.cancel = nullptr;
      co_return std::unexpected(failure_of(status, stream->last_error().empty() ? "TLS handshake" : stream->last_error()));
    }
  }
  waiting.cancel = nullptr;
  stream->clear_deadline();
  co_return stream;
}

Task<Result<std::vector<Address>>> Pool::resolve(TimePoint until, Waiting& waiting) {
  if (const std::optional<Address> literal = address_of(target_.host, target_.port)) co_return std::vector{*literal};
  if (!addresses_.empty() && loop_.turn() < addresses_until_) co_return addresses_;

  // The look-up may outlast our patience, so what it fills must outlive us.
  struct Lookup {
    explicit Lookup(Signal& signal) : signal{&signal} {}
    Signal* signal;  ///< Null once nobody waits.
    Result<std::vector<Address>> found;
  };
  Signal signal{loop_};
  const auto lookup = std::make_shared<Lookup>(signal);
  net::resolve(loop_, target_.host, [lookup](Result<std::vector<Address>> found) {
    if (lookup->signal == nullptr) return;
    lookup->found = std::move(found);
    lookup->signal->wake(IoStatus::ok);
  });
  waiting.cancel = [&signal] { signal.wake(IoStatus::cancelled); };
  const IoStatus status = co_await signal.wait(until);
  waiting.cancel = nullptr;
  lookup->signal = nullptr;
  if (status != IoStatus::ok) co_return std::unexpected(failure_of(status, "looking up " + target_.host));
  if (!lookup->found) co_return std::unexpected(std::move(lookup->found).error());
  for (Address& address : *lookup->found) address.set_port(target_.port);
  addresses_ = *std::move(lookup->found);
  addresses_until_ = loop_.turn() + addresses_for;
  co_return addresses_;
}

}  // namespace bellwether::net
