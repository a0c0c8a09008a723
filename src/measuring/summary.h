// What was seen of each request, and what that says of an endpoint. Times count from when the request was to leave: a request that had to
// wait because the endpoint was slow is as late as its caller would say it is (no coordinated omission).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "measuring/difference.h"
#include "measuring/distribution.h"

namespace bellwether::measuring {

struct Sample {
  std::uint64_t number = 0;            ///< The same for what two endpoints were asked as a pair.
  Duration intended{};                 ///< When it was to leave, from the beginning of the measurement.
  Duration sent{};                     ///< When it left, from `intended`: what we ourselves were late.
  std::optional<Duration> first_byte;  ///< All from `intended`.
  std::optional<Duration> first_token, last_token;
  Duration total{};
  std::optional<std::int64_t> input_tokens, cached_input_tokens, output_tokens;  ///< As the endpoint counted them.
  std::uint64_t chunks = 0;                                                      ///< Of the stream, that carried something generated.
  std::string error;                                                             ///< Its kind; empty: a whole, proper answer.
};

/// What is measured in milliseconds.
enum class Metric : std::uint8_t {
  ttft,       ///< To the first token.
  itl,        ///< Between two chunks of an answer that carry tokens.
  tpot,       ///< Time per output token behind the first: (last token − first token) / (output tokens − 1).
  total,      ///< To the end of the answer.
  send_delay  ///< What the measurement itself was late.
};
inline constexpr std::array<std::string_view, 5> metric_names{"ttft", "itl", "tpot", "total", "send_delay"};

/// Of one request; nothing where it has no such time. Not for itl, of which a request has many.
[[nodiscard]] std::optional<double> milliseconds_in(const Sample& sample, Metric metric);

/// A request counts as good if it has no error and all of these hold.
struct Goal {
  Metric metric;
  double below_ms;
};
[[nodiscard]] bool is_good(const Sample& sample, std::span<const Goal> goals);

struct Summary {
  std::uint64_t requests = 0, ok = 0;
  std::map<std::string, std::uint64_t> errors;  ///< By kind.
  double seconds = 0;                           ///< From the first request's intended time to the last end.
  std::int64_t input_tokens = 0, cached_input_tokens = 0, output_tokens = 0;
  std::uint64_t counted = 0;  ///< Answers whose tokens the endpoint counted; of the others each chunk counts as a token.
  std::optional<std::uint64_t> good;
  std::array<std::optional<Distribution>, metric_names.size()> times;  ///< Of good answers; `send_delay` of all requests.

  [[nodiscard]] const std::optional<Distribution>& of(Metric metric) const { return times[static_cast<std::size_t>(metric)]; }
  [[nodiscard]] double per_second(double count) const { return seconds > 0 ? count / seconds : 0; }
};

/// `gaps` are milliseconds between chunks. Without goals nothing is called good.
[[nodiscard]] Summary summarise(std::span<const Sample> samples, const std::vector<double>& gaps, std::span<const Goal> goals);

/// Of the requests that both endpoints answered properly, by their numbers.
[[nodiscard]] std::vector<Pair> pairs_of(std::span<const Sample> first, std::span<const Sample> second, Metric metric);

}  // namespace bellwether::measuring
