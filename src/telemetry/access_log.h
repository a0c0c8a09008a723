// One JSON line a request, written by a thread of its own. A lane formats its line into its own bounded ring and goes on; when the
// disk (or whoever reads our standard output) cannot keep up, lines are dropped and counted rather than requests delayed.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "telemetry/metrics.h"

namespace bellwether::telemetry {

/// Where lines go.
struct AccessLogTarget {
  enum class Kind : std::uint8_t { off, standard_output, file } kind = Kind::standard_output;
  std::string path;  ///< file
};

/// Owned by the composition root; outlives all lanes.
class AccessLog {
 public:
  /// Opens the target and starts the writer. Fails with store_failed where the file cannot be opened.
  [[nodiscard]] static Result<std::unique_ptr<AccessLog>> open(AccessLogTarget target, std::size_t lanes);
  ~AccessLog();  ///< Writes what is left, then stops the writer.

  /// Appends the record's line to the lane's ring. Wait-free; never blocks. Only lane `lane`'s thread.
  void write(std::size_t lane, const RequestRecord& record);

  /// Opens the file anew, for rotation. Any thread.
  void reopen();
  [[nodiscard]] std::uint64_t dropped() const;

 private:
  AccessLog();
  struct State;
  std::unique_ptr<State> state_;
};

/// The line without its line break. Pure, for tests and for `write`.
void append_access_line(std::string& out, const RequestRecord& record, WallClockText& clock);

}  // namespace bellwether::telemetry
