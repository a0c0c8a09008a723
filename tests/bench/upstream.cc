// The upstream that every gateway of the side-by-side run is measured against: one thread, one epoll, no
// dependency. It does as little as an OpenAI-shaped upstream can do, so that it is not what is measured.
// A streamed token's text is the CLOCK_MONOTONIC time at which it was written: whoever reads it on the same machine knows the time it
// spent on the way, and events differ in their text alone, as real upstreams' do.
//
//   POST /v1/chat/completions   560 bytes of JSON, or a paced stream if the body says `"stream":true`
//   GET  /v1/models             lists bench-model
//   PUT  /bench/pace            {"chunks":N,"interval_us":N} for streams that start from now on
//   GET  /bench/stats           what it has served, to be compared with what the load generator got
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <queue>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::size_t request_bytes_max = 1 << 20;  // far above what the load generator sends; a bound all the same
constexpr int events_max = 512;

std::int64_t now_ns() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

/// The number behind `name` in JSON or command-line text, else `fallback`.
std::int64_t number_after(std::string_view text, std::string_view name, std::int64_t fallback) {
  std::size_t at = text.find(name);
  if (at == std::string_view::npos) return fallback;
  at = text.find_first_of("0123456789", at + name.size());
  if (at == std::string_view::npos) return fallback;
  std::int64_t value = fallback;
  std::from_chars(text.data() + at, text.data() + text.size(), value);
  return value;
}

/// True for `"name":true`, with or without a space behind the colon.
bool says_true(std::string_view body, std::string_view name) {
  const std::size_t at = body.find(name);
  if (at == std::string_view::npos) return false;
  const std::size_t value = body.find_first_not_of(" :", at + name.size());
  return value != std::string_view::npos && body.substr(value, 4) == "true";
}

std::string hex(std::size_t value) {
  char digits[17];
  std::snprintf(digits, sizeof digits, "%zx", value);
  return digits;
}

std::string http_chunk(std::string_view payload) { return hex(payload.size()) + "\r\n" + std::string(payload) + "\r\n"; }

std::string json_answer(std::string_view status, std::string_view body) {
  return "HTTP/1.1 " + std::string(status) + "\r\nserver: bench\r\ncontent-type: application/json\r\ncontent-length: " + std::to_string(body.size()) +
         "\r\n\r\n" + std::string(body);
}

/// Everything that goes out, made once.
struct Answers {
  static constexpr std::size_t stamp_width = 19;  // the widest int64; shorter numbers are padded with spaces

  std::string completion, models, not_found, stream_head, role, token, stop, usage, done;
  std::size_t stamp_at = 0;  // where the stamp stands in `token`

  Answers() {
    completion = json_answer("200 OK", R"({"id":"chatcmpl-bench00000000000000000000","object":"chat.completion","created":1760000000,)"
                                       R"("model":"bench-model","choices":[{"index":0,"message":{"role":"assistant","content":)"
                                       R"("BENCH-ANSWER-OK The leader of a flock wears the bell, and the rest follow the sound of it through fog and )"
                                       R"(over stiles, which is all that can be said of most routing tables too.","refusal":null},"logprobs":null,)"
                                       R"("finish_reason":"stop"}],"usage":{"prompt_tokens":212,"completion_tokens":41,"total_tokens":253,)"
                                       R"("prompt_tokens_details":{"cached_tokens":128}},"system_fingerprint":"fp_bench"})");
    models = json_answer("200 OK", R"({"object":"list","data":[{"id":"bench-model","object":"model",)"
                                   R"("created":1760000000,"owned_by":"bench"}]})");
    not_found = json_answer("404 Not Found", R"({"error":{"message":"no such path","type":"invalid_request_error"}})");
    stream_head =
        "HTTP/1.1 200 OK\r\nserver: bench\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
        "cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n";
    const std::string start = R"(data: {"id":"chatcmpl-bench00000000000000000000","object":"chat.completion.chunk","created":1760000000,)"
                              R"("model":"bench-model",)";
    const std::string stamp(stamp_width, ' ');
    role = http_chunk(start + R"("choices":[{"index":0,"delta":{"role":"assistant","content":""},)"
                              R"("finish_reason":null}]})"
                              "\n\n");
    token = http_chunk(start + R"("choices":[{"index":0,"delta":{"content":"ns=)" + stamp +
                       R"("},"finish_reason":null}]})"
                       "\n\n");
    stamp_at = token.find(stamp);
    stop = http_chunk(start + R"("choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})"
                              "\n\n");
    usage = http_chunk(start + R"("choices":[],"usage":{"prompt_tokens":212,"completion_tokens":41,)"
                               R"("total_tokens":253}})"
                               "\n\n");
    done = http_chunk("data: [DONE]\n\n") + "0\r\n\r\n";
  }
};

struct Pace {
  std::int64_t chunks = 20;
  std::int64_t interval_us = 50'000;
};

struct Connection {
  int fd = -1;
  std::string in, out;
  // The stream in progress; `chunks_left` counts tokens.
  bool streaming = false;
  bool wants_usage = false;
  std::int64_t chunks_left = 0, interval_ns = 0, due_ns = 0;
  std::uint32_t generation = 0;  // tells a stale timer from a live one after the slot was used again
};

struct Due {
  std::int64_t at_ns;
  std::uint32_t slot, generation;
  bool operator>(const Due& other) const { return at_ns > other.at_ns; }
};

class Upstream {
 public:
  Upstream(int listener, Pace pace) : listener_(listener), pace_(pace) {
    // Signals come as an event, so that the loop needs no EINTR cases.
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    sigprocmask(SIG_BLOCK, &stop, nullptr);
    signals_ = signalfd(-1, &stop, SFD_NONBLOCK);
    watch(listener_, EPOLLIN, listener_tag);
    watch(signals_, EPOLLIN, signal_tag);
  }

  void run() {
    epoll_event events[events_max];
    for (;;) {
      timespec wait{};
      const timespec* timeout = nullptr;
      if (!timers_.empty()) {
        const std::int64_t left = std::max<std::int64_t>(0, timers_.top().at_ns - now_ns());
        wait = {left / 1'000'000'000, left % 1'000'000'000};
        timeout = &wait;
      }
      const int count = epoll_pwait2(epoll_, events, events_max, timeout, nullptr);
      for (int i = 0; i < count; ++i) {
        const std::uint64_t tag = events[i].data.u64;
        if (tag == signal_tag) return;
        if (tag == listener_tag) {
          accept_all();
        } else {
          serve(static_cast<std::uint32_t>(tag), events[i].events);
        }
      }
      fire_timers();
    }
  }

 private:
  static constexpr std::uint64_t listener_tag = ~0ULL, signal_tag = ~0ULL - 1;

  void watch(int fd, std::uint32_t events, std::uint64_t tag) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = tag;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }

  void accept_all() {
    for (;;) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      std::uint32_t slot = 0;
      if (free_.empty()) {
        slot = static_cast<std::uint32_t>(connections_.size());
        connections_.push_back(std::make_unique<Connection>());
      } else {
        slot = free_.back();
        free_.pop_back();
      }
      connections_[slot]->fd = fd;
      ++accepted_;
      // Edge-triggered and registered once: a write that fills the socket is resumed by the EPOLLOUT edge.
      watch(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, slot);
    }
  }

  void close(std::uint32_t slot) {
    Connection& connection = *connections_[slot];
    if (connection.streaming) ++aborted_;
    ::close(connection.fd);
    const std::uint32_t generation = connection.generation + 1;
    connection = Connection{};
    connection.generation = generation;
    free_.push_back(slot);
  }

  void serve(std::uint32_t slot, std::uint32_t events) {
    Connection& connection = *connections_[slot];
    if (connection.fd < 0) return;  // closed earlier in this batch
    if (events & (EPOLLERR | EPOLLHUP)) return close(slot);
    if ((events & EPOLLOUT) && !connection.out.empty() && !flush(connection)) return close(slot);
    if (!(events & (EPOLLIN | EPOLLRDHUP))) return;
    for (;;) {
      const ssize_t got = recv(connection.fd, scratch_, sizeof scratch_, 0);
      if (got == 0) return close(slot);
      if (got < 0) {
        if (errno == EAGAIN) break;
        return close(slot);
      }
      connection.in.append(scratch_, static_cast<std::size_t>(got));
      if (connection.in.size() > request_bytes_max) return close(slot);
      // A short read has drained the socket, unless the end of the stream came in the same edge.
      if (static_cast<std::size_t>(got) < sizeof scratch_ && !(events & EPOLLRDHUP)) break;
    }
    // No pipelining: gateways do not, and a stream in progress has the connection to itself.
    while (!connection.streaming && take_request(connection, slot)) {}
    if (!connection.out.empty() && !flush(connection)) close(slot);
  }

  /// Answers the request at the front of `in`, if it is whole.
  bool take_request(Connection& connection, std::uint32_t slot) {
    const std::string_view in = connection.in;
    const std::size_t head_end = in.find("\r\n\r\n");
    if (head_end == std::string_view::npos) return false;
    std::string head(in.substr(0, head_end));
    std::ranges::transform(head, head.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
    std::size_t end = head_end + 4;
    if (head.find("transfer-encoding:") != std::string::npos) {
      // The body is only searched, so its chunk framing may stay in.
      const std::size_t last = in.find("0\r\n\r\n", end);
      if (last == std::string_view::npos) return false;
      end = last + 5;
    } else if (const std::size_t length_at = head.find("content-length:"); length_at != std::string::npos) {
      end += static_cast<std::size_t>(number_after(head, "content-length:", 0));
      if (in.size() < end) return false;
    }
    answer(connection, slot, head, in.substr(head_end + 4, end - head_end - 4));
    connection.in.erase(0, end);
    return true;
  }

  void answer(Connection& connection, std::uint32_t slot, std::string_view head, std::string_view body) {
    if (head.starts_with("post /v1/chat/completions") || head.starts_with("post /chat/completions")) {
      if (says_true(body, "\"stream\"")) return start_stream(connection, slot, says_true(body, "\"include_usage\""));
      ++completions_;
      connection.out += answers_.completion;
    } else if (head.starts_with("get /v1/models") || head.starts_with("get /models")) {
      connection.out += answers_.models;
    } else if (head.starts_with("put /bench/pace")) {
      pace_ = {number_after(body, "\"chunks\"", pace_.chunks), number_after(body, "\"interval_us\"", pace_.interval_us)};
      connection.out += json_answer("200 OK", "{}");
    } else if (head.starts_with("get /bench/stats")) {
      connection.out += json_answer("200 OK", "{\"completions\":" + std::to_string(completions_) + ",\"streams\":" + std::to_string(streams_) +
                                                  ",\"chunks\":" + std::to_string(chunks_) + ",\"aborted\":" + std::to_string(aborted_) +
                                                  ",\"connections\":" + std::to_string(accepted_) + "}");
    } else {
      connection.out += answers_.not_found;
    }
  }

  void start_stream(Connection& connection, std::uint32_t slot, bool wants_usage) {
    connection.streaming = true;
    connection.wants_usage = wants_usage;
    connection.chunks_left = pace_.chunks;
    connection.interval_ns = pace_.interval_us * 1000;
    connection.due_ns = now_ns();
    connection.out += answers_.stream_head + answers_.role;
    add_token(connection, slot, connection.due_ns);
  }

  /// Puts the next token into `out` and sets the timer for the one behind it, or ends the stream.
  void add_token(Connection& connection, std::uint32_t slot, std::int64_t now) {
    char* stamp = answers_.token.data() + answers_.stamp_at;
    std::memset(stamp, ' ', Answers::stamp_width);
    std::to_chars(stamp, stamp + Answers::stamp_width, now);
    connection.out += answers_.token;
    ++chunks_;
    if (--connection.chunks_left > 0) {
      // From the time it was due, not from now: a late token does not shift the rest.
      connection.due_ns += connection.interval_ns;
      timers_.push({connection.due_ns, slot, connection.generation});
      return;
    }
    connection.out += answers_.stop;
    if (connection.wants_usage) connection.out += answers_.usage;
    connection.out += answers_.done;
    connection.streaming = false;
    ++connection.generation;
    ++streams_;
  }

  void fire_timers() {
    std::int64_t now = now_ns();
    while (!timers_.empty() && timers_.top().at_ns <= now) {
      const Due due = timers_.top();
      timers_.pop();
      Connection& connection = *connections_[due.slot];
      if (connection.fd < 0 || connection.generation != due.generation) continue;
      now = now_ns();  // the stamp is the time of this write, not of the batch
      add_token(connection, due.slot, now);
      if (!flush(connection)) close(due.slot);
    }
  }

  /// Writes what the socket takes. False: the connection is dead.
  static bool flush(Connection& connection) {
    const ssize_t sent = send(connection.fd, connection.out.data(), connection.out.size(), MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN;
    connection.out.erase(0, static_cast<std::size_t>(sent));
    return true;
  }

  const int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  const int listener_;
  int signals_ = -1;
  Answers answers_;
  Pace pace_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<std::uint32_t> free_;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> timers_;
  std::uint64_t accepted_ = 0, completions_ = 0, streams_ = 0, chunks_ = 0, aborted_ = 0;
  char scratch_[64 * 1024];
};

int listen_on(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(fd, 4096) != 0) {
    std::perror("bench_upstream: cannot listen");
    std::exit(1);
  }
  socklen_t size = sizeof address;
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  // The one line on standard output: whoever started us reads the port from it.
  std::printf("{\"listen\":\"http://127.0.0.1:%u\",\"port\":%u}\n", ntohs(address.sin_port), ntohs(address.sin_port));
  std::fflush(stdout);
  return fd;
}

}  // namespace

int main(int argc, char** argv) {
  Pace pace;
  std::int64_t port = 0;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view flag = argv[i];
    const std::int64_t value = std::strtoll(argv[i + 1], nullptr, 10);
    if (flag == "--port") {
      port = value;
    } else if (flag == "--chunks" && value > 0) {
      pace.chunks = value;
    } else if (flag == "--interval-us" && value >= 0) {
      pace.interval_us = value;
    } else {
      std::fprintf(stderr, "usage: bench_upstream [--port N] [--chunks N] [--interval-us N]\n");
      return 2;
    }
  }
  prctl(PR_SET_TIMERSLACK, 1UL);  // default slack of 50 us would blur the pace
  const auto upstream = std::make_unique<Upstream>(listen_on(static_cast<std::uint16_t>(port)), pace);
  upstream->run();
  return 0;
}
