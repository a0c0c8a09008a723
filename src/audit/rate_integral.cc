#include "audit/rate_integral.h"

#include <algorithm>
#include <cmath>

namespace bellwether::audit {
namespace {

constexpr std::uint32_t look_every = 256;  // Spacings, until the interval is looked at again.

double seconds_between(Instant from, Instant to) { return static_cast<double>((to - from).count()) / 1000; }

}  // namespace

double RateIntegral::guess_interval() const {
  // Two lines in one second are V0's own extra ones; a longer pause is none of the timer's.
  std::vector<double> spacings;
  for (std::size_t i = 1; i < held_.size(); ++i)
    if (const double spacing = seconds_between(held_[i - 1].at, held_[i].at); spacing > 0 && spacing < 600) spacings.push_back(spacing);
  if (spacings.empty()) return interval_nominal;
  std::ranges::nth_element(spacings, spacings.begin() + static_cast<std::ptrdiff_t>(spacings.size() / 2));
  const double median = spacings[spacings.size() / 2];
  // Two or three lines of a sparse log say little: no interval of the default is longer than it.
  return spacings.size() < 4 ? std::min(median, interval_nominal) : median;
}

RatePiece RateIntegral::piece_of(const RateSample& sample) {
  // Until there is a line to compare with, all of the rate is a step.
  RatePiece piece{.sample = sample, .prompt_step = sample.prompt, .generation_step = sample.generation};
  const double interval = *interval_;
  if (!last_) {
    piece.seconds = interval;
    last_ = sample;
    return piece;
  }
  const double spacing = seconds_between(last_->at, sample.at);
  if (spacing < 0) {  // A clock that went back, or another process's line: it speaks for an interval of its own.
    piece.seconds = interval;
  } else if (spacing > gap_factor * interval) {
    piece.seconds = interval;
    piece.after_gap = true;
    piece.gap_seconds = spacing - interval;
    piece.gap_after_zero = last_->prompt == 0 && last_->generation == 0;
    piece.edge_prompt = last_->prompt;
    piece.edge_generation = last_->generation;
  } else {
    piece.seconds = spacing;
    piece.prompt_step = sample.prompt - last_->prompt;
    piece.generation_step = sample.generation - last_->generation;
  }
  if (spacing > 0 && spacing < static_cast<double>(spacings_.size())) {
    ++spacings_[static_cast<std::size_t>(std::lround(spacing)) % spacings_.size()];
    if (++spacings_count_ >= look_every) {
      const auto most = std::ranges::max_element(spacings_);
      if (*most * 2U > spacings_count_ && most != spacings_.begin()) interval_ = static_cast<double>(most - spacings_.begin());
      spacings_ = {};
      spacings_count_ = 0;
    }
  }
  last_ = sample;
  return piece;
}

}  // namespace bellwether::audit
