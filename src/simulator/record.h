// What the simulator was asked: the last thousand requests, for tests to look at.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>

#include "base/time.h"
#include "http/head.h"

namespace bellwether::simulator {

/// How a request went so far.
enum class Outcome : std::uint8_t { open, complete, caller_gone, faulted };

struct Asked {
  std::uint64_t number = 0;
  TimePoint at;  ///< When it had been read.
  std::string method, path, body;
  std::vector<std::pair<std::string, std::string>> headers;  ///< Names in lower case.
  std::atomic<Outcome> outcome{Outcome::open};
  std::atomic<std::uint64_t> tokens_sent{0};
};

/// Shared by all threads of a simulator; a lock is no matter here, because `--no-record` does without it.
class Record {
 public:
  std::shared_ptr<Asked> add(const http::RequestHead& head, std::string_view body, TimePoint at);
  void clear();
  /// {"requests":[…]}
  [[nodiscard]] std::string to_json() const;

 private:
  mutable std::mutex mutex_;
  std::uint64_t count_ = 0;
  std::deque<std::shared_ptr<Asked>> asked_;
};

}  // namespace bellwether::simulator
