#include "cli/audit_sources.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <stdexcept>
#include <utility>

#include "audit/inflate.h"
#include "audit/rotation.h"

namespace bellwether::cli {
namespace {

namespace fs = std::filesystem;
using audit::Instant;

constexpr std::size_t block = 256 * 1024;  // Large enough that reading costs nothing beside parsing, small enough for the cache.
constexpr int folders_deep = 8;
constexpr std::size_t files_max = 20'000;
constexpr std::size_t begin_kept = 512;   // Of each source, for messages: thousands of files are looked at before the first is read.
constexpr std::size_t head_alike = 4096;  // Two logs that begin alike for as long, stamps and all, are one.

class Descriptor {
 public:
  explicit Descriptor(const std::string& name) : fd_{name == "-" ? STDIN_FILENO : ::open(name.c_str(), O_RDONLY | O_CLOEXEC)}, owned_{name != "-"} {}
  ~Descriptor() {
    if (owned_ && fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
  bool owned_;
};

ssize_t read_some(int fd, char* into, std::size_t size) {
  for (;;) {
    const ssize_t count = ::read(fd, into, size);
    if (count >= 0 || errno != EINTR) return count;
  }
}

/// Keeps the first and the last time and the process's start; nothing else of what a reader finds in the first bytes.
class Glance final : public audit::Sink {
 public:
  std::optional<Instant> first, last;
  std::optional<double> process_start;

  void seen(const audit::RequestSeen& request) override { note(request.end); }
  void seen(const audit::RatesSeen& rates) override { note(rates.at); }
  void seen(const audit::CounterSeen& sample) override { note(sample.at); }
  void seen(const audit::GaugeSeen& sample) override {
    if (sample.gauge == audit::Gauge::process_start_seconds && !process_start) process_start = sample.value;
    note(sample.at);
  }
  void seen(const audit::BucketSeen& sample) override { note(sample.at); }
  void seen(const audit::TotalSeen& total) override { note(total.begin); }
  void seen(const audit::BannerSeen& banner) override { note(banner.at); }
  void skipped(const audit::Place&, audit::Skip) override {}

 private:
  void note(std::optional<Instant> at) {
    if (at && !first) first = at;
    if (at) last = at;
  }
};

/// The first bytes of a source, unpacked.
std::string first_bytes(int fd, std::string& trouble, audit::Packing& packing) {
  std::string packed(audit::detect_bytes, '\0');
  std::size_t size = 0;
  while (size < packed.size()) {
    const ssize_t count = read_some(fd, packed.data() + size, packed.size() - size);
    if (count < 0) trouble = std::strerror(errno);
    if (count <= 0) break;
    size += static_cast<std::size_t>(count);
  }
  packed.resize(size);
  packing = audit::packing_of(packed);
  if (packing == audit::Packing::none) return packed;
  std::string out;
  const auto unpacker = audit::make_unpacker(packing);
  constexpr std::size_t step = 4096;
  for (std::size_t at = 0; at < packed.size() && out.size() < audit::detect_bytes; at += step)
    unpacker->feed(std::string_view(packed).substr(at, step),
                   [&](std::string_view bytes) { out.append(bytes.substr(0, audit::detect_bytes - std::min(out.size(), audit::detect_bytes))); });
  if (out.empty()) return packed;
  return out;
}

/// The last bytes of a file, as many as `detect` sees of the first, from a line's begin on.
std::string last_bytes(int fd, std::uint64_t size) {
  std::string out(std::min<std::size_t>(size, audit::detect_bytes), '\0');
  const ssize_t count = ::pread(fd, out.data(), out.size(), static_cast<off_t>(size - out.size()));
  out.resize(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  if (out.size() == size) return out;
  const std::size_t line = out.find('\n');
  return line == std::string::npos ? std::string{} : out.substr(line + 1);
}

Glance glance_at(const AuditSource& source, std::string_view bytes, const audit::Zone& zone) {
  Glance glance;
  const auto reader = source.format->make({.source = 0, .zone = &zone, .written = source.written}, glance);
  reader->read(bytes);
  // What is cut in the middle tells no time by its end.
  if (bytes.size() < audit::detect_bytes) reader->finish();
  return glance;
}

/// Stamps without a year are read from the first on, whose year follows from when the file was written: wrong by one where New Year lies
/// between, which shows in its last.
std::optional<Instant> better_written(const AuditSource& source) {
  if (source.format->name != "vllm-log" || !source.first || !source.last || !source.written) return std::nullopt;
  if (*source.first > *source.last) return source.last;
  if (*source.last > *source.written + std::chrono::hours{24}) return *source.last - std::chrono::days{365};
  return std::nullopt;
}

void look_at(AuditSource& source, const audit::Zone& zone) {
  const Descriptor file{source.name};
  struct stat status{};
  if (file.get() < 0 || ::fstat(file.get(), &status) != 0) {
    source.trouble = std::strerror(errno);
    return;
  }
  source.size = static_cast<std::uint64_t>(status.st_size);
  source.written = Instant{std::chrono::seconds{status.st_mtim.tv_sec}};
  audit::Packing packing{};
  const std::string begin = first_bytes(file.get(), source.trouble, packing);
  source.begin = begin.substr(0, begin_kept);
  source.begin_hash = std::hash<std::string>{}(begin);
  if (begin.size() >= head_alike) source.head_hash = std::hash<std::string_view>{}(std::string_view(begin).substr(0, head_alike)) | 1;
  source.format = audit::detect(begin);
  if (source.format == nullptr) return;
  const Glance glance = glance_at(source, begin, zone);
  source.first = glance.first;
  source.process_start = glance.process_start;
  if (packing != audit::Packing::none) return;
  source.last = source.size <= audit::detect_bytes ? glance.last : glance_at(source, last_bytes(file.get(), source.size), zone).last;
  if (const auto written = better_written(source)) {
    source.written = written;
    source.first = glance_at(source, begin, zone).first;
  }
}

void walk(const fs::path& folder, int depth, std::vector<AuditSource>& found) {
  if (depth > folders_deep) return;
  std::error_code error;
  std::vector<fs::path> entries;
  for (fs::directory_iterator it{folder, error}, end; !error && it != end; it.increment(error)) entries.push_back(it->path());
  std::ranges::sort(entries);
  for (const fs::path& path : entries) {
    if (path.filename().string().starts_with('.') || found.size() >= files_max) continue;
    if (fs::is_directory(path, error) && !fs::is_symlink(path, error)) walk(path, depth + 1, found);
    else if (fs::is_regular_file(path, error)) found.push_back({.name = path.string(), .is_named = false});
  }
}

bool is_same_content(const std::string& a, const std::string& b) {
  const Descriptor left{a}, right{b};
  if (left.get() < 0 || right.get() < 0) return false;
  std::string x(block, '\0'), y(block, '\0');
  for (;;) {
    const ssize_t n = read_some(left.get(), x.data(), block);
    if (n < 0) return false;
    ssize_t m = 0;
    while (m < n) {
      const ssize_t more = read_some(right.get(), y.data() + m, static_cast<std::size_t>(n - m));
      if (more <= 0) return false;
      m += more;
    }
    if (n == 0) return read_some(right.get(), y.data(), 1) == 0;
    if (std::memcmp(x.data(), y.data(), static_cast<std::size_t>(n)) != 0) return false;
  }
}

void find_copies(std::vector<AuditSource>& sources) {
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::vector<std::size_t>> alike;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    AuditSource& source = sources[i];
    if (source.size == 0 || source.begin.empty() || !source.trouble.empty()) continue;
    auto& others = alike[{source.size, source.begin_hash}];
    for (const std::size_t other : others)
      if (is_same_content(sources[other].name, source.name)) {
        source.same_as = sources[other].name;
        break;
      }
    if (source.same_as.empty()) others.push_back(i);
  }
}

/// Pages of metrics that may be of one engine, taken one after the other.
struct Pages {
  std::uint32_t group = 0;
  std::optional<double> start;
  std::optional<Instant> last;

  /// Not if its process cannot be the same nor its successor.
  [[nodiscard]] bool may_go_on_with(const AuditSource& page) const {
    if (!page.process_start || !start || std::abs(*page.process_start - *start) < 2) return true;
    return last && *page.process_start * 1000 > static_cast<double>(last->time_since_epoch().count());
  }
};

/// Files of one name but for what rotation adds.
struct Rotated {
  std::uint32_t group = 0;
  std::string stem;
  const AuditSource* newest = nullptr;

  /// Whether a file goes on where these end, or repeats their last lines before it does (copytruncate, a late copy). Replicas, which tell of
  /// the same time in lines of their own, may be named alike.
  [[nodiscard]] bool may_go_on_with(const AuditSource& file) const {
    if (!newest->last || !file.first || *file.first >= *newest->last) return true;
    const std::string_view line = std::string_view(file.begin).substr(0, file.begin.find('\n'));
    const Descriptor before{newest->name};
    return before.get() >= 0 && !line.empty() && last_bytes(before.get(), newest->size).find(line) != std::string::npos;
  }
};

/// Pieces of one process's traces get one group. Sources are in order of time.
void group(std::vector<AuditSource>& sources) {
  std::vector<Pages> pages;
  std::vector<Rotated> rotated;
  std::map<std::uint64_t, std::uint32_t> heads;
  std::uint32_t next = 0;
  for (AuditSource& source : sources) {
    if (source.format != nullptr && source.format->name == "prometheus-text") {
      auto found = std::ranges::find_if(pages, [&](const Pages& before) { return before.may_go_on_with(source); });
      if (found == pages.end()) found = pages.insert(pages.end(), {next++, source.process_start, source.first});
      found->start = source.process_start;
      found->last = source.first;
      source.group = found->group;
      continue;
    }
    if (const auto alike = heads.find(source.head_hash); source.head_hash != 0 && alike != heads.end()) {
      source.group = alike->second;
      continue;
    }
    const std::string stem = audit::rotation_stem(source.name);
    auto found = std::ranges::find_if(rotated, [&](const Rotated& before) { return before.stem == stem && before.may_go_on_with(source); });
    if (found == rotated.end()) found = rotated.insert(rotated.end(), {next++, stem, &source});
    if (!source.last || !found->newest->last || *source.last > *found->newest->last) found->newest = &source;
    source.group = found->group;
    if (source.head_hash != 0) heads.try_emplace(source.head_hash, source.group);
  }
}

std::optional<std::string> whole_file(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error) || fs::file_size(path, error) > 1024 * 1024) return std::nullopt;
  const Descriptor file{path.string()};
  if (file.get() < 0) return std::nullopt;
  std::string out(1024 * 1024, '\0');
  const ssize_t size = read_some(file.get(), out.data(), out.size());
  if (size < 0) return std::nullopt;
  out.resize(static_cast<std::size_t>(size));
  return out;
}

std::optional<audit::Zone> zone_named(const std::string& name) {
  if (auto zone = audit::Zone::from_offset(name)) return zone;
  // A name of the time zone database; nothing that leads out of it.
  if (name.empty() || name.find("..") != std::string::npos || name.front() == '/') return std::nullopt;
  const auto bytes = whole_file(fs::path{"/usr/share/zoneinfo"} / name);
  return bytes ? audit::Zone::from_tzif(name, *bytes) : std::nullopt;
}

}  // namespace

std::vector<AuditSource> find_audit_sources(const std::vector<std::string>& arguments, const audit::Zone& zone, Instant now) {
  std::vector<AuditSource> sources;
  for (const std::string& argument : arguments) {
    std::error_code error;
    if (argument != "-" && fs::is_directory(argument, error)) walk(argument, 1, sources);
    else sources.push_back({.name = argument});
  }
  for (AuditSource& source : sources) {
    if (source.name == "-") source.written = now;
    else look_at(source, zone);
  }
  find_copies(sources);
  const auto when = [](const AuditSource& source) { return source.first ? *source.first : source.written.value_or(Instant::max()); };
  std::ranges::stable_sort(sources, {}, when);
  group(sources);
  return sources;
}

std::string read_audit_source(const std::string& name, std::uint64_t& bytes_read, const std::function<void(std::string_view)>& take) {
  const Descriptor file{name};
  if (file.get() < 0) return std::strerror(errno);
  if (name != "-") ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  std::string buffer(block, '\0');
  std::unique_ptr<audit::Unpacker> unpacker;
  std::size_t held = 0;
  bool is_first = true;
  for (;;) {
    const ssize_t count = read_some(file.get(), buffer.data() + held, buffer.size() - held);
    if (count < 0) return fmt::format("reading stopped at byte {}: {}", bytes_read, std::strerror(errno));
    bytes_read += static_cast<std::uint64_t>(count);
    held += static_cast<std::size_t>(count);
    if (is_first && count > 0 && held < 8) continue;  // A pipe may give less than a format's mark.
    const std::string_view bytes{buffer.data(), held};
    if (std::exchange(is_first, false))
      if (const auto packing = audit::packing_of(bytes); packing != audit::Packing::none) unpacker = audit::make_unpacker(packing);
    if (unpacker) unpacker->feed(bytes, take);
    else if (!bytes.empty()) take(bytes);
    held = 0;
    if (unpacker && unpacker->fault()) break;
    if (count == 0) break;
  }
  if (!unpacker) return {};
  unpacker->finish();
  return unpacker->fault() ? unpacker->fault()->what : std::string{};
}

ChosenZone choose_zone(const std::string& wanted) {
  if (!wanted.empty()) {
    if (auto zone = zone_named(wanted)) return {std::move(*zone), "--tz"};
    throw CLI::ValidationError("--tz", fmt::format("there is no time zone '{}': it takes a name such as Asia/Seoul, an offset such as +09:00, or UTC", wanted));
  }
  if (const char* variable = std::getenv("TZ"); variable != nullptr && *variable != '\0') {
    std::string name{variable};
    if (name.front() == ':') name.erase(0, 1);
    if (auto zone = zone_named(name)) return {std::move(*zone), "this machine's TZ; --tz chooses another"};
  }
  std::error_code error;
  std::string name = fs::read_symlink("/etc/localtime", error).string();
  if (const auto at = name.find("zoneinfo/"); at != std::string::npos) name.erase(0, at + 9);
  if (const auto bytes = whole_file(fs::canonical("/etc/localtime", error)); bytes)
    if (auto zone = audit::Zone::from_tzif(name.empty() ? "local time" : name, *bytes)) {
      if (name.empty() || name == "Etc/UTC" || name == "UTC")
        if (zone->text(Instant{}) == audit::Zone{}.text(Instant{}).substr(0, 19) + "+00:00") zone = audit::Zone{};
      return {std::move(*zone), "this machine's /etc/localtime; --tz chooses another"};
    }
  return {audit::Zone{}, "this machine names no zone; --tz chooses one"};
}

}  // namespace bellwether::cli
