// A faithful upstream to test against: answers as vLLM, DeepSeek's API, llama-server or OpenAI do, and fails on demand.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "json/reader.h"
#include "net/session.h"
#include "simulator/ask.h"
#include "simulator/fault.h"
#include "simulator/flavor.h"
#include "simulator/prefill.h"
#include "simulator/record.h"
#include "simulator/words.h"

namespace bellwether::simulator {

struct Options {
  Flavor flavor = Flavor::vllm;
  std::vector<std::string> models;  ///< Empty: the flavour's usual ones.
  std::uint64_t seed = 1;
  Duration first_token{};  ///< From the request to the first token.
  Duration between_tokens{};
  std::uint64_t tokens = 16;  ///< Of an answer whose request asks for no fewer.
  std::optional<Fault> fault;
  std::string api_key;  ///< Empty: every key will do.
  bool reasoning = false;
  bool record = true;
  bool access_log = false;
  Duration stats_every = std::chrono::seconds(10);  ///< Between two looks at whether vLLM's engine would write its line (with access_log).
};

/// What all threads of one simulator share.
struct Shared {
  explicit Shared(Options given);
  [[nodiscard]] std::optional<Fault> fault() const;
  void set_fault(std::optional<Fault> next);
  /// Whether this is the first request under this name, for faults that happen once.
  [[nodiscard]] bool first_under(const std::string& name);
  /// How long ago the first request under this name was.
  [[nodiscard]] Duration since_first_under(const std::string& name, TimePoint now);
  [[nodiscard]] Totals totals() const;

  const Options options;
  Record record;
  std::atomic<std::uint64_t> requests{0}, prompt_tokens{0}, cached_tokens{0}, completion_tokens{0}, aborted{0}, running{0};

 private:
  mutable std::mutex mutex_;
  std::optional<Fault> fault_;
  std::unordered_set<std::string> seen_;
  std::unordered_map<std::string, TimePoint> first_at_;
};

/// Writes the engine's lines to standard output for ever, where the options ask for them. For one loop of a simulator.
[[nodiscard]] net::Task<void> write_stats(net::Loop& loop, const Shared& shared);

/// One thread's handler.
class Simulator final : public net::Handler {
 public:
  Simulator(net::Loop& loop, Shared& shared) : loop_{loop}, shared_{shared} {}

  [[nodiscard]] Result<void> admit(const http::RequestHead& head) override;
  [[nodiscard]] net::Task<void> handle(net::Request& request, net::Reply& reply) override;
  [[nodiscard]] net::Task<void> refuse(const Failure& failure, const http::RequestHead* head, net::Reply& reply) override;

 private:
  struct Answer;
  [[nodiscard]] net::Task<void> control(const net::Request& request, net::Reply& reply);
  [[nodiscard]] net::Task<void> list(const net::Request& request, std::string_view path, net::Reply& reply);
  [[nodiscard]] net::Task<void> generate(Endpoint endpoint, Path path, net::Request& request, net::Reply& reply);
  [[nodiscard]] net::Task<void> obey(Answer& answer);
  [[nodiscard]] net::Task<bool> fail_before(Answer& answer);
  void find_place(Answer& answer, const std::string& said) const;
  [[nodiscard]] bool is_down(const Fault& fault, const std::string& name) const;
  [[nodiscard]] net::Task<void> send_stream(Answer& answer);
  [[nodiscard]] net::Task<void> send_whole(Answer& answer);
  [[nodiscard]] net::Task<void> send_error(Answer& answer, Trouble trouble);
  [[nodiscard]] net::Task<bool> send(net::Reply& reply, int status, std::string_view body, std::string_view content_type = "application/json");
  /// As an engine does with each of its steps: what is new of the answer's tokens is added to the totals.
  void count(Answer& answer);
  void log_line(std::string_view peer, std::string_view request_line, int status) const;
  void log_line(const Answer& answer, int status) const;

  net::Loop& loop_;
  Shared& shared_;
  json::Reader reader_;
};

}  // namespace bellwether::simulator
