// `bellwether audit`: what a vLLM really served, from whatever traces it left.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "audit/forecast.h"
#include "audit/format.h"
#include "audit/report_json.h"
#include "audit/report_text.h"
#include "audit/stamp.h"
#include "audit/tally.h"
#include "cli/audit_sources.h"
#include "cli/audit_url.h"
#include "cli/cli.h"
#include "cli/page_file.h"
#include "cli/verbs.h"
#include "config/read.h"

namespace bellwether::cli {
namespace {

using audit::Instant;

struct Options {
  std::vector<std::string> sources, models;
  std::string zone, since, until;
  std::string sample_for = "60s", every = "5s", token_file;
  std::string html, language;
  bool json = false, csv = false;
};

Instant now() { return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()); }

/// `2026-11-01`, `2026-11-01T10:00:00`, with a zone or in the chosen one.
Instant moment_of(const std::string& text, const char* flag, const audit::Zone& zone) {
  const auto stamp = audit::parse_stamp(text.size() == 10 ? text + "T00:00:00" : text.size() == 16 ? text + ":00" : text);
  if (stamp && stamp->year)
    if (const auto at = audit::Calendar{&zone, std::nullopt}.instant(*stamp)) return *at;
  throw CLI::ValidationError(flag, "takes a time such as 2026-11-01 or 2026-11-01T10:00, not " + text);
}

/// Reads one source into the tally. Whether it came to its end.
bool read_into(audit::Tally& tally, AuditSource& source, const audit::Zone& zone) {
  const std::uint32_t number = tally.add_source(source.name, source.format != nullptr ? std::string(source.format->name) : "?", source.group);
  const auto row = [&]() -> audit::SourceRow& { return tally.source(number); };
  row().bytes = source.size;
  if (!source.same_as.empty()) {
    row().same_as = source.same_as;
    return true;
  }
  if (!source.trouble.empty()) {
    row().trouble = source.trouble;
    return false;
  }
  if (source.name != "-" && source.format == nullptr) {
    row().looks_like = audit::describe(source.begin);
    return true;
  }
  std::unique_ptr<audit::Reader> reader;
  std::string held;  // Of standard input, until there is enough to know its format.
  const auto begin_reading = [&] {
    if (source.format == nullptr) {
      source.begin = held.substr(0, audit::detect_bytes);
      source.format = audit::detect(source.begin);
    }
    if (source.format == nullptr) return;
    row().format = source.format->name;
    reader = source.format->make({.source = number, .zone = &zone, .written = source.written}, tally);
    reader->read(held);
  };
  std::uint64_t bytes = 0;
  row().trouble = read_audit_source(source.name, bytes, [&](std::string_view piece) {
    if (reader) return reader->read(piece);
    if (source.format == nullptr && held.size() >= audit::detect_bytes) return;  // Known to be nothing of ours: read to its end, and dropped.
    held.append(piece);
    if (source.format != nullptr || held.size() >= audit::detect_bytes) begin_reading();
  });
  if (!reader && source.begin.size() < audit::detect_bytes) begin_reading();
  if (reader) reader->finish();
  tally.end_source(number);
  row().bytes = bytes;
  if (row().recognised() == 0) row().looks_like = audit::describe(source.begin);
  return row().trouble.empty();
}

void say_empty(const audit::Report& report) {
  std::fprintf(stderr, "bellwether: nothing was recognised in %zu source(s)\n", report.sources.size());
  for (const audit::SourceRow& row : report.sources) {
    std::uint64_t lines = 0;
    for (const audit::SkippedRow& skipped : row.skipped) lines += skipped.count;
    if (!row.trouble.empty()) std::fprintf(stderr, "  %s: %s\n", row.name.c_str(), row.trouble.c_str());
    else std::fprintf(stderr, "  %s: 0 of %llu line(s); it looks like %s\n", row.name.c_str(), static_cast<unsigned long long>(lines), row.looks_like.c_str());
    for (const audit::SkippedRow& skipped : row.skipped)
      if (skipped.why != audit::Skip::not_of_this_log)
        std::fprintf(stderr, "    %llu line(s) %s, the first is line %llu\n", static_cast<unsigned long long>(skipped.count),
                     std::string(name_of(skipped.why)).c_str(), static_cast<unsigned long long>(skipped.first_line));
  }
  std::fprintf(stderr, "Looked for:\n");
  for (const audit::Format& format : audit::formats()) std::fprintf(stderr, "  %s\n", std::string(format.what).c_str());
}

int say_no_such_model(const std::vector<std::string>& wanted, const std::vector<std::string>& known) {
  constexpr std::size_t names_max = 20;
  std::fprintf(stderr, "bellwether: no source tells of the model %s\n", fmt::format("{}", fmt::join(wanted, " or ")).c_str());
  const std::vector<std::string> shown(known.begin(), known.begin() + static_cast<std::ptrdiff_t>(std::min(names_max, known.size())));
  if (known.empty()) std::fprintf(stderr, "They name no model; without --model all of it is counted.\n");
  else std::fprintf(stderr, "They tell of %s%s\n", fmt::format("{}", fmt::join(shown, ", ")).c_str(), known.size() > names_max ? ", …" : "");
  return exit_invalid;
}

std::chrono::milliseconds duration_of(const std::string& text, const char* flag, std::chrono::milliseconds least = std::chrono::milliseconds(1)) {
  const auto duration = config::parse_duration(text);
  if (!duration || *duration < least) throw CLI::ValidationError(flag, "takes a time such as 60s, 500ms or 10m, not " + text);
  return std::chrono::duration_cast<std::chrono::milliseconds>(*duration);
}

std::string first_line_of(const std::string& path) {
  std::ifstream file{path};
  std::string line;
  if (!std::getline(file, line) || line.empty()) throw CLI::ValidationError("--token-file", "cannot read a token from " + path);
  return line;
}

// Groups of files count from 0.
constexpr std::uint32_t first_live_group = 1'000'000;

/// Reads all addresses at once into the tally. How many came to no good end.
std::size_t read_live_into(audit::Tally& tally, const std::vector<std::string>& addresses, const Options& options, const audit::Zone& zone,
                           const audit::Period& period) {
  if (addresses.empty()) return 0;
  LiveSettings settings{.sample_for = duration_of(options.sample_for, "--for"),
                        .every = duration_of(options.every, "--every", std::chrono::milliseconds(100)),
                        .since = period.since,
                        .until = period.until,
                        .bearer = options.token_file.empty() ? std::string() : first_line_of(options.token_file)};
  const bool tells = ::isatty(STDERR_FILENO) != 0;
  if (tells) settings.progress = [](const std::string& text) { std::fprintf(stderr, "\r\x1b[K%s", text.c_str()); };
  std::vector<LiveSource> live;
  for (const std::string& address : addresses) {
    const std::uint32_t number =
        tally.add_source(address, is_page_address(address) ? "prometheus-text" : "prometheus-api", first_live_group + static_cast<std::uint32_t>(live.size()));
    live.push_back({address, {.source = number, .zone = &zone}, {}});
  }
  read_live(live, settings, tally);
  if (tells) std::fprintf(stderr, "\r\x1b[K");
  std::size_t troubles = 0;
  for (const LiveSource& source : live) {
    tally.end_source(source.context.source);
    audit::SourceRow& row = tally.source(source.context.source);
    row.trouble = source.trouble;
    if (row.recognised() == 0) row.looks_like = "a server that has nothing of a vLLM in this time";
    troubles += source.trouble.empty() ? 0 : 1;
  }
  return troubles;
}

int run_audit(const Options& options) {
  const ChosenZone chosen = choose_zone(options.zone);
  audit::Period period;
  if (!options.since.empty()) period.since = moment_of(options.since, "--since", chosen.zone);
  if (!options.until.empty()) period.until = moment_of(options.until, "--until", chosen.zone);
  if (period.since && period.until && *period.since >= *period.until)
    throw CLI::ValidationError("--until", "must be later than --since: " + options.since + " to " + options.until + " holds no time");
  std::vector<std::string> addresses, files;
  for (const std::string& source : options.sources) (is_live(source) ? addresses : files).push_back(source);
  std::vector<AuditSource> sources;
  if (!files.empty()) sources = find_audit_sources(files, chosen.zone, now());
  if (sources.empty() && addresses.empty()) {
    std::fprintf(stderr, "bellwether: there is no file in %s\n", options.sources.front().c_str());
    return exit_invalid;
  }
  audit::Tally tally{chosen.zone, period};
  bool whole = true;
  std::size_t done = 0;
  const bool tells = ::isatty(STDERR_FILENO) != 0 && sources.size() > 1;
  for (AuditSource& source : sources) {
    if (tells) std::fprintf(stderr, "\r\x1b[Kreading %zu of %zu: %s", ++done, sources.size(), source.name.c_str());
    whole = read_into(tally, source, chosen.zone) && whole;
  }
  if (tells) std::fprintf(stderr, "\r\x1b[K");
  const std::size_t unreachable = read_live_into(tally, addresses, options, chosen.zone, period);
  whole = whole && unreachable == 0;
  audit::Report report = tally.report(options.models);
  report.zone_from = chosen.from;
  report.forecast = audit::make_forecast(report);
  for (const AuditSource& source : sources)
    for (const audit::SourceRow& row : report.sources)
      if (row.name == source.name && source.is_named && row.recognised() == 0 && row.same_as.empty() && row.repeated == 0) whole = false;

  if (!options.models.empty() && report.models.empty() && !report.is_empty()) return say_no_such_model(options.models, tally.models());

  const bool page_is_well = options.html.empty() || report.is_empty() || write_audit_page(options.html, to_json(report, chosen.zone), options.language);
  if (options.json) fmt::print("{}\n", to_json(report, chosen.zone));
  else if (options.csv) fmt::print("{}", to_csv(report, chosen.zone));
  else if (!report.is_empty()) fmt::print("{}", to_text(report, chosen.zone));
  if (report.is_empty() && unreachable == options.sources.size()) {
    for (const audit::SourceRow& row : report.sources) std::fprintf(stderr, "bellwether: %s: %s\n", row.name.c_str(), row.trouble.c_str());
    return exit_upstream_unreachable;
  }
  if (report.is_empty() && tally.outside()) {
    const auto& [first, last] = *tally.outside();
    std::fprintf(stderr, "bellwether: all that was read lies outside of --since and --until: it reaches from %s to %s\n",
                 to_rfc3339(WallTime{first.time_since_epoch()}).c_str(), to_rfc3339(WallTime{last.time_since_epoch()}).c_str());
    return exit_invalid;
  }
  if (report.is_empty()) {
    say_empty(report);
    return exit_invalid;
  }
  if (!page_is_well) return exit_failed;
  if (whole) return exit_ok;
  for (const audit::SourceRow& row : report.sources) {
    if (!row.trouble.empty()) std::fprintf(stderr, "bellwether: %s: %s\n", row.name.c_str(), row.trouble.c_str());
    else if (row.recognised() == 0 && row.same_as.empty())
      std::fprintf(stderr, "bellwether: %s: nothing was recognised; it looks like %s\n", row.name.c_str(), row.looks_like.c_str());
  }
  return exit_partly_done;
}

}  // namespace

void add_audit(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("audit", "What a vLLM really served, from its logs, metrics and whatever else recorded it");
  verb->add_option("SOURCE", options->sources,
                   "Files, folders, - for standard input: of any format, mixed, plain, gzip or zstd; addresses of a vLLM's /metrics "
                   "or of a Prometheus server")
      ->required();
  verb->add_option("--tz", options->zone, "Zone of days and months, and of stamps without one; this machine's if not given")->type_name("ZONE");
  verb->add_option("--since", options->since, "Count from here on")->type_name("TIME");
  verb->add_option("--until", options->until, "Count up to here, this moment not included")->type_name("TIME");
  verb->add_option("--model", options->models, "Only this model (repeatable)")->allow_extra_args(false)->type_name("NAME");
  verb->add_option("--for", options->sample_for, "An address of /metrics: how long it is sampled; Ctrl-C ends it early")
      ->type_name("TIME")
      ->capture_default_str();
  verb->add_option("--every", options->every, "An address of /metrics: how often")->type_name("TIME")->capture_default_str();
  verb->add_option("--token-file", options->token_file, "For addresses: a file whose first line is sent as a bearer token")->type_name("FILE");
  CLI::Option* json = verb->add_flag("--json", options->json, "Say everything as JSON (bellwether.audit/1)");
  CLI::Option* csv = verb->add_flag("--csv", options->csv, "Say totals, models, months, days and hours as CSV");
  json->excludes(csv);
  verb->add_option("--html", options->html, "Write one self-contained page as well: tokens per day, hours of the week, models, what it rests on")
      ->type_name("FILE");
  verb->add_option("--lang", options->language, "Of the page: en or ko; otherwise as LC_ALL or LANG say")
      ->check(CLI::IsMember({"en", "ko"}))
      ->type_name("LANGUAGE");
  verb->footer(
      "Several sources of the same traffic (a log and the metrics of one engine) are weighed, not added; engines, replicas and rotated files are\n"
      "added, copies and overlaps counted once. Every number comes with its bounds and what it rests on. docs/audit.md has the rules.\n"
      "A Prometheus server is asked for the last 30 days, or from --since to --until, as raw samples.\n"
      "The exit code is 0, 3 if nothing was recognised, 5 if no address answered, 6 if a part could not be read or recognised.\n\n"
      "Examples:\n  bellwether audit /var/log/vllm/ --tz Asia/Seoul\n  bellwether audit vllm.log.2.gz vllm.log.1 vllm.log metrics.prom --json\n"
      "  kubectl logs --timestamps deploy/vllm | bellwether audit - --since 2026-11-01\n  bellwether audit logs/ --csv --model deepseek-v3 > usage.csv\n"
      "  bellwether audit /var/log/vllm/ --html audit.html --lang ko --json > audit.json  (then: bellwether roi --audit audit.json ...)\n"
      "  bellwether audit http://gpu-1:8000/metrics http://gpu-2:8000/metrics --for 10m\n"
      "  bellwether audit http://gpu-1:8000/metrics --for 1h --every 30s\n"
      "  bellwether audit https://prometheus:9090 --token-file token.txt --since 2026-09-01 --until 2026-12-01 --json");
  verb->callback([options, &chosen] { chosen = [options] { return run_audit(*options); }; });
}

}  // namespace bellwether::cli
