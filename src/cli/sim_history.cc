#include "cli/sim_history.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "cli/cli.h"
#include "simulator/history.h"

namespace bellwether::cli {
namespace {

namespace fs = std::filesystem;
using simulator::History;
using simulator::Served;

/// The beginning of a local day, so many days from it. Days of 23 and 25 hours are what mktime knows of them.
WallTime midnight(std::tm day, int days) {
  std::tm at{};
  at.tm_year = day.tm_year, at.tm_mon = day.tm_mon, at.tm_mday = day.tm_mday + days, at.tm_isdst = -1;
  return std::chrono::system_clock::from_time_t(std::mktime(&at));
}

std::tm day_of(const std::string& text) {
  if (text.empty()) return simulator::local_time(std::chrono::system_clock::now());
  std::tm day{};
  const char* end = ::strptime(text.c_str(), "%Y-%m-%d", &day);
  if (end == nullptr || *end != '\0' || simulator::local_time(midnight(day, 0)).tm_mday != day.tm_mday)
    throw CLI::ValidationError("--until", "takes a day such as 2026-11-25, not " + text);
  return day;
}

std::string name_of(const std::tm& day, const char* format) { return fmt::format(fmt::runtime(format), day.tm_year + 1900, day.tm_mon + 1, day.tm_mday); }

/// Whole, or an exception; last changed at `changed`, as a log is that was written then.
void write_file(const fs::path& path, const std::string& text, WallTime changed) {
  std::ofstream file{path, std::ios::binary};
  file << text;
  file.close();
  const std::timespec at{static_cast<std::time_t>(unix_seconds(changed)), 0};
  const std::timespec both[] = {at, at};
  if (!file || ::utimensat(AT_FDCWD, path.c_str(), both, 0) != 0) throw std::runtime_error(path.string() + ": cannot write this file");
}

nlohmann::ordered_json counts(const Served& now, const Served& before) {
  return {{"requests", now.requests - before.requests},
          {"failed_requests", now.failed - before.failed},
          {"aborted_requests", now.aborted - before.aborted},
          {"input_tokens", now.input_tokens - before.input_tokens},
          {"cached_input_tokens", now.cached_input_tokens - before.cached_input_tokens},
          {"output_tokens", now.output_tokens - before.output_tokens}};
}

}  // namespace

int write_history(const HistoryOptions& options, const simulator::Options& simulator) {
  const std::tm last = day_of(options.until);
  const fs::path folder = options.folder;
  std::error_code error;
  fs::create_directories(folder, error);
  if (error || !fs::is_empty(folder, error) || error) throw std::runtime_error(options.folder + " must be a folder that is empty, or not there yet");

  const int days = static_cast<int>(options.days);
  const std::string model = simulator.models.empty() ? simulator::usual_models(simulator::Flavor::vllm).front() : simulator.models.front();
  History history{midnight(last, -days), model, simulator.seed};
  std::string pages = history.page();
  nlohmann::ordered_json by_day = nlohmann::ordered_json::array();
  for (int i = days; i > 0; --i) {
    const WallTime end = midnight(last, 1 - i);
    const std::string day = name_of(simulator::local_time(midnight(last, -i)), "{:04}-{:02}-{:02}");
    const Served before = history.served();
    std::string log;
    while (history.now() < end) {
      // The last minutes of a day only finish what they have: what a day's log holds is that day's.
      history.step(log, end - history.now() > std::chrono::minutes(2));
      if (unix_seconds(history.now()) % 3600 == 0) pages += history.page();
    }
    if (!history.idle()) throw std::logic_error("sim --history: a day ends with answers that go on");
    nlohmann::ordered_json row{{"day", day}};
    row.update(counts(history.served(), before));
    by_day.push_back(std::move(row));
    write_file(folder / (i == 1 ? "vllm.log" : "vllm.log-" + name_of(simulator::local_time(end), "{:04}{:02}{:02}")), log, end);
  }
  write_file(folder / "metrics.prom", pages, history.now());
  nlohmann::ordered_json served{{"schema", "bellwether.served/1"}, {"model", model}};
  served.update(counts(history.served(), {}));
  served["by_day"] = std::move(by_day);
  std::printf("%s\n", served.dump(2).c_str());
  std::fprintf(stderr, "bellwether sim: %d days of a vLLM's log and metrics are in %s\n", days, options.folder.c_str());
  return exit_ok;
}

}  // namespace bellwether::cli
