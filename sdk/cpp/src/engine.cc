#include "engine.h"

#include <pthread.h>
#include <sys/random.h>
#include <unistd.h>

#include <csignal>
#include <system_error>

#include "net/spawn.h"
#include "side.h"

namespace bellwether::client {
namespace {

// A connection that lay unused for longer has often been closed by the other side (the gateway does after 75 s, Node after 5 s).
constexpr Duration idle_max = std::chrono::seconds(30);
constexpr Duration sweep_every = std::chrono::seconds(5);

net::Target target_of(const BaseUrl& url) { return {url.host, url.port, url.socket_path, url.tls}; }

net::PoolLimits limits_of(const Settings& settings) { return {settings.connections_max, settings.connections_max, idle_max}; }

net::Task<void> sweep_now_and_then(Side& side) {
  for (;;) {
    co_await side.loop.sleep_for(sweep_every);
    side.pool.sweep(side.loop.turn());
  }
}

net::Task<void> run(Side*& side, std::shared_ptr<Operation>& operation) {
  const auto place = side->running.insert(side->running.end(), operation.get());
  co_await perform(*side, operation);
  side->running.erase(place);
  if (side->closing && side->running.empty()) side->loop.stop();
}

/// Ends what is in flight, then the loop. Nobody is left who waits for anything.
void close(Side& side) {
  side.closing = true;
  if (side.running.empty()) side.loop.stop();
  for (Operation* const operation : std::list<Operation*>{side.running}) operation->cancel();
}

/// While it lives no signal is delivered to this thread, nor to one that it makes: signals are the program's own business, and a broken
/// TLS connection is to raise no SIGPIPE.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

std::uint64_t random_seed() {
  std::uint64_t seed = 0;
  if (::getrandom(&seed, sizeof seed, 0) != static_cast<ssize_t>(sizeof seed)) seed = static_cast<std::uint64_t>(::getpid());
  return seed;
}

}  // namespace

Side::Side(const Settings& with, std::uint64_t seed)
    : settings{with}, loop{seed}, pool{loop, target_of(settings.url), limits_of(settings), {[] {}, [] {}, [] {}}} {}

}  // namespace bellwether::client

namespace bellwether::inline v1::detail {

using namespace client;

Engine::Engine(Settings settings, std::optional<Error> refusal) : settings_{std::move(settings)}, refusal_{std::move(refusal)} {}

Engine::~Engine() {
  if (!thread_.joinable()) return;
  // After a fork the thread is the parent's: there is nothing here to end, and nothing to wait for.
  if (process_ != ::getpid()) {
    thread_.detach();
    return;
  }
  inbox_->put([side = side_] { close(*side); });
  if (thread_.get_id() == std::this_thread::get_id()) thread_.detach();
  else thread_.join();
}

std::optional<Error> Engine::make_thread() {
  if (side_ != nullptr) {
    if (process_ == ::getpid()) return std::nullopt;
    return Error{.kind = ErrorKind::invalid_argument,
                 .code = "used_after_fork",
                 .message = "This client was used before the process forked, and its thread stayed with the parent: make a new Client in the child."};
  }
  try {
    auto side = std::make_unique<Side>(settings_, random_seed());
    net::spawn(side->loop, "sweep", [](Side*& of) { return sweep_now_and_then(*of); }, side.get());
    inbox_ = side->loop.inbox();
    side_ = side.get();
    const SignalsBlocked blocked;
    thread_ = std::thread{[owned = std::move(side)]() mutable {
      owned->loop.run();
      owned.reset();
    }};
  } catch (const std::exception& exception) {
    side_ = nullptr;
    return Error{.kind = ErrorKind::connection, .code = "no_thread", .message = std::string("The client's thread cannot be made: ") + exception.what()};
  }
  process_ = ::getpid();
  return std::nullopt;
}

void Engine::start(const std::shared_ptr<Operation>& operation, const std::stop_token& stop) {
  if (refusal_) return operation->refuse(*refusal_);
  const std::lock_guard lock{mutex_};
  if (std::optional<Error> error = make_thread()) return operation->refuse(*std::move(error));
  operation->begin(inbox_, stop);
  inbox_->put([side = side_, operation] { net::spawn(side->loop, "call", run, side, operation); });
}

bool Engine::is_own_thread() {
  const std::lock_guard lock{mutex_};
  return thread_.get_id() == std::this_thread::get_id();
}

}  // namespace bellwether::inline v1::detail
