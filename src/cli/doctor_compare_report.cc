#include "cli/doctor_compare_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "json/reader.h"

namespace bellwether::cli {
namespace {

using parity::Finding;
using parity::Verdict;

std::string_view name_of(Verdict verdict) { return parity::verdict_names[static_cast<std::size_t>(verdict)]; }
std::string_view name_of(parity::State state) { return parity::state_names[static_cast<std::size_t>(state)]; }

std::string text_of(const Finding& finding) {
  std::string text = finding.value;
  if (text.empty() || finding.state != parity::State::works) text = name_of(finding.state);
  if (!finding.detail.empty()) text += " (" + finding.detail + ")";
  return text;
}

bool is_worth_advice(const ComparedCheck& compared) {
  return compared.comparison.is_worse || (compared.comparison.verdict == Verdict::differs && compared.comparison.detail != "only B can");
}

std::string lines_of(const ComparedCheck& compared) {
  const std::string_view mark = compared.is_blocker() ? "BLOCKER" : compared.is_accepted && compared.comparison.is_worse ? "accepted" : "";
  const Verdict verdict = compared.comparison.verdict;
  std::string out = fmt::format("  {:<22}{:<9}{:<9}", compared.check->name, verdict == Verdict::not_run ? "not run" : name_of(verdict), mark);
  if (verdict == Verdict::not_run) return out + compared.not_run + "\n";
  const std::string first = text_of(compared.first), second = text_of(compared.second);
  out += first == second ? first : fmt::format("A: {}  B: {}", first, second);
  if (!compared.comparison.detail.empty()) out += "; " + compared.comparison.detail;
  out += "\n";
  if (is_worth_advice(compared)) out += fmt::format("  {:<40}-> {}\n", "", compared.check->advice);
  return out;
}

std::array<std::uint64_t, parity::verdict_names.size()> counts_of(const CompareReport& report) {
  std::array<std::uint64_t, parity::verdict_names.size()> counts{};
  for (const ComparedCheck& compared : report.checks) ++counts[static_cast<std::size_t>(compared.comparison.verdict)];
  return counts;
}

std::string json_finding(const Finding& finding) {
  std::string numbers;
  for (const double number : finding.numbers) numbers += fmt::format("{}{:.6g}", numbers.empty() ? "" : ",", number);
  return fmt::format(R"({{"state":"{}","value":{},"detail":{},"numbers":[{}]}})", name_of(finding.state), json::quote(finding.value),
                     json::quote(finding.detail), numbers);
}

std::string json_check(const ComparedCheck& compared) {
  const bool ran = compared.comparison.verdict != Verdict::not_run;
  return fmt::format(R"({{"name":{},"group":"{}","weight":"{}","verdict":"{}","blocker":{},"accepted":{},"a":{},"b":{},"detail":{},"advice":{},"not_run":{}}})",
                     json::quote(compared.check->name), compared.check->group, parity::weight_names[static_cast<std::size_t>(compared.weight)],
                     name_of(compared.comparison.verdict), compared.is_blocker(), compared.is_accepted, ran ? json_finding(compared.first) : "null",
                     ran ? json_finding(compared.second) : "null", json::quote(compared.comparison.detail),
                     is_worth_advice(compared) ? json::quote(compared.check->advice) : "null", ran ? "null" : json::quote(compared.not_run));
}

}  // namespace

bool CompareReport::has_blocker() const { return std::ranges::any_of(checks, &ComparedCheck::is_blocker); }

std::string compare_table(const CompareReport& report) {
  std::string out = fmt::format("A  {}  {}\nB  {}  {}\n", report.a.name, report.a.model, report.b.name, report.b.model);
  std::string_view group;
  for (const ComparedCheck& compared : report.checks) {
    if (compared.check->group != group) out += fmt::format("\n{}\n", compared.check->group);
    group = compared.check->group;
    out += lines_of(compared);
  }
  const auto counts = counts_of(report);
  std::string summary;
  for (std::size_t i = 0; i < counts.size(); ++i)
    if (counts[i] > 0)
      summary += fmt::format("{}{} {}", summary.empty() ? "" : ", ", counts[i],
                             i == static_cast<std::size_t>(Verdict::not_run) ? "not run" : parity::verdict_names[i]);
  std::string blockers;
  for (const ComparedCheck& compared : report.checks)
    if (compared.is_blocker()) blockers += (blockers.empty() ? "" : ", ") + compared.check->name;
  out += fmt::format("\n{} checks: {}\n{} calls, {} of {} tokens{}\n", report.checks.size(), summary, report.calls, report.tokens, report.tokens_max,
                     report.spent ? fmt::format(", {} USD", to_decimal(*report.spent)) : "");
  return out + (blockers.empty() ? "nothing that was seen stands against moving from A to B\n" : fmt::format("blockers: {}\n", blockers));
}

std::string compare_json(const CompareReport& report) {
  std::string checks, summary, blockers;
  for (const ComparedCheck& compared : report.checks) {
    checks += (checks.empty() ? "" : ",") + json_check(compared);
    if (compared.is_blocker()) blockers += (blockers.empty() ? "" : ",") + json::quote(compared.check->name);
  }
  const auto counts = counts_of(report);
  for (std::size_t i = 0; i < counts.size(); ++i) summary += fmt::format(R"({}"{}":{})", i > 0 ? "," : "", parity::verdict_names[i], counts[i]);
  const auto money = [](const std::optional<Money>& amount) { return amount ? json::quote(to_decimal(*amount)) : std::string("null"); };
  const auto endpoint = [](const ComparedEndpoint& one) {
    return fmt::format(R"({{"endpoint":{},"model":{}}})", json::quote(one.name), json::quote(one.model));
  };
  return fmt::format(
      R"({{"schema":"bellwether.parity/1","started_at":"{}","interrupted":{},"ok":{},"a":{},"b":{},"calls":{},"tokens":{},"tokens_max":{},"spent_usd":{},"budget_usd":{},"summary":{{{}}},"blockers":[{}],"checks":[{}]}})",
      report.started_at, report.interrupted, !report.has_blocker(), endpoint(report.a), endpoint(report.b), report.calls, report.tokens, report.tokens_max,
      money(report.spent), money(report.budget), summary, blockers, checks);
}

}  // namespace bellwether::cli
