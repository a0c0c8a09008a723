#include "simulator/stats_line.h"

#include <fmt/format.h>

#include <ctime>
#include <utility>

#include "http/head.h"

namespace bellwether::simulator {

std::tm local_time(WallTime time) {
  const std::time_t at = static_cast<std::time_t>(unix_seconds(time));
  std::tm out{};
  ::localtime_r(&at, &out);
  return out;
}

std::string access_line(std::string_view peer, std::string_view request, int status) {
  return fmt::format("INFO:     {} - \"{} HTTP/1.1\" {} {}", peer, request, status, http::reason_phrase(status));
}

std::optional<std::string> StatsLine::next(const Totals& totals, Duration elapsed, WallTime now) {
  const std::uint64_t prompt = totals.prompt_tokens - std::exchange(prompt_tokens_, totals.prompt_tokens);
  const std::uint64_t completion = totals.completion_tokens - std::exchange(completion_tokens_, totals.completion_tokens);
  const bool tells = prompt > 0 || completion > 0;
  const bool told = std::exchange(told_, tells);
  if (!tells && !told) return std::nullopt;
  const double seconds = std::chrono::duration<double>(elapsed).count();
  const auto rate = [&](std::uint64_t tokens) { return seconds > 0 ? static_cast<double>(tokens) / seconds : 0.0; };
  const std::tm local = local_time(now);  // No year.
  return fmt::format(
      "INFO {:02}-{:02} {:02}:{:02}:{:02} [loggers.py:118] Engine 000: Avg prompt throughput: {:.1f} tokens/s, Avg generation throughput: {:.1f} tokens/s, "
      "Running: {} reqs, Waiting: 0 reqs, GPU KV cache usage: {:.1f}%, Prefix cache hit rate: {:.1f}%",
      local.tm_mon + 1, local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec, rate(prompt), rate(completion), totals.running,
      100 * cache_usage(totals.running),
      totals.prompt_tokens > 0 ? 100 * static_cast<double>(totals.cached_tokens) / static_cast<double>(totals.prompt_tokens) : 0.0);
}

}  // namespace bellwether::simulator
