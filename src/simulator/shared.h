// What all threads of one simulator share, and what it was told to be.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "net/loop.h"
#include "simulator/fault.h"
#include "simulator/flavor.h"
#include "simulator/record.h"

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
  /// A line of the server's log to standard output, where the options ask for one. `peer` and `request` as access_line takes them.
  void log_access(std::string_view peer, std::string_view request, int status) const;

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

}  // namespace bellwether::simulator
