// Putting text together where every request does it.
#pragma once

#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace bellwether {

/// A literal's text, its size known without looking; whatever else is text by itself.
template <std::size_t size>
constexpr std::string_view text_of(const char (&literal)[size]) {
  return {literal, size - 1};
}
constexpr std::string_view text_of(std::string_view text) { return text; }

/// Appends all parts with one look at the capacity. Literals are copied by their constant size, which is what makes it several
/// times as fast as a chain of `+=`. No part may lie in `out`.
template <class... Parts>
void append_all(std::string& out, const Parts&... parts) {
  const std::size_t before = out.size();
  const std::size_t size = before + (text_of(parts).size() + ...);
  out.resize_and_overwrite(size, [&](char* text, std::size_t) {
    char* at = text + before;
    const auto put = [&at](std::string_view part) {
      std::memcpy(at, part.data(), part.size());
      at += part.size();
    };
    (put(text_of(parts)), ...);
    return size;
  });
}

/// The decimal digits of an integer, to be appended with others.
class Digits {
 public:
  explicit Digits(std::int64_t number) : size_{static_cast<std::size_t>(std::to_chars(text_.data(), text_.data() + text_.size(), number).ptr - text_.data())} {}
  operator std::string_view() const { return {text_.data(), size_}; }

 private:
  std::array<char, 20> text_;  // -9223372036854775808
  std::size_t size_;
};

}  // namespace bellwether
