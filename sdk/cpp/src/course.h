// The course of one call over the two sides: which is asked first, which next, and what is told in the end. It decides; the hybrid
// client does. Time is an argument.
#pragma once

#include <optional>

#include "bellwether/hybrid.hpp"
#include "breaker.h"

namespace bellwether::client {

/// Whether another side may do better: no connection, no answer in time, 429 or 5xx. A request that was refused is refused everywhere.
[[nodiscard]] bool falls_back(const Error& error);

class Course {
 public:
  Course(Breaker& breaker, Moment now) : breaker_{breaker}, began_{now}, permit_{breaker.ask(now)}, side_{permit_ ? Source::primary : Source::fallback} {}
  /// One that was left before an answer says nothing about the primary.
  ~Course();
  Course(const Course&) = delete;
  Course& operator=(const Course&) = delete;

  [[nodiscard]] Source side() const { return side_; }
  [[nodiscard]] double waited_ms(Moment now) const { return std::chrono::duration<double, std::milli>(now - began_).count(); }

  void answered();
  /// The side says something. A probe has seen enough; whether the answer is whole, the end of the stream tells.
  void began_to_stream(Moment now);
  /// The stream was cut after that: no success, though the caller has a part of it.
  void broke_off(const Error& error, Moment now);
  /// What to tell the caller; nothing if the other side (`side`) is to be asked.
  [[nodiscard]] std::optional<Error> failed(Error error, Moment now);

 private:
  Breaker& breaker_;
  const Moment began_;
  std::optional<Permit> permit_;  ///< Until it was told back.
  Source side_;
  std::optional<Error> primary_error_, fallback_error_;
};

}  // namespace bellwether::client
