// From what was measured on a machine to what is said about it. Pure: each function takes facts and gives checks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "doctor/check.h"

namespace bellwether::doctor {

/// A port or socket that `serve` would listen at.
struct PortFacts {
  std::string purpose;  ///< "port of callers", "admin port".
  std::string address;
  bool free = false;
  bool ours = false;    ///< A Bellwether answers there.
  std::string trouble;  ///< Why it is not free: of the system.
  std::string denied;   ///< The same, where we are not allowed to listen there at all.
};
[[nodiscard]] Check judge_port(const PortFacts& facts);

struct OpenFileFacts {
  std::uint64_t allowed = 0;  ///< The hard limit, to which `serve` raises the soft one. Of this process: a service has that of its unit.
  std::uint64_t wanted = 0;   ///< Descriptors that the config can come to use.
  std::uint64_t least = 0;    ///< Below this it serves next to nobody.
};
[[nodiscard]] Check judge_open_files(const OpenFileFacts& facts);

/// A certificate of ours or an upstream's.
struct CertificateFacts {
  std::string file;
  std::string trouble;  ///< Why it cannot be used; empty: it can.
  std::string subject;
  WallTime not_before{}, not_after{};
  std::size_t chain = 0;   ///< Certificates in the file.
  bool chain_fits = true;  ///< Each one's issuer is the next one's subject.
  bool self_signed = false;
};
[[nodiscard]] Check judge_certificate(const CertificateFacts& facts, WallTime now);

struct DataFolderFacts {
  std::string path;
  bool exists = false;
  std::string trouble;          ///< It cannot be read or written.
  bool parent_writable = true;  ///< Where it does not exist.
  std::uint32_t mode = 0;
  bool own = true;      ///< It belongs to the user who asks.
  bool locked = false;  ///< A running process has its lock.
  std::uint64_t free_bytes = 0, total_bytes = 0;
  std::optional<Duration> sync_middle, sync_worst;  ///< Of small writes, each with fsync.
};
[[nodiscard]] std::vector<Check> judge_data_folder(const DataFolderFacts& facts);

/// What came of one request for an upstream's list of models.
struct UpstreamFacts {
  enum class Stage : std::uint8_t { name, connect, tls, reply, done } stage = Stage::name;  ///< How far it got.
  std::string name, address;
  std::string trouble;  ///< Why no further.
  int status = 0;
  bool has_key = false;
  bool key_untried = false;             ///< The config has one, and it could not be resolved.
  bool listed = false;                  ///< The body is a list of models.
  std::vector<std::string> models;      ///< In it.
  std::vector<std::string> wanted;      ///< What routes call them.
  std::optional<Duration> clock_ahead;  ///< Its clock less ours, known to a second and the time of the request.
  Duration took{};
};
[[nodiscard]] std::vector<Check> judge_upstream(const UpstreamFacts& facts);

/// All upstreams' clocks: one that differs is its own, all that differ are ours.
[[nodiscard]] Check judge_clock(const std::vector<UpstreamFacts>& upstreams);

}  // namespace bellwether::doctor
