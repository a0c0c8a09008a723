// One self-contained page: style and drawings are inside, nothing is loaded, no script runs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "report/words.h"

namespace bellwether::report {

/// Builds the body piece by piece. Text is escaped; what takes `html` takes what this room made.
class Page {
 public:
  Page(const Words& words, std::string_view title);

  void heading(std::string_view kicker, std::string_view headline, std::string_view lead);
  /// A figure with its name above and its range or unit below.
  struct Tile {
    std::string name, figure, below;
    std::string_view tone;  ///< "good", "bad" or nothing.
  };
  void tiles(const std::vector<Tile>& tiles);
  void section(std::string_view title);
  void end_section();
  /// A drawing with its caption and the source of its figures; `table_html` goes behind a "figures" fold.
  void figure(std::string_view drawing, std::string_view caption, std::string_view source, std::string_view table_html);
  void legend(const std::vector<std::pair<std::string_view, std::string>>& entries);
  void paragraph(std::string_view text, std::string_view classes = {});
  void html(std::string_view html) { out_ += html; }
  [[nodiscard]] std::string end(std::string_view footer) &&;

 private:
  const Words& words_;
  std::string out_;
};

struct Cell {
  std::string text;
  std::string_view classes;  ///< "number" for figures.
  std::string below;         ///< A second, smaller line.
};
/// The first row is the head; the first cell of each other row names it.
[[nodiscard]] std::string table_html(const std::vector<std::vector<Cell>>& rows, std::string_view caption, std::string_view classes = {});

[[nodiscard]] std::string_view style();

}  // namespace bellwether::report
