// `bellwether roi`: what a month of tokens costs on own GPUs and at hosted APIs.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/cli.h"
#include "cli/language.h"
#include "cli/load.h"
#include "cli/page_file.h"
#include "cli/verbs.h"
#include "costing/comparison.h"
#include "costing/price_list.h"
#include "report/roi_json.h"
#include "report/roi_page.h"
#include "report/roi_text.h"
#include "store/data_folder.h"

namespace bellwether::cli {
namespace {

using config::Problem;
using costing::Candidate;
using costing::Question;

struct Options {
  std::string input, output, cached_input, audit;
  std::string self_hosted, scenario;
  std::vector<std::string> prices, candidates;
  std::string price_file, krw, on, html, language;
  bool json = false, csv = false, explain = false, list_prices = false;
};

/// What ends a command early: problems, and the exit code that goes with their kind.
struct Refusal {
  int code;
  std::vector<Problem> problems;
};

Refusal usage(std::string text) { return {exit_usage, {Problem{.file = {}, .text = std::move(text)}}}; }
Refusal invalid(std::vector<Problem> problems) { return {exit_invalid, std::move(problems)}; }

template <class T>
using Taken = std::expected<T, Refusal>;

Taken<std::string> read(const std::string& path) {
  std::error_code trouble;
  if (!std::filesystem::exists(path, trouble)) return std::unexpected(invalid({Problem{.file = path, .text = "there is no such file"}}));
  const auto text = store::read_file(path);
  if (!text) return std::unexpected(invalid({Problem{.file = path, .text = text.error().detail.text.str()}}));
  return *text;
}

Taken<costing::Volume> stated_volume(const Options& options) {
  costing::Volume volume;
  const auto take = [](const std::string& text, const char* flag) -> Taken<std::int64_t> {
    const auto tokens = costing::parse_tokens(text);
    if (!tokens) return std::unexpected(usage(fmt::format("{} takes a number of tokens such as 100M, 1.5B or 250000; not '{}'", flag, text)));
    return *tokens;
  };
  const auto input = take(options.input, "--input");
  if (!input) return std::unexpected(input.error());
  const auto output = take(options.output, "--output");
  if (!output) return std::unexpected(output.error());
  volume.value = {.input = *input, .cached = 0, .output = *output};
  volume.source = fmt::format("--input {} --output {}", options.input, options.output);
  if (!options.cached_input.empty()) {
    const auto cached = take(options.cached_input, "--cached-input");
    if (!cached) return std::unexpected(cached.error());
    if (*cached > *input) return std::unexpected(usage("--cached-input is more than --input: cached tokens are a part of the input"));
    volume.value.cached = *cached;
    volume.cached_is_known = true;
    volume.source += " --cached-input " + options.cached_input;
  }
  volume.low = volume.high = volume.value;
  return volume;
}

Taken<std::optional<costing::ExchangeRate>> exchange_rate(const Options& options) {
  if (options.krw.empty()) return std::nullopt;
  const auto rate = costing::parse_exchange_rate(options.krw);
  if (!rate) return std::unexpected(usage("--krw takes won for a dollar and the day of that rate, such as 1400@2026-11-01; not '" + options.krw + "'"));
  return rate;
}

Taken<costing::Date> day(const Options& options) {
  if (options.on.empty()) return std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
  const auto date = costing::parse_date(options.on);
  if (!date) return std::unexpected(usage("--on takes a date such as 2026-11-25; not '" + options.on + "'"));
  return *date;
}

Taken<costing::Own> own(const Options& options, const std::optional<costing::ExchangeRate>& rate) {
  if (!options.self_hosted.empty()) {
    const auto amount = costing::parse_amount(options.self_hosted);
    if (!amount) return std::unexpected(usage("--self-hosted takes USD a month, such as 500..750 or 14600; not '" + options.self_hosted + "'"));
    if (amount->currency == costing::Currency::krw && !rate) return std::unexpected(usage("--self-hosted in won needs a rate: give --krw 1400@2026-11-01"));
    return costing::Stated{*amount};
  }
  const auto text = read(options.scenario);
  if (!text) return std::unexpected(text.error());
  auto scenario = costing::read_scenario(*text, options.scenario, rate ? costing::Won::have_a_rate : costing::Won::have_none);
  if (auto* problems = std::get_if<std::vector<Problem>>(&scenario)) return std::unexpected(invalid(std::move(*problems)));
  return std::get<costing::Scenario>(std::move(scenario));
}

Taken<costing::PriceList> price_list(const Options& options) {
  if (options.price_file.empty()) return costing::shipped_prices();
  const auto text = read(options.price_file);
  if (!text) return std::unexpected(text.error());
  auto list = costing::read_price_list(*text, options.price_file);
  if (auto* problems = std::get_if<std::vector<Problem>>(&list)) return std::unexpected(invalid(std::move(*problems)));
  return std::get<costing::PriceList>(std::move(list));
}

Taken<Candidate> from_flag(const std::string& text) {
  const std::size_t colon = text.find(':');
  const std::string price_text = colon == std::string::npos ? text : text.substr(colon + 1);
  const auto price = costing::parse_price(price_text);
  if (const auto* wrong = std::get_if<std::string>(&price)) return std::unexpected(usage(fmt::format("--price '{}' {}", text, *wrong)));
  return Candidate{.name = colon == std::string::npos ? "price " + text : text.substr(0, colon), .tariff = {.price = std::get<metering::Price>(price)}};
}

/// A name of the price list. An entry that ended is taken all the same where nothing followed it: the findings say so.
Taken<Candidate> from_list(const costing::PriceList& list, const std::string& name, costing::Date today) {
  if (const auto* entry = costing::find_price(list, name, today)) return costing::to_candidate(*entry);
  if (const auto* past = costing::find_past_price(list, name, today)) return costing::to_candidate(*past);
  std::string known;
  for (const auto* entry : costing::prices_of(list, today)) known += (known.empty() ? "" : ", ") + entry->name();
  return std::unexpected(usage(
      fmt::format("--candidate '{}' has no price on {}; there are: {}. `--prices FILE` takes a list of yours, `--price NAME:input=…,output=…` a single one",
                  name, costing::to_text(today), known.empty() ? "none" : known)));
}

Taken<std::vector<Candidate>> candidates(const Options& options, const costing::Own& own, costing::Date today) {
  std::vector<Candidate> all;
  for (const std::string& text : options.prices) {
    auto candidate = from_flag(text);
    if (!candidate) return std::unexpected(candidate.error());
    all.push_back(*std::move(candidate));
  }
  if (const auto* scenario = std::get_if<costing::Scenario>(&own))
    for (const costing::ScenarioCandidate& one : scenario->candidates)
      all.push_back(
          {.name = one.name, .tariff = {.price = one.price, .windows = {}, .batch_discount = one.batch_discount}, .origin = costing::Origin::scenario});
  const auto list = price_list(options);
  if (!list) return std::unexpected(list.error());
  for (const std::string& name : options.candidates) {
    auto candidate = from_list(*list, name, today);
    if (!candidate) return std::unexpected(candidate.error());
    all.push_back(*std::move(candidate));
  }
  // Nobody named any: everything that the list sells today.
  if (all.empty())
    for (const auto* entry : costing::prices_of(*list, today)) all.push_back(costing::to_candidate(*entry));
  if (all.empty())
    return std::unexpected(usage("there is nothing to compare with: the price list has no price on " + costing::to_text(today) + "; give --price"));
  return all;
}

/// The question, and the audit that it was made from.
struct Asked {
  Question question;
  std::optional<costing::AuditFacts> audit;
};

Taken<void> take_volume(const Options& options, Asked& asked) {
  const bool stated = !options.input.empty() || !options.output.empty() || !options.cached_input.empty();
  if (stated == !options.audit.empty())
    return std::unexpected(usage(stated ? "the tokens come from --audit, or from --input and --output; not from both"
                                        : "how many tokens? Give --input and --output (a month's, such as 100M), or --audit FILE"));
  if (stated) {
    if (options.input.empty() || options.output.empty()) return std::unexpected(usage("--input and --output go together: an unpriced token is not a free one"));
    auto volume = stated_volume(options);
    if (!volume) return std::unexpected(volume.error());
    asked.question.volume = *std::move(volume);
    return {};
  }
  const auto text = read(options.audit);
  if (!text) return std::unexpected(text.error());
  auto facts = costing::read_audit(*text);
  if (!facts) return std::unexpected(invalid({Problem{.file = options.audit, .text = facts.error()}}));
  auto volume = costing::volume_of(*facts, options.audit);
  if (!volume) return std::unexpected(invalid({Problem{.file = {}, .text = volume.error()}}));
  asked.question.volume = *std::move(volume);
  asked.question.hours = costing::hours_of(*facts);
  asked.audit = *std::move(facts);
  return {};
}

Taken<Asked> question_of(const Options& options) {
  if (options.self_hosted.empty() == options.scenario.empty())
    return std::unexpected(usage("what does the own side cost? Give one of --self-hosted LOW..HIGH (USD a month) and --scenario FILE"));
  Asked asked;
  Question& question = asked.question;
  const auto today = day(options);
  if (!today) return std::unexpected(today.error());
  question.today = *today;
  if (auto taken = take_volume(options, asked); !taken) return std::unexpected(taken.error());
  const auto rate = exchange_rate(options);
  if (!rate) return std::unexpected(rate.error());
  question.rate = *rate;
  auto own_side = own(options, question.rate);
  if (!own_side) return std::unexpected(own_side.error());
  question.own = *std::move(own_side);
  auto all = candidates(options, question.own, question.today);
  if (!all) return std::unexpected(all.error());
  question.candidates = *std::move(all);
  return asked;
}

int refuse(const Refusal& refusal) {
  complain(refusal.problems);
  return refusal.code;
}

int run_roi(const Options& options) {
  auto asked = question_of(options);
  if (!asked) return refuse(asked.error());
  const auto comparison = costing::compare(std::move(asked->question));
  if (!comparison) return refuse(invalid({Problem{.file = {}, .text = comparison.error()}}));
  const report::Words& words = report::words_for(language_of(options.language));
  const report::Detail detail = options.explain ? report::Detail::with_explanation : report::Detail::figures;
  if (!options.html.empty() && !write_page(options.html, report::roi_page(*comparison, asked->audit ? &*asked->audit : nullptr, words, imprint())))
    return exit_failed;
  if (options.json) fmt::print("{}\n", report::roi_json(*comparison, detail));
  else if (options.csv) fmt::print("{}", report::roi_csv(*comparison));
  else fmt::print("{}", report::roi_text(*comparison, words, detail));
  return exit_ok;
}

}  // namespace

void add_roi(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("roi", "What a month of tokens costs on own GPUs and at hosted APIs");
  verb->add_option("--input", options->input, "Input tokens a month: 100M, 1.5B, 250000")->type_name("TOKENS");
  verb->add_option("--output", options->output, "Output tokens a month")->type_name("TOKENS");
  verb->add_option("--cached-input", options->cached_input, "How many of the input tokens a cache would answer; not said: not known, and priced as none")
      ->type_name("TOKENS");
  verb->add_option("--audit", options->audit, "Take the tokens of a month, and the hours at which they come, from an audit (`bellwether audit … --json`)")
      ->type_name("FILE");
  verb->add_option("--self-hosted", options->self_hosted, "What the own side costs a month in USD, as a range or one figure")->type_name("LOW..HIGH");
  verb->add_option("--scenario", options->scenario, "What the own side consists of: GPUs, power, staff (docs/roi.md)")->type_name("FILE");
  verb->add_option("--price", options->prices, "A hosted price, USD per million tokens: 0.42, or [NAME:]input=0.28,cached_input=0.028,output=0.42; repeatable")
      ->type_name("PRICE");
  verb->add_option("--candidate", options->candidates,
                   "A model of the price list, such as deepseek/deepseek-flash; repeatable. Without any: all that are sold on the day")
      ->type_name("NAME");
  verb->add_option("--prices", options->price_file, "A price list of yours in place of the built-in one (docs/roi.md)")->type_name("FILE");
  verb->add_option("--krw", options->krw, "Won for a dollar and the day of that rate; amounts are told in won too")->type_name("RATE@DATE");
  verb->add_option("--on", options->on, "The day whose prices count; today")->type_name("DATE");
  verb->add_flag("--json", options->json, "Say the result as JSON (bellwether.roi/1)");
  verb->add_flag("--csv", options->csv, "Say the result as a table for spreadsheets")->excludes("--json");
  verb->add_option("--html", options->html, "Write the comparison as one self-contained page as well")->type_name("FILE");
  verb->add_flag("--explain", options->explain, "Say how each figure was made and where its parts come from");
  verb->add_option("--lang", options->language, "en or ko; otherwise as LC_ALL or LANG say")->check(CLI::IsMember({"en", "ko"}))->type_name("LANGUAGE");
  verb->footer(
      "The verdict holds at both ends of what is known, else it is 'undecided'. Exit code 3: a file cannot be read or is wrong, told as "
      "file:line:column.\n\nExamples:\n"
      "  bellwether roi --input 100M --output 50M --self-hosted 500..750 --price 0.42\n"
      "  bellwether roi --input 30B --cached-input 12B --output 8B --scenario gpus.toml --candidate deepseek/deepseek-flash --explain\n"
      "  bellwether roi --audit audit.json --scenario gpus.toml --html roi.html\n"
      "  bellwether roi --audit audit.json --scenario gpus.toml --prices ours.toml --on 2026-12-01 --csv > roi.csv\n"
      "  bellwether roi --input 100M --output 50M --self-hosted 14600 --candidate deepseek/deepseek-flash --json\n"
      "  bellwether roi --input 100M --output 50M --scenario gpus.toml --price holysheep:input=0.42,cached_input=0.042,output=0.42 --krw 1400@2026-11-01 "
      "--lang ko");
  verb->callback([options, &chosen] { chosen = [options] { return run_roi(*options); }; });
}

}  // namespace bellwether::cli
