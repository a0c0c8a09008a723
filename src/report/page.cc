#include "report/page.h"

#include <fmt/format.h>

#include "report/markup.h"

namespace bellwether::report {

Page::Page(const Words& words, std::string_view title) : words_{words} {
  // The policy lets the page's own style through and nothing else, whatever a name in it may hold.
  out_ = fmt::format(
      R"(<!DOCTYPE html><html lang="{}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">)"
      R"(<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:"><meta name="color-scheme" content="light dark">)"
      R"(<link rel="icon" href="data:,"><title>{}</title><style>{}</style></head><body><main>)",
      words.code, escape(title), style());
}

void Page::heading(std::string_view kicker, std::string_view headline, std::string_view lead) {
  out_ += fmt::format(R"(<header><p class="kicker">{}</p><h1>{}</h1><p class="lead">{}</p></header>)", escape(kicker), escape(headline), escape(lead));
}

void Page::tiles(const std::vector<Tile>& tiles) {
  out_ += R"(<dl class="tiles">)";
  for (const Tile& tile : tiles)
    out_ += fmt::format(R"(<div><dt>{}</dt><dd class="value {}">{}</dd><dd class="below">{}</dd></div>)", escape(tile.name), tile.tone, escape(tile.figure),
                        escape(tile.below));
  out_ += "</dl>";
}

void Page::section(std::string_view title) { out_ += fmt::format("<section><h2>{}</h2>", escape(title)); }
void Page::end_section() { out_ += "</section>"; }

void Page::figure(std::string_view drawing, std::string_view caption, std::string_view source, std::string_view table) {
  out_ += fmt::format("<figure>{}<figcaption>{}", drawing, escape(caption));
  if (!source.empty()) out_ += fmt::format(R"( <span class="source">{}: {}</span>)", words_.source, escape(source));
  out_ += "</figcaption>";
  if (!table.empty()) out_ += fmt::format("<details><summary>{}</summary>{}</details>", escape(words_.data_table), table);
  out_ += "</figure>";
}

void Page::legend(const std::vector<std::pair<std::string_view, std::string>>& entries) {
  out_ += R"(<p class="legend">)";
  for (const auto& [classes, text] : entries) out_ += fmt::format(R"(<span><i class="{}"></i>{}</span>)", classes, escape(text));
  out_ += "</p>";
}

void Page::paragraph(std::string_view text, std::string_view classes) { out_ += fmt::format(R"(<p class="{}">{}</p>)", classes, escape(text)); }

std::string Page::end(std::string_view footer) && { return std::move(out_) + fmt::format("<footer>{}</footer></main></body></html>\n", escape(footer)); }

std::string table_html(const std::vector<std::vector<Cell>>& rows, std::string_view caption, std::string_view classes) {
  std::string out = fmt::format(R"(<div class="scroll"><table class="{}"><caption>{}</caption>)", classes, escape(caption));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    out += i == 0 ? "<thead><tr>" : "<tr>";
    for (std::size_t j = 0; j < rows[i].size(); ++j) {
      const std::string_view tag = i == 0 || j == 0 ? "th" : "td";
      const std::string_view scope = i == 0 ? R"( scope="col")" : j == 0 ? R"( scope="row")" : "";
      out += fmt::format(R"(<{0}{1} class="{2}">{3}{4}</{0}>)", tag, scope, rows[i][j].classes, escape(rows[i][j].text),
                         rows[i][j].below.empty() ? "" : "<small>" + escape(rows[i][j].below) + "</small>");
    }
    out += i == 0 ? "</tr></thead><tbody>" : "</tr>";
  }
  return out + "</tbody></table></div>";
}

}  // namespace bellwether::report
