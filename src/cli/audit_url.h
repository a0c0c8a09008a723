// Sources of `audit` that are addresses: a vLLM's /metrics, sampled over a while, and a Prometheus server.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/reading.h"

namespace bellwether::cli {

struct LiveSettings {
  std::chrono::milliseconds sample_for = std::chrono::minutes(1);  ///< /metrics; zero: one page.
  std::chrono::milliseconds every = std::chrono::seconds(5);       ///< /metrics.
  std::optional<audit::Instant> since;                             ///< Prometheus; none: 30 days before `until`.
  std::optional<audit::Instant> until;                             ///< Prometheus; none: now.
  std::string bearer;                                              ///< Secret; sent where it is not empty.
  std::function<void(const std::string&)> progress;                ///< Told how far it is. May be empty.
};

/// Whether a source is an address rather than a file: http://, https://, unix:.
[[nodiscard]] bool is_live(std::string_view source);

/// Whether it is a page of metrics, by its path. Anything else is a Prometheus server's address.
[[nodiscard]] bool is_page_address(std::string_view address);

struct LiveSource {
  std::string url;
  audit::ReadingContext context;
  std::string trouble;  ///< Once read: what went wrong, in a line; empty if all went well. What was told before is good.
};

/// Reads all of them at once to their ends and tells the sink. Below a Prometheus server's address lies `/api/v1/query`.
/// SIGINT and SIGTERM end the sampling of pages early, and well: each is
/// read once more. A second one ends the process.
void read_live(std::vector<LiveSource>& sources, const LiveSettings& settings, audit::Sink& sink);

}  // namespace bellwether::cli
