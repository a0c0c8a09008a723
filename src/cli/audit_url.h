// Sources of `audit` that are addresses: a vLLM's /metrics, sampled over a while, and a Prometheus server.
#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

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

/// Reads it to its end and tells the sink; SIGINT and SIGTERM end the sampling of a page early, and well. A path that ends in `/metrics` is a page; anything else is the address of a Prometheus server,
/// below which `/api/v1/query` lies. The error is one line that names the address; what was told before it is good.
[[nodiscard]] std::expected<void, std::string> read_live(const std::string& source, const LiveSettings& settings, const audit::ReadingContext& context,
                                                         audit::Sink& sink);

}  // namespace bellwether::cli
