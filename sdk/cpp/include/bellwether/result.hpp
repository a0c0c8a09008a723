// Result<T>: an answer or an Error, without exceptions. A type of this library rather than std::expected, so that it is the same
// one, of the same layout, whichever standard (-std=c++20, c++23) and compiler a program is built with.
#pragma once

#include <exception>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "bellwether/error.hpp"
#include "bellwether/export.hpp"

namespace bellwether::inline v1 {

/// What `Result::value` throws; holds the whole error.
class BELLWETHER_API Exception : public std::exception {
 public:
  explicit Exception(Error error);
  ~Exception() override;
  Exception(const Exception&);
  Exception& operator=(const Exception&);

  [[nodiscard]] const Error& error() const noexcept { return error_; }
  /// `Error::to_string`.
  [[nodiscard]] const char* what() const noexcept override { return text_.c_str(); }

 private:
  Error error_;
  std::string text_;
};

/// Throws an Exception; in a program that is built without exceptions it ends the process with the error's text. Used by `Result::value`.
[[noreturn]] BELLWETHER_API void throw_error(const Error& error);

/// An answer or an error. `operator*`, `->` and `error()` must fit what it holds, as with std::expected; `value()` throws instead.
template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  using error_type = Error;

  Result(T value) : held_{std::in_place_index<0>, std::move(value)} {}
  Result(Error error) : held_{std::in_place_index<1>, std::move(error)} {}

  [[nodiscard]] bool has_value() const noexcept { return held_.index() == 0; }
  [[nodiscard]] explicit operator bool() const noexcept { return has_value(); }

  [[nodiscard]] T& operator*() & noexcept { return *std::get_if<0>(&held_); }
  [[nodiscard]] const T& operator*() const& noexcept { return *std::get_if<0>(&held_); }
  [[nodiscard]] T&& operator*() && noexcept { return std::move(*std::get_if<0>(&held_)); }
  [[nodiscard]] T* operator->() noexcept { return std::get_if<0>(&held_); }
  [[nodiscard]] const T* operator->() const noexcept { return std::get_if<0>(&held_); }

  [[nodiscard]] Error& error() & noexcept { return *std::get_if<1>(&held_); }
  [[nodiscard]] const Error& error() const& noexcept { return *std::get_if<1>(&held_); }
  [[nodiscard]] Error&& error() && noexcept { return std::move(*std::get_if<1>(&held_)); }

  /// The throwing door: the answer, or an Exception with the error.
  [[nodiscard]] T& value() & {
    if (!has_value()) throw_error(error());
    return **this;
  }
  [[nodiscard]] const T& value() const& {
    if (!has_value()) throw_error(error());
    return **this;
  }
  [[nodiscard]] T&& value() && {
    if (!has_value()) throw_error(error());
    return std::move(**this);
  }

  template <class U>
  [[nodiscard]] T value_or(U&& otherwise) const& {
    return has_value() ? **this : static_cast<T>(std::forward<U>(otherwise));
  }

  /// Calls `next` with the answer, which gives another Result; an error is passed on.
  template <class F>
  [[nodiscard]] auto and_then(F&& next) const& -> std::invoke_result_t<F, const T&> {
    if (!has_value()) return error();
    return std::forward<F>(next)(**this);
  }
  template <class F>
  [[nodiscard]] auto and_then(F&& next) && -> std::invoke_result_t<F, T&&> {
    if (!has_value()) return std::move(error());
    return std::forward<F>(next)(std::move(**this));
  }
  /// Calls `change` with the answer, which gives what the Result is to hold; an error is passed on.
  template <class F>
  [[nodiscard]] auto transform(F&& change) const& -> Result<std::invoke_result_t<F, const T&>> {
    if (!has_value()) return error();
    return std::forward<F>(change)(**this);
  }
  /// Calls `otherwise` with the error, which gives a Result of the same type; an answer is passed on.
  template <class F>
  [[nodiscard]] Result or_else(F&& otherwise) const& {
    if (has_value()) return *this;
    return std::forward<F>(otherwise)(error());
  }

 private:
  std::variant<T, Error> held_;
};

}  // namespace bellwether::inline v1
