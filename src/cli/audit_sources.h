// The sources of an audit: found, looked at, grouped and put in order, then read by large blocks. Files, folders and standard input; addresses
// are read by audit_url.h.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/format.h"
#include "audit/zone.h"

namespace bellwether::cli {

/// One source, as far as its first bytes tell.
struct AuditSource {
  std::string name;      ///< As the user knows it; `-` is standard input.
  bool is_named = true;  ///< By the user, not found in a folder.
  std::string begin;     ///< The first bytes, unpacked.
  const audit::Format* format = nullptr;
  std::string trouble;  ///< Why it cannot be read.
  std::string same_as;  ///< Another source with the same bytes.
  std::optional<audit::Instant> written;
  std::optional<audit::Instant> first;  ///< The first time that it tells,
  std::optional<audit::Instant> last;   ///< and the last. None where it is packed: to know it costs as much as reading it.
  std::optional<double> process_start;  ///< Of a page of metrics.
  std::uint64_t size = 0;
  std::uint64_t begin_hash = 0;  ///< Of as many first bytes as `detect` sees.
  std::uint64_t head_hash = 0;   ///< Of the first 4 KiB; 0 where there are fewer.
  std::uint32_t group = 0;
};

/// The files that the arguments name, folders walked (eight deep, hidden ones left out), each looked at; in order of the times they tell.
/// Standard input is looked at when it is read.
[[nodiscard]] std::vector<AuditSource> find_audit_sources(const std::vector<std::string>& arguments, const audit::Zone& zone, audit::Instant now);

/// Reads a source by blocks, unpacked, to its end. `take` gets the bytes. Returns why it did not come to its end; empty if it did.
/// `bytes_read` counts what came from the disk.
[[nodiscard]] std::string read_audit_source(const std::string& name, std::uint64_t& bytes_read, const std::function<void(std::string_view)>& take);

/// The zone for stamps that have none, and where it was found: `--tz`, else TZ, else /etc/localtime. Throws std::runtime_error with one clear
/// line for a zone that there is not.
struct ChosenZone {
  audit::Zone zone;
  std::string from;
};
[[nodiscard]] ChosenZone choose_zone(const std::string& wanted);

}  // namespace bellwether::cli
