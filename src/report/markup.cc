#include "report/markup.h"

#include <fmt/format.h>

#include <cmath>

#include "json/reader.h"

namespace bellwether::report {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";

/// The length of the UTF-8 character that begins here; 0: none does.
std::size_t character_at(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t size = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 0;
  return size > 0 && size <= text.size() && json::is_utf8(text.substr(0, size)) ? size : 0;
}

}  // namespace

std::string escape(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t size = character_at(text);
    const char c = text.front();
    if (size == 0) out += replacement;
    else if (size > 1) out += text.substr(0, size);
    else if (c == '&') out += "&amp;";
    else if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else if (c == '"') out += "&quot;";
    else if (c == '\'') out += "&#39;";
    else if (static_cast<unsigned char>(c) < ' ' || c == 0x7F) out += c == '\n' ? std::string_view("\n") : c == '\t' ? std::string_view(" ") : replacement;
    else out += c;
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return out;
}

std::string coordinate(double value) {
  // Nothing that a browser could not read, whatever was divided by nothing.
  if (!std::isfinite(value)) value = 0;
  std::string text = fmt::format("{:.1f}", value);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text == "-0" ? "0" : text;
}

Drawing::Drawing(std::string_view id, double width, double height, std::string_view title, std::string_view description) : width_{width}, height_{height} {
  out_ = fmt::format(
      R"(<svg viewBox="0 0 {0} {1}" role="img" aria-labelledby="{2}-title {2}-description"><title id="{2}-title">{3}</title><desc id="{2}-description">{4}</desc>)",
      coordinate(width), coordinate(height), id, escape(title), escape(description));
}

void Drawing::line(double x1, double y1, double x2, double y2, std::string_view classes) {
  out_ += fmt::format(R"(<line x1="{}" y1="{}" x2="{}" y2="{}" class="{}"/>)", coordinate(x1), coordinate(y1), coordinate(x2), coordinate(y2), classes);
}

void Drawing::rectangle(double x, double y, double width, double height, std::string_view classes, std::string_view hint) {
  out_ += fmt::format(R"(<rect x="{}" y="{}" width="{}" height="{}" class="{}">)", coordinate(x), coordinate(y), coordinate(std::max(width, 0.0)),
                      coordinate(std::max(height, 0.0)), classes);
  if (!hint.empty()) out_ += "<title>" + escape(hint) + "</title>";
  out_ += "</rect>";
}

void Drawing::opacity_rectangle(double x, double y, double width, double height, std::string_view classes, double opacity, std::string_view hint) {
  out_ += fmt::format(R"(<rect x="{}" y="{}" width="{}" height="{}" class="{}" fill-opacity="{:.3f}"><title>{}</title></rect>)", coordinate(x), coordinate(y),
                      coordinate(width), coordinate(height), classes, std::isfinite(opacity) ? opacity : 0, escape(hint));
}

void Drawing::circle(double x, double y, double radius, std::string_view classes) {
  out_ += fmt::format(R"(<circle cx="{}" cy="{}" r="{}" class="{}"/>)", coordinate(x), coordinate(y), coordinate(radius), classes);
}

void Drawing::text(double x, double y, std::string_view text, Anchor anchor, std::string_view classes) {
  const std::string_view word = anchor == Anchor::start ? "start" : anchor == Anchor::middle ? "middle" : "end";
  out_ += fmt::format(R"(<text x="{}" y="{}" text-anchor="{}")", coordinate(x), coordinate(y), word);
  if (!classes.empty()) out_ += fmt::format(R"( class="{}")", classes);
  out_ += ">" + escape(text) + "</text>";
}

void Drawing::path(std::string_view data, std::string_view classes) { out_ += fmt::format(R"(<path d="{}" class="{}"/>)", data, classes); }

std::string Drawing::end() && { return std::move(out_) + "</svg>"; }

}  // namespace bellwether::report
