// HTML and SVG as text. Everything that comes from outside goes through `escape`: names in logs are whatever somebody typed.
#pragma once

#include <string>
#include <string_view>

namespace bellwether::report {

/// For text and for attribute values in double quotes. Control characters and bytes that are not UTF-8 become U+FFFD.
[[nodiscard]] std::string escape(std::string_view text);

/// A coordinate, to a tenth of a pixel.
[[nodiscard]] std::string coordinate(double value);

enum class Anchor : std::uint8_t { start, middle, end };

/// One drawing. Lengths are in the units of its view box; it fills the width it is given. Colours are classes of style.cc.
class Drawing {
 public:
  /// `id` tells the drawings of a page apart; `title` and `description` are for who does not see it.
  Drawing(std::string_view id, double width, double height, std::string_view title, std::string_view description);

  void line(double x1, double y1, double x2, double y2, std::string_view classes);
  void rectangle(double x, double y, double width, double height, std::string_view classes, std::string_view hint = {});
  void circle(double x, double y, double radius, std::string_view classes);
  void text(double x, double y, std::string_view text, Anchor anchor, std::string_view classes = {});
  /// `data` is of our own making: never text from outside.
  void path(std::string_view data, std::string_view classes);
  void opacity_rectangle(double x, double y, double width, double height, std::string_view classes, double opacity, std::string_view hint);
  [[nodiscard]] std::string end() &&;
  [[nodiscard]] double width() const { return width_; }
  [[nodiscard]] double height() const { return height_; }

 private:
  double width_, height_;
  std::string out_;
};

}  // namespace bellwether::report
