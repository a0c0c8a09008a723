// Result<T>: the return type of whatever may meet expected trouble.
#pragma once

#include <expected>
#include <string>
#include <utility>

#include "base/failure.h"

namespace bellwether {

template <class T>
using Result = std::expected<T, Failure>;

/// The failing side of any Result. `detail` is for the log.
[[nodiscard]] inline std::unexpected<Failure> failed(Reason reason, std::string detail = {}) {
  return std::unexpected(Failure{.reason = reason, .detail = {std::move(detail)}});
}

/// As above, with words for the caller and the request member at fault.
[[nodiscard]] inline std::unexpected<Failure> failed(Reason reason, PublicText about, std::string param = {}) {
  return std::unexpected(Failure{.reason = reason, .about = std::move(about), .param = std::move(param)});
}

}  // namespace bellwether

// BW_TRY(name, expression): binds the value, or returns the failure to whoever called.
#define BW_TRY_IMPL(name, expression, exit)                                   \
  auto name##_result = (expression);                                          \
  if (!name##_result) exit std::unexpected(std::move(name##_result).error()); \
  auto&& name = *name##_result
#define BW_TRY(name, expression) BW_TRY_IMPL(name, expression, return)
#define BW_CO_TRY(name, expression) BW_TRY_IMPL(name, expression, co_return)
// The same for Result<void>, where there is no value to bind.
#define BW_TRY_DONE(expression) \
  if (auto done = (expression); !done) return std::unexpected(std::move(done).error())
#define BW_CO_TRY_DONE(expression) \
  if (auto done = (expression); !done) co_return std::unexpected(std::move(done).error())
