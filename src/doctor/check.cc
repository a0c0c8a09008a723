#include "doctor/check.h"

#include <fmt/format.h>

#include <algorithm>

#include "json/reader.h"

namespace bellwether::doctor {
namespace {

/// An upstream's own words end up in these lines: no line ends and nothing that a terminal obeys.
std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7F) c = ' ';
  return out;
}

std::size_t count_of(std::span<const Check> checks, Status status) { return static_cast<std::size_t>(std::ranges::count(checks, status, &Check::status)); }

}  // namespace

int exit_code_of(std::span<const Check> checks) {
  const auto any = [&](Trouble trouble) {
    return std::ranges::any_of(checks, [&](const Check& check) { return check.status == Status::failed && check.trouble == trouble; });
  };
  if (any(Trouble::config)) return 3;
  if (any(Trouble::other)) return 1;
  if (any(Trouble::upstream)) return 5;
  return 0;
}

std::string to_table(std::span<const Check> checks) {
  std::size_t width = 0;
  for (const Check& check : checks) width = std::max(width, check.name.size());
  std::string out;
  for (const Check& check : checks) {
    out += fmt::format("{:<7}  {:<{}}  {}\n", status_names[static_cast<std::size_t>(check.status)], printable(check.name), width, printable(check.text));
    if (!check.remedy.empty()) out += fmt::format("{:<7}  {:<{}}  → {}\n", "", "", width, printable(check.remedy));
  }
  return out + fmt::format("{} checks: {} ok, {} warning(s), {} failed", checks.size(), count_of(checks, Status::ok), count_of(checks, Status::warning),
                           count_of(checks, Status::failed));
}

std::string to_json(std::span<const Check> checks) {
  std::string rows;
  for (const Check& check : checks)
    rows +=
        fmt::format(R"({}{{"name":{},"status":"{}","message":{},"remedy":{}}})", rows.empty() ? "" : ",", json::quote(check.name),
                    status_names[static_cast<std::size_t>(check.status)], json::quote(check.text), check.remedy.empty() ? "null" : json::quote(check.remedy));
  return fmt::format(R"({{"schema":"bellwether.doctor/1","ok":{},"counts":{{"ok":{},"warning":{},"failed":{}}},"checks":[{}]}})",
                     count_of(checks, Status::failed) == 0, count_of(checks, Status::ok), count_of(checks, Status::warning), count_of(checks, Status::failed),
                     rows);
}

}  // namespace bellwether::doctor
