// A text that is nearly always empty, in the size of one pointer. A std::string takes four, and a Failure has four of them: every
// Result on every coroutine frame of every open stream would carry 128 bytes for words that nobody says.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace bellwether {

/// A value: copied with its text.
class RareText {
 public:
  RareText() = default;
  RareText(std::string text) : text_{text.empty() ? nullptr : std::make_unique<std::string>(std::move(text))} {}
  RareText(std::string_view text) : RareText{std::string(text)} {}
  RareText(const char* text) : RareText{std::string(text)} {}
  RareText(const RareText& other) : text_{other.text_ ? std::make_unique<std::string>(*other.text_) : nullptr} {}
  RareText(RareText&&) noexcept = default;
  RareText& operator=(const RareText& other) { return *this = RareText{other}; }
  RareText& operator=(RareText&&) noexcept = default;
  ~RareText() = default;

  [[nodiscard]] bool empty() const { return text_ == nullptr; }
  [[nodiscard]] const std::string& str() const {
    static const std::string none;
    return text_ ? *text_ : none;
  }
  operator const std::string&() const { return str(); }
  operator std::string_view() const { return str(); }

  friend bool operator==(const RareText& left, std::string_view right) { return left.str() == right; }

 private:
  std::unique_ptr<std::string> text_;
};

}  // namespace bellwether
