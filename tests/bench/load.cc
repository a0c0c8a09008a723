// The load generator of the side-by-side run: one thread, one epoll, no dependency but libc.
//
//   closed   C keep-alive connections, each sends its next request when its answer is whole
//   open     a fixed rate over K connections; latency counts from the time a request was due, so that a gateway
//            that stalls cannot hide the requests it kept from being sent (no coordinated omission)
//   streams  S server-sent streams at once, started along a ramp, each followed by the next until the window ends
//
// Every answer is read to its end and judged (answer_reader.h). Rates, latencies and CPU belong to a window that
// starts after a warm-up; errors are counted over the whole run. One JSON object on standard output.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <deque>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "answer_reader.h"
#include "histogram.h"
#include "process_watch.h"

namespace bellwether::bench {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;
constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
constexpr int events_max = 512;

enum class Mode { closed, open, streams };
enum class Socket { lives, ended };

struct Options {
  Mode mode = Mode::closed;
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  std::string path = "/v1/chat/completions";
  std::string model = "bench-model";
  std::string key = "hs_0000000000000000000000000000000000000000";
  std::vector<std::string> headers;
  std::string marker{answer_marker};
  AnswerKind answer = AnswerKind::completion;
  int connections = 1;
  double rate = 1000;             // open: requests a second
  std::int64_t requests_max = 0;  // closed: end the window after so many answers; 0 = by time
  std::int64_t tokens_expected = 0;
  std::int64_t warm_up_ns = 0;  // streams: the ramp
  std::int64_t window_ns = second_ns;
  std::int64_t drain_ns = 15 * second_ns;  // how long answers may still take after the window
  std::vector<int> watch, watch_upstream;
};

std::int64_t clock_ns(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return std::int64_t{time.tv_sec} * second_ns + time.tv_nsec;
}
std::int64_t now_ns() { return clock_ns(CLOCK_MONOTONIC); }

/// A request as openai-python sends it: the same fields, about 1.1 KB in all.
std::string make_request(const Options& options) {
  std::string body = R"({"messages":[{"role":"system","content":"You are a careful assistant. Answer in short, )"
                     R"(complete sentences and say so when you do not know."},{"role":"user","content":"What does a )"
                     R"(bellwether do, where does the word come from, and why would anybody name a program after it? )"
                     R"(Three sentences are enough, please; mention the bell."}],"model":")" +
                     options.model + R"(","max_tokens":128,"temperature":0.7,"top_p":0.95,"user":"bench-caller-1")";
  // Usage is asked for, so that every gateway passes on the same bytes whether or not it meters.
  if (options.answer == AnswerKind::stream) body += R"(,"stream":true,"stream_options":{"include_usage":true})";
  body += "}";
  std::string head = "POST " + options.path + " HTTP/1.1\r\nhost: " + options.host + ":" + std::to_string(options.port) +
                     "\r\naccept-encoding: identity\r\nconnection: keep-alive\r\naccept: application/json\r\n"
                     "content-type: application/json\r\nuser-agent: OpenAI/Python 1.109.1\r\n"
                     "x-stainless-lang: python\r\nx-stainless-package-version: 1.109.1\r\nx-stainless-os: Linux\r\n"
                     "x-stainless-arch: x64\r\nx-stainless-runtime: CPython\r\nx-stainless-runtime-version: 3.11.2\r\n"
                     "x-stainless-async: false\r\nx-stainless-retry-count: 0\r\nx-stainless-read-timeout: 600\r\n"
                     "authorization: Bearer " +
                     options.key + "\r\n";
  for (const std::string& header : options.headers) head += header + "\r\n";
  return head + "content-length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

struct Connection {
  int fd = -1;
  bool busy = false;
  std::size_t sent = 0;        // bytes of the request that are out
  std::int64_t due_ns = 0;     // latency counts from here
  std::int64_t starts_ns = 0;  // streams: when its first request is due
  std::int64_t token_ns = 0;   // when the last token came; 0 = none yet
  AnswerReader reader;
};

struct Usage {
  std::int64_t gateway_ns = 0, upstream_ns = 0, own_ns = 0;
};

class Load {
 public:
  explicit Load(Options options) : options_(std::move(options)), request_(make_request(options_)) {
    address_.sin_family = AF_INET;
    address_.sin_port = htons(options_.port);
    inet_pton(AF_INET, options_.host.c_str(), &address_.sin_addr);
    connections_.resize(static_cast<std::size_t>(options_.connections));
  }

  int run() {
    start_ns_ = now_ns();
    window_at_ = start_ns_ + options_.warm_up_ns;
    window_end_ = window_at_ + options_.window_ns;
    start_connections();
    loop();
    std::fputs(report().c_str(), stdout);
    return 0;
  }

 private:
  // --- when to send ---

  void start_connections() {
    std::uint64_t random = 0x9e3779b97f4a7c15;  // seeded: two runs start their streams at the same times
    const auto count = static_cast<std::int64_t>(connections_.size());
    for (std::int64_t i = 0; i < count; ++i) {
      Connection& connection = connections_[static_cast<std::size_t>(i)];
      if (options_.mode == Mode::streams) {
        // Evenly along the ramp, each at a random place in its slot: an even grid would make all tokens of all streams
        // fall due together.
        random = random * 6364136223846793005ULL + 1442695040888963407ULL;
        const double place = static_cast<double>(i) + static_cast<double>(random >> 40) / static_cast<double>(1 << 24);
        connection.starts_ns = start_ns_ + static_cast<std::int64_t>(place / static_cast<double>(count) * static_cast<double>(options_.warm_up_ns));
      } else if (connect(connection) && options_.mode == Mode::open) {
        idle_.push_back(static_cast<std::size_t>(i));
      }
    }
    if (options_.mode == Mode::closed) {
      for (std::size_t i = 0; i < connections_.size(); ++i) send_next(i, now_ns());
    }
  }

  std::int64_t due_at(std::uint64_t n) const { return start_ns_ + static_cast<std::int64_t>(static_cast<double>(n) * 1e9 / options_.rate); }

  /// Sends what is due, and returns when the next thing is.
  std::int64_t send_due(std::int64_t now) {
    if (options_.mode == Mode::streams) {
      while (ramped_ < connections_.size() && connections_[ramped_].starts_ns <= now && now < window_end_) {
        send_next(ramped_, connections_[ramped_].starts_ns);
        ++ramped_;
      }
      return ramped_ < connections_.size() ? connections_[ramped_].starts_ns : never;
    }
    if (options_.mode != Mode::open) return never;
    while (due_at(scheduled_) <= now && due_at(scheduled_) < window_end_) late_.push_back(due_at(scheduled_++));
    while (!late_.empty() && !idle_.empty()) {
      const std::size_t slot = idle_.front();
      idle_.pop_front();
      const std::int64_t due = late_.front();
      late_.pop_front();
      send_next(slot, due);
    }
    return due_at(scheduled_) < window_end_ ? due_at(scheduled_) : never;
  }

  void send_next(std::size_t slot, std::int64_t due) {
    Connection& connection = connections_[slot];
    if (connection.fd < 0 && !connect(connection)) {
      // It stays down for the rest of the run: trying again at once would be a tight loop.
      ++lost_connections_;
      return count(Fault::connect, connection);
    }
    connection.reader.begin(options_.answer);
    connection.busy = true;
    connection.sent = 0;
    connection.token_ns = 0;
    connection.due_ns = due;
    ++busy_;
    send_rest(slot);
  }

  void send_rest(std::size_t slot) {
    Connection& connection = connections_[slot];
    const ssize_t sent = ::send(connection.fd, request_.data() + connection.sent, request_.size() - connection.sent, MSG_NOSIGNAL);
    if (sent >= 0) {
      connection.sent += static_cast<std::size_t>(sent);
    } else if (errno != EAGAIN) {
      finish(slot, AnswerReader::State::broken, Socket::ended, now_ns());
    }
  }

  // --- the socket ---

  bool connect(Connection& connection) {
    connection.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval patience{5, 0};  // bounds the blocking connect
    setsockopt(connection.fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    const int on = 1;
    setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(connection.fd, reinterpret_cast<const sockaddr*>(&address_), sizeof address_) != 0) {
      ::close(connection.fd);
      connection.fd = -1;
      return false;
    }
    fcntl(connection.fd, F_SETFL, O_NONBLOCK);
    ++connects_;
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.u64 = static_cast<std::uint64_t>(&connection - connections_.data());
    epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.fd, &event);
    return true;
  }

  void drop(Connection& connection) {
    ::close(connection.fd);
    connection.fd = -1;
  }

  void loop() {
    std::array<epoll_event, events_max> events;
    for (;;) {
      std::int64_t now = now_ns();
      if (!window_open_ && !window_done_ && now >= window_at_) open_window(now);
      if (window_open_ && now >= window_end_) close_window();
      const std::int64_t next_send = send_due(now);
      const bool nothing_left = busy_ == 0 && (late_.empty() || idle_.empty());
      if (window_done_ && (nothing_left || now > window_end_ + options_.drain_ns)) break;
      if (busy_ == 0 && next_send == never && !window_done_ && options_.mode == Mode::closed) {
        window_end_ = now;  // every connection is lost: there is nothing to wait for
        if (!window_open_) open_window(now);
        continue;
      }
      std::int64_t wake = next_send;
      if (!window_open_ && !window_done_) wake = std::min(wake, window_at_);
      if (window_open_) wake = std::min(wake, window_end_);
      if (window_done_) wake = std::min(wake, window_end_ + options_.drain_ns);
      const std::int64_t left = std::max<std::int64_t>(0, wake - now_ns());
      const timespec timeout{left / second_ns, left % second_ns};
      const int count = epoll_pwait2(epoll_, events.data(), events_max, &timeout, nullptr);
      for (int i = 0; i < count; ++i) {
        serve(static_cast<std::size_t>(events[static_cast<std::size_t>(i)].data.u64), events[static_cast<std::size_t>(i)].events);
      }
    }
    for (Connection& connection : connections_) {
      if (connection.busy) count(Fault::unfinished, connection);
    }
    faults_[static_cast<std::size_t>(Fault::unfinished)] += late_.size();
    faults_total_ += late_.size();
  }

  void serve(std::size_t slot, std::uint32_t events) {
    Connection& connection = connections_[slot];
    if (connection.fd < 0) return;
    if ((events & EPOLLOUT) && connection.busy && connection.sent < request_.size()) send_rest(slot);
    if (!(events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))) return;
    // One answer may end and the next be asked for in here; its first bytes come with an edge of their own, or are
    // already there, so the socket is read until it is empty.
    while (connection.fd >= 0) {
      const ssize_t got = recv(connection.fd, scratch_.data(), scratch_.size(), 0);
      if (got < 0 && errno == EAGAIN) return;
      const std::int64_t now = now_ns();
      if (got <= 0) {
        if (!connection.busy) return drop(connection);  // an idle keep-alive connection that the other side ended
        const auto state = got == 0 ? connection.reader.feed_end() : AnswerReader::State::broken;
        return finish(slot, state, Socket::ended, now);
      }
      if (!connection.busy) return drop(connection);
      const AnswerReader::State state =
          connection.reader.feed({scratch_.data(), static_cast<std::size_t>(got)}, [&](std::int64_t stamp) { take_token(connection, stamp, now); });
      if (state != AnswerReader::State::more) finish(slot, state, Socket::lives, now);
      const bool ending = events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);
      if (static_cast<std::size_t>(got) < scratch_.size() && !ending) return;
    }
  }

  // --- what came ---

  void take_token(Connection& connection, std::int64_t stamp, std::int64_t now) {
    if (window_open_) {
      ++tokens_;
      if (stamp > 0) delay_.add(now - stamp);
      if (connection.token_ns == 0) {
        first_token_.add(now - connection.due_ns);
      } else {
        gap_.add(now - connection.token_ns);
      }
    }
    connection.token_ns = now;
  }

  void finish(std::size_t slot, AnswerReader::State state, Socket socket, std::int64_t now) {
    Connection& connection = connections_[slot];
    connection.busy = false;
    --busy_;
    const Fault fault = connection.reader.fault(state, options_.tokens_expected, options_.marker);
    if (fault == Fault::none) {
      ++answers_total_;
      if (window_open_) ++answers_;
      if (counts_latency(connection)) latency_.add(now - connection.due_ns);
    } else {
      count(fault, connection);
    }
    if (socket == Socket::ended || state == AnswerReader::State::broken || connection.reader.connection_closes()) {
      drop(connection);
    }
    if (options_.requests_max > 0 && answers_ >= static_cast<std::uint64_t>(options_.requests_max) && window_open_) {
      window_end_ = now;
    }
    if (options_.mode == Mode::open) {
      idle_.push_back(slot);
    } else if (now < window_end_ && !too_many_faults()) {
      send_next(slot, now);
    }
  }

  /// At a fixed rate a request belongs to the window in which it was due, however late its answer: what a stall at the end
  /// of the window delays must not fall out of the percentiles.
  bool counts_latency(const Connection& connection) const {
    if (options_.mode != Mode::open) return window_open_;
    return connection.due_ns >= window_at_ && connection.due_ns < window_end_;
  }

  /// A gateway that refuses everything is not hammered until the window ends.
  bool too_many_faults() const { return faults_total_ > 2000 && faults_total_ > answers_total_; }

  void count(Fault fault, const Connection& connection) {
    const auto index = static_cast<std::size_t>(fault);
    ++faults_total_;
    if (faults_[index]++ == 0) {
      samples_[index] = std::to_string(connection.reader.status()) + " " + std::string(connection.reader.sample().substr(0, 160));
    }
  }

  // --- the window ---

  Usage usage() const { return {cpu_ns(options_.watch), cpu_ns(options_.watch_upstream), clock_ns(CLOCK_PROCESS_CPUTIME_ID)}; }
  void open_window(std::int64_t now) {
    window_open_ = true;
    // Reading /proc takes a while; the window starts when that is done, so that the rates do not pay for it.
    before_ = usage();
    window_at_ = now_ns();
    window_end_ += window_at_ - now;
  }
  void close_window() {
    window_seconds_ = static_cast<double>(now_ns() - window_at_) / 1e9;
    after_ = usage();
    memory_ = memory(options_.watch);
    memory_upstream_ = memory(options_.watch_upstream);
    streams_open_ = busy_;
    window_open_ = false;
    window_done_ = true;
  }

  std::string report() const;

  const Options options_;
  const std::string request_;
  const int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  sockaddr_in address_{};
  std::vector<Connection> connections_;
  std::array<char, 64 * 1024> scratch_;

  std::int64_t start_ns_ = 0, window_at_ = 0, window_end_ = 0;
  bool window_open_ = false, window_done_ = false;
  double window_seconds_ = 0;
  Usage before_, after_;
  Memory memory_, memory_upstream_;

  std::size_t ramped_ = 0;         // streams: how many have started
  std::uint64_t scheduled_ = 0;    // open: how many have fallen due
  std::deque<std::int64_t> late_;  // open: due, and no connection was free
  std::deque<std::size_t> idle_;   // open: free connections, longest idle first
  std::uint64_t busy_ = 0, streams_open_ = 0, connects_ = 0, lost_connections_ = 0;

  std::uint64_t answers_ = 0, answers_total_ = 0, tokens_ = 0, faults_total_ = 0;
  std::array<std::uint64_t, fault_count> faults_{};
  std::array<std::string, fault_count> samples_;
  Histogram latency_, first_token_, delay_, gap_;
};

std::string Load::report() const {
  const auto per = [](std::int64_t ns, std::uint64_t count) { return count == 0 ? 0.0 : static_cast<double>(ns) / 1000.0 / static_cast<double>(count); };
  const std::int64_t gateway_ns = after_.gateway_ns - before_.gateway_ns;
  const double window_ns = window_seconds_ * 1e9;
  std::string text = "{";
  const auto number = [&](const char* name, double value) {
    char member[80];
    std::snprintf(member, sizeof member, "\"%s\":%.10g,", name, value);
    text += member;
  };
  number("seconds", window_seconds_);
  number("requests", static_cast<double>(answers_));
  number("requests_total", static_cast<double>(answers_total_));
  number("rps", static_cast<double>(answers_) / window_seconds_);
  number("errors", static_cast<double>(faults_total_));
  number("connects", static_cast<double>(connects_));
  number("lost_connections", static_cast<double>(lost_connections_));
  number("open_at_end", static_cast<double>(streams_open_));
  number("chunks", static_cast<double>(tokens_));
  number("chunks_per_s", static_cast<double>(tokens_) / window_seconds_);
  if (!options_.watch.empty()) {
    number("cpu_us_per_request", per(gateway_ns, answers_));
    number("cpu_us_per_chunk", per(gateway_ns, tokens_));
    number("cpu_cores", static_cast<double>(gateway_ns) / window_ns);
    number("rss_kb", static_cast<double>(memory_.rss_kb));
    number("pss_kb", static_cast<double>(memory_.pss_kb));
    number("anonymous_kb", static_cast<double>(memory_.private_kb));
  }
  number("upstream_cores", static_cast<double>(after_.upstream_ns - before_.upstream_ns) / window_ns);
  number("load_cores", static_cast<double>(after_.own_ns - before_.own_ns) / window_ns);
  text += "\"errors_by_kind\":{";
  for (std::size_t i = 1; i < fault_count; ++i) {
    if (faults_[i] != 0) text += '"' + std::string(fault_names[i]) + "\":" + std::to_string(faults_[i]) + ",";
  }
  if (text.back() == ',') text.pop_back();
  text += "},\"error_samples\":{";
  for (std::size_t i = 1; i < fault_count; ++i) {
    if (faults_[i] == 0) continue;
    text += '"' + std::string(fault_names[i]) + "\":\"";
    for (const char c : samples_[i]) {
      // Only a hint for whoever reads it: what would need an escape is replaced.
      text += c == '"' || c == '\\' ? '\'' : (c < ' ' || c > '~') ? ' ' : c;
    }
    text += "\",";
  }
  if (text.back() == ',') text.pop_back();
  text += "},\"latency_us\":" + latency_.json() + ",\"ttft_us\":" + first_token_.json() + ",\"chunk_delay_us\":" + delay_.json() +
          ",\"gap_us\":" + gap_.json() + "}\n";
  return text;
}

std::vector<int> numbers(const char* text) {
  std::vector<int> values;
  for (char* at = const_cast<char*>(text); *at != '\0';) {
    values.push_back(static_cast<int>(std::strtol(at, &at, 10)));
    if (*at == ',') ++at;
  }
  return values;
}

[[noreturn]] void usage_error(const char* what) {
  std::fprintf(stderr,
               "bench_load: %s\n"
               "usage: bench_load closed|open|streams --port N [--connections N] [--seconds S] [--warm-up S]\n"
               "  [--stream] [--rate N] [--requests N] [--expect-chunks N] [--drain S] [--host A] [--path P]\n"
               "  [--model M] [--key K] [--header 'name: value']... [--watch PID,...] [--watch-upstream PID,...]\n",
               what);
  std::exit(2);
}

Options parse(int argc, char** argv) {
  Options options;
  if (argc < 2) usage_error("no mode");
  const std::string_view mode = argv[1];
  if (mode == "open") {
    options.mode = Mode::open;
  } else if (mode == "streams") {
    options.mode = Mode::streams;
    options.answer = AnswerKind::stream;
  } else if (mode != "closed") {
    usage_error("unknown mode");
  }
  for (int i = 2; i < argc; ++i) {
    const std::string_view flag = argv[i];
    if (flag == "--stream") {
      options.answer = AnswerKind::stream;
      continue;
    }
    if (++i >= argc) usage_error("a flag without a value");
    const char* value = argv[i];
    const auto seconds = [&] { return static_cast<std::int64_t>(std::strtod(value, nullptr) * 1e9); };
    if (flag == "--port") options.port = static_cast<std::uint16_t>(std::atoi(value));
    else if (flag == "--host") options.host = value;
    else if (flag == "--path") options.path = value;
    else if (flag == "--model") options.model = value;
    else if (flag == "--key") options.key = value;
    else if (flag == "--marker") options.marker = value;
    else if (flag == "--header") options.headers.emplace_back(value);
    else if (flag == "--connections") options.connections = std::atoi(value);
    else if (flag == "--rate") options.rate = std::strtod(value, nullptr);
    else if (flag == "--requests") options.requests_max = std::atoll(value);
    else if (flag == "--expect-chunks") options.tokens_expected = std::atoll(value);
    else if (flag == "--seconds") options.window_ns = seconds();
    else if (flag == "--warm-up") options.warm_up_ns = seconds();
    else if (flag == "--drain") options.drain_ns = seconds();
    else if (flag == "--watch") options.watch = numbers(value);
    else if (flag == "--watch-upstream") options.watch_upstream = numbers(value);
    else usage_error("unknown flag");
  }
  if (options.port == 0) usage_error("--port is missing");
  if (options.connections < 1) usage_error("--connections must be at least 1");
  if (options.rate <= 0 || options.window_ns <= 0) usage_error("--rate and --seconds must be above 0");
  return options;
}

}  // namespace
}  // namespace bellwether::bench

int main(int argc, char** argv) {
  prctl(PR_SET_TIMERSLACK, 1UL);  // the default slack of 50 us would be added to every open-loop latency
  using namespace bellwether::bench;
  return std::make_unique<Load>(parse(argc, argv))->run();
}
