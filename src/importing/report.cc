#include "importing/report.h"

#include <fmt/format.h>

#include <algorithm>

#include "json/reader.h"

namespace bellwether::importing {
namespace {

constexpr std::array<std::string_view, 4> headings{"Exact: the same here, or nothing to do", "Approximate: in the config, and something differs",
                                                   "Manual: for you to do", "Unsupported: left out"};

std::string place_text(const Finding& finding, std::string_view file) {
  if (finding.at.line == 0) return {};
  return fmt::format("{}{}{}:{}: ", file, file.empty() ? "" : ":", finding.at.line, finding.at.column);
}

/// What a terminal may do with it stays out: names come from a file of somebody else's.
std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7F) c = '?';
  return out;
}

std::size_t count_of(const Imported& imported, Verdict verdict) {
  return static_cast<std::size_t>(std::ranges::count(imported.findings, verdict, &Finding::verdict));
}

}  // namespace

std::string verdict_table(const Imported& imported, std::string_view file) {
  std::string out;
  for (const Verdict verdict : {Verdict::exact, Verdict::approximate, Verdict::manual, Verdict::unsupported}) {
    if (count_of(imported, verdict) == 0) continue;
    out += fmt::format("{}\n", headings[static_cast<std::size_t>(verdict)]);
    for (const Finding& finding : imported.findings)
      if (finding.verdict == verdict) out += printable(fmt::format("  {}{}: {}", place_text(finding, file), finding.field, finding.text)) + "\n";
  }
  for (const std::string& advice : imported.advice) out += printable("Advice: " + advice) + "\n";
  if (!imported.variables.empty())
    out += printable(fmt::format("Secrets: the config reads {} from the environment", fmt::join(imported.variables, ", "))) + "\n";
  return out + fmt::format("{} fields: {} exact, {} approximate, {} manual, {} unsupported\n", imported.findings.size(), count_of(imported, Verdict::exact),
                           count_of(imported, Verdict::approximate), count_of(imported, Verdict::manual), count_of(imported, Verdict::unsupported));
}

std::string to_json(const Imported& imported, std::string_view source, std::string_view file) {
  std::string fields, advice, variables;
  for (const Finding& finding : imported.findings)
    fields += fmt::format(R"({}{{"field":{},"line":{},"column":{},"verdict":"{}","message":{}}})", fields.empty() ? "" : ",", json::quote(finding.field),
                          finding.at.line, finding.at.column, name_of(finding.verdict), json::quote(finding.text));
  for (const std::string& text : imported.advice) advice += (advice.empty() ? "" : ",") + json::quote(text);
  for (const std::string& name : imported.variables) variables += (variables.empty() ? "" : ",") + json::quote(name);
  return fmt::format(
      R"({{"schema":"bellwether.import/1","source":"{}","file":{},"counts":{{"exact":{},"approximate":{},"manual":{},"unsupported":{}}},"fields":[{}],"advice":[{}],"variables":[{}],"toml":{}}})",
      source, file.empty() ? "null" : json::quote(file), count_of(imported, Verdict::exact), count_of(imported, Verdict::approximate),
      count_of(imported, Verdict::manual), count_of(imported, Verdict::unsupported), fields, advice, variables,
      imported.toml.empty() ? "null" : json::quote(imported.toml));
}

bool left_something_out(const Imported& imported) { return count_of(imported, Verdict::manual) + count_of(imported, Verdict::unsupported) > 0; }

}  // namespace bellwether::importing
