#include "telemetry/access_log.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <thread>
#include <utility>

#include "base/text.h"
#include "json/reader.h"

namespace bellwether::telemetry {
namespace {

// About 3,000 lines for each lane: what comes in during one sleep of the writer at 60,000 requests a second.
constexpr std::size_t ring_bytes = std::size_t{1} << 20;
constexpr auto writer_sleep = std::chrono::milliseconds(50);
// Of a pipe poll promises this much room and no more; a larger write could block while the process wants to end.
constexpr std::size_t pipe_write_bytes = 4096;
constexpr std::size_t file_write_bytes = std::size_t{256} << 10;
// How long the last lines may take at the end, when whoever reads us does not.
constexpr auto flush_patience = std::chrono::seconds(2);

/// Bytes from one lane to the writer: whole lines, in order.
class Ring {
 public:
  Ring() : bytes_{new char[ring_bytes]} {}

  /// Lane's side.
  void push(std::string_view line) {
    const std::uint64_t written = written_.load(std::memory_order_relaxed);
    if (ring_bytes - (written - taken_.load(std::memory_order_acquire)) < line.size()) {
      dropped_.add();
      return;
    }
    const std::size_t at = written % ring_bytes;
    const std::size_t first = std::min(line.size(), ring_bytes - at);
    std::memcpy(bytes_.get() + at, line.data(), first);
    std::memcpy(bytes_.get(), line.data() + first, line.size() - first);
    written_.store(written + line.size(), std::memory_order_release);
  }

  /// Writer's side: appends all that is there.
  void take(std::string& out) {
    const std::uint64_t taken = taken_.load(std::memory_order_relaxed);
    const std::uint64_t written = written_.load(std::memory_order_acquire);
    const std::size_t at = taken % ring_bytes;
    const std::size_t size = written - taken;
    const std::size_t first = std::min(size, ring_bytes - at);
    out.append(bytes_.get() + at, first);
    out.append(bytes_.get(), size - first);
    taken_.store(written, std::memory_order_release);
  }

  [[nodiscard]] std::uint64_t dropped() const { return dropped_.value(); }

  std::string line;  ///< The lane's, for formatting; `clock` too.
  WallClockText clock;

 private:
  std::unique_ptr<char[]> bytes_;
  alignas(64) std::atomic<std::uint64_t> written_{0};
  alignas(64) std::atomic<std::uint64_t> taken_{0};
  Counter dropped_;
};

/// `name` is the member's with its punctuation, `,"model":`: a literal, so that it costs a few stores.
template <std::size_t size>
void append_field(std::string& out, const char (&name)[size], std::string_view text) {
  if (text.empty()) return;
  append_all(out, name);
  json::append_quoted(out, text);
}

template <std::size_t size>
void append_ms(std::string& out, const char (&name)[size], Duration duration) {
  append_all(out, name);
  append_milliseconds(out, duration);
}

void append_legs(std::string& out, std::span<const LegRecord> legs) {
  out += R"(,"legs":[)";
  for (const LegRecord& leg : legs) {
    append_all(out, out.back() == '[' ? std::string_view("{") : std::string_view(",{"), R"("upstream":)");
    json::append_quoted(out, leg.upstream);
    append_field(out, R"(,"outcome":)", leg.outcome);
    if (leg.usage.basis != metering::Basis::unknown)
      append_all(out, R"(,"input_tokens":)", Digits{leg.usage.input}, R"(,"output_tokens":)", Digits{leg.usage.output}, R"(,"usage_basis":")",
                 name_of(leg.usage.basis), "\"");
    out += '}';
  }
  out += ']';
}

}  // namespace

struct AccessLog::State {
  AccessLogTarget target;
  std::vector<std::unique_ptr<Ring>> rings;
  int fd = -1;  ///< Writer only, once it runs.
  std::atomic<bool> stop{false};
  std::atomic<bool> reopen{false};
  Counter lost;  ///< Lines that the disk refused; writer only.
  int last_error = 0;
  std::thread writer;

  [[nodiscard]] int open_file() const { return ::open(target.path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640); }
  void run();
  void write(std::string_view text);
  void reopen_if_asked();
};

void AccessLog::State::reopen_if_asked() {
  if (!reopen.exchange(false) || target.kind != AccessLogTarget::Kind::file) return;
  const int fresh = open_file();
  if (fresh < 0) {
    std::fprintf(stderr, "bellwether: cannot reopen the access log %s: %s; going on with the old file\n", target.path.c_str(), std::strerror(errno));
    return;
  }
  ::close(fd);
  fd = fresh;
}

void AccessLog::State::write(std::string_view text) {
  struct stat about{};
  const bool regular = ::fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
  const auto give_up = std::chrono::steady_clock::now() + flush_patience;
  while (!text.empty()) {
    pollfd ready{.fd = fd, .events = POLLOUT, .revents = 0};
    const int polled = regular ? 1 : ::poll(&ready, 1, 100);
    if (polled == 0) {
      if (stop.load() && std::chrono::steady_clock::now() > give_up) break;
      continue;
    }
    const ssize_t written = ::write(fd, text.data(), std::min(text.size(), regular ? file_write_bytes : pipe_write_bytes));
    if (written < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (written < 0) {
      if (std::exchange(last_error, errno) != errno)
        std::fprintf(stderr, "bellwether: cannot write the access log: %s; lines are lost\n", std::strerror(errno));
      break;
    }
    text.remove_prefix(static_cast<std::size_t>(written));
    last_error = 0;
  }
  lost.add(static_cast<std::uint64_t>(std::ranges::count(text, '\n')));
}

void AccessLog::State::run() {
  std::string batch;
  for (;;) {
    const bool last = stop.load();
    reopen_if_asked();
    batch.clear();
    for (const std::unique_ptr<Ring>& ring : rings) ring->take(batch);
    if (!batch.empty()) write(batch);
    if (last) return;
    if (batch.size() < ring_bytes / 2) std::this_thread::sleep_for(writer_sleep);
  }
}

AccessLog::AccessLog() : state_{std::make_unique<State>()} {}

Result<std::unique_ptr<AccessLog>> AccessLog::open(AccessLogTarget target, std::size_t lanes) {
  std::unique_ptr<AccessLog> log{new AccessLog};
  State& state = *log->state_;
  state.target = std::move(target);
  if (state.target.kind == AccessLogTarget::Kind::off) return log;
  if (state.target.kind == AccessLogTarget::Kind::file) {
    state.fd = state.open_file();
    if (state.fd < 0) return failed(Reason::store_failed, "cannot open the access log " + state.target.path + ": " + std::strerror(errno));
  } else {
    state.fd = STDOUT_FILENO;
  }
  for (std::size_t i = 0; i < lanes; ++i) state.rings.push_back(std::make_unique<Ring>());
  state.writer = std::thread([&state] { state.run(); });
  return log;
}

AccessLog::~AccessLog() {
  state_->stop.store(true);
  if (state_->writer.joinable()) state_->writer.join();
  if (state_->target.kind == AccessLogTarget::Kind::file && state_->fd >= 0) ::close(state_->fd);
}

void AccessLog::write(std::size_t lane, const RequestRecord& record) {
  if (state_->rings.empty()) return;
  Ring& ring = *state_->rings[lane];
  ring.line.clear();
  append_access_line(ring.line, record, ring.clock);
  ring.line += '\n';
  ring.push(ring.line);
}

void AccessLog::reopen() { state_->reopen.store(true); }

std::uint64_t AccessLog::dropped() const {
  std::uint64_t sum = state_->lost.value();
  for (const std::unique_ptr<Ring>& ring : state_->rings) sum += ring->dropped();
  return sum;
}

void append_access_line(std::string& out, const RequestRecord& record, WallClockText& clock) {
  append_all(out, R"({"at":")", clock.of(record.at), R"(","request_id":")", record.request_id, "\"");
  append_field(out, R"(,"client_request_id":)", record.client_request_id);
  // Words of our own, which need no escaping, and here also the key's id.
  if (!record.endpoint.empty()) append_all(out, R"(,"method":")", record.method, R"(","endpoint":")", record.endpoint, "\"");
  else append_field(out, R"(,"method":)", record.method);
  append_all(out, R"(,"status":)", Digits{record.status});
  append_field(out, R"(,"model":)", record.model);
  append_field(out, R"(,"upstream":)", record.upstream);
  if (!record.key_id.empty()) append_all(out, R"(,"key_id":")", record.key_id, "\"");
  append_field(out, R"(,"account":)", record.account);
  if (record.stream) out += R"(,"stream":true)";
  if (record.caller_gone) out += R"(,"caller_gone":true)";
  if (record.attempts > 0) append_all(out, R"(,"attempts":)", Digits{record.attempts});
  if (record.retry_count >= 0) append_all(out, R"(,"retry_count":)", Digits{record.retry_count});
  const metering::Usage& usage = record.usage;
  if (usage.basis != metering::Basis::unknown) {
    append_all(out, R"(,"input_tokens":)", Digits{usage.input}, R"(,"cached_input_tokens":)", Digits{usage.cached_input}, R"(,"output_tokens":)",
               Digits{usage.output}, R"(,"usage_basis":")", name_of(usage.basis), "\"");
    if (usage.absurd) out += R"(,"usage_absurd":true)";
  }
  if (!record.legs.empty()) append_legs(out, record.legs);
  append_ms(out, R"(,"total_ms":)", record.total);
  append_ms(out, R"(,"overhead_ms":)", record.overhead);
  if (record.first_token.count() > 0) append_ms(out, R"(,"first_token_ms":)", record.first_token);
  append_field(out, R"(,"failure":)", record.failure);
  append_field(out, R"(,"detail":)", record.detail);
  out += '}';
}

}  // namespace bellwether::telemetry
