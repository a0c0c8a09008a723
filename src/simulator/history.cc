#include "simulator/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <utility>

namespace bellwether::simulator {
namespace {

constexpr unsigned arrivals_max = 4;               // In a step, at the busiest.
constexpr std::uint64_t tokens_a_step = 300;       // Of one answer: 30 a second.
constexpr std::uint64_t steps_between_checks = 6;  // Somebody asks for /health once a minute.

void put_access_line(std::string& log, std::uint64_t port, std::string_view request, int status) {
  log.append(access_line(fmt::format("10.0.0.7:{}", port), request, status)).push_back('\n');
}

}  // namespace

History::History(WallTime begin, std::string model, std::uint64_t seed) : random_{seed}, begin_{begin}, now_{begin}, model_{std::move(model)} {}

unsigned History::busy_percent() const {
  const std::tm at = local_time(now_);
  const unsigned hour = at.tm_hour >= 9 && at.tm_hour < 18 ? 100 : at.tm_hour >= 7 && at.tm_hour < 23 ? 25 : 0;
  return at.tm_wday == 0 || at.tm_wday == 6 ? hour * 3 / 10 : hour;
}

void History::arrive(std::string& log) {
  const unsigned busy = busy_percent();
  for (unsigned i = 0; i < arrivals_max; ++i) {
    if (random_.below(100) >= busy) continue;
    if (random_.below(500) == 0) {  // Longer than the context.
      ++served_.failed;
      put_access_line(log, between(40'000, 60'000), "POST /v1/chat/completions", 400);
      continue;
    }
    const std::uint64_t prompt = between(20, 3'000);
    // Every third goes on with a conversation: whole blocks of 16 tokens are in the cache.
    const std::uint64_t cached = random_.below(3) == 0 ? prompt * 4 / 5 / 16 * 16 : 0;
    served_.input_tokens += prompt;
    served_.cached_input_tokens += cached;
    totals_.prompt_tokens += prompt;
    totals_.cached_tokens += cached;
    ++totals_.requests;
    active_.push_back({between(1, 600), random_.below(200) == 0});
  }
}

void History::generate(std::string& log) {
  for (Active& answer : active_) {
    const std::uint64_t tokens = std::min(answer.tokens_left, tokens_a_step);
    answer.tokens_left -= tokens;
    totals_.completion_tokens += tokens;
    served_.output_tokens += tokens;
    if (answer.tokens_left > 0) continue;
    ++served_.requests;
    if (answer.aborted) ++served_.aborted, ++totals_.aborted;
    put_access_line(log, between(40'000, 60'000), "POST /v1/chat/completions", 200);
  }
  std::erase_if(active_, [](const Active& answer) { return answer.tokens_left == 0; });
  totals_.running = active_.size();
}

void History::step(std::string& log, bool arriving) {
  if (steps_ == 0) {
    const std::tm at = local_time(now_);
    fmt::format_to(std::back_inserter(log), "INFO {:02}-{:02} {:02}:{:02}:{:02} [api_server.py:1839] vLLM API server version 0.11.0\n", at.tm_mon + 1,
                   at.tm_mday, at.tm_hour, at.tm_min, at.tm_sec);
    std::ignore = stats_.next(totals_, step_length, now_);
  }
  if (++steps_ % steps_between_checks == 0) put_access_line(log, between(40'000, 60'000), "GET /health", 200);
  if (arriving) arrive(log);
  generate(log);
  now_ += step_length;
  if (const auto line = stats_.next(totals_, step_length, now_)) log.append(*line).push_back('\n');
}

std::string History::page() const {
  return fmt::format("# {}\n# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds {}\n", to_rfc3339(now_), unix_seconds(begin_)) +
         metrics_page(Flavor::vllm, model_, totals_);
}

}  // namespace bellwether::simulator
