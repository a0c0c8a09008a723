#include "doctor/judge.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/nearest.h"

namespace bellwether::doctor {
namespace {

std::string date_of(WallTime time) { return to_rfc3339(time).substr(0, 10); }
std::int64_t days_between(WallTime from, WallTime to) { return std::chrono::duration_cast<std::chrono::hours>(to - from).count() / 24; }

std::string size_text(std::uint64_t bytes) {
  constexpr double mib = 1024.0 * 1024;
  return bytes >= (std::uint64_t{1} << 30) ? fmt::format("{:.1f} GiB", static_cast<double>(bytes) / mib / 1024)
                                           : fmt::format("{:.0f} MiB", static_cast<double>(bytes) / mib);
}

std::string time_text(Duration time) {
  return time < std::chrono::milliseconds(10) ? fmt::format("{:.2f} ms", milliseconds_of(time)) : fmt::format("{:.0f} ms", milliseconds_of(time));
}

}  // namespace

Check judge_port(const PortFacts& facts) {
  if (facts.free) return ok(facts.purpose, facts.address + " is free");
  if (facts.ours) return ok(facts.purpose, facts.address + ": a Bellwether answers there");
  if (!facts.denied.empty())
    return failed(facts.purpose, fmt::format("{}: {}", facts.address, facts.denied),
                  "a port below 1024 needs AmbientCapabilities=CAP_NET_BIND_SERVICE in the unit, a socket a folder that may be written to");
  return failed(
      facts.purpose, fmt::format("{}: {}", facts.address, facts.trouble),
      "stop what listens there (ss -ltnp shows it), or choose another address; if it is a bellwether with a data folder of its own, name that by --data");
}

Check judge_open_files(const OpenFileFacts& facts) {
  const std::string found = fmt::format("{} open files are allowed, and this config can come to use {}", facts.allowed, facts.wanted);
  if (facts.allowed >= facts.wanted) return ok("open files", found);
  const std::string remedy = fmt::format(
      "LimitNOFILE={} in the systemd unit; in a shell `ulimit -Hn {}` before `bellwether serve`; or lower connections in [limits] and of the upstreams",
      facts.wanted, facts.wanted);
  return facts.allowed < facts.least ? failed("open files", found, remedy) : warning("open files", found, remedy);
}

Check judge_certificate(const CertificateFacts& facts, WallTime now) {
  if (!facts.trouble.empty())
    return failed("certificate", facts.trouble,
                  "[tls] takes a PEM certificate with its chain and the private key that belongs to it; the user of the service must be allowed to read both");
  const std::string what = fmt::format("{} ({})", facts.file, facts.subject);
  if (now < facts.not_before)
    return failed("certificate", fmt::format("{} is valid from {} only", what, to_rfc3339(facts.not_before)), "look at this machine's clock, or wait");
  if (now >= facts.not_after)
    return failed("certificate", fmt::format("{} expired on {}", what, date_of(facts.not_after)),
                  "renew it, then send SIGHUP: certificates are read again without a restart");
  const std::int64_t left = days_between(now, facts.not_after);
  constexpr std::int64_t days_soon = 21;  // ACME clients renew 30 days before the end: by then something has gone wrong.
  if (left < days_soon)
    return warning("certificate", fmt::format("{} expires in {} day(s), on {}", what, left, date_of(facts.not_after)), "renew it, then send SIGHUP");
  if (!facts.chain_fits)
    return warning("certificate", fmt::format("{}: its chain is not in order", what),
                   "put the certificate first and each issuer behind the one that it signed");
  if (facts.self_signed)
    return warning("certificate", fmt::format("{} is signed by itself and valid until {}", what, date_of(facts.not_after)),
                   "callers have to be told to trust it (SSL_CERT_FILE)");
  return ok("certificate", fmt::format("{}, {} in its chain, matches its key, valid until {}", what, facts.chain, date_of(facts.not_after)));
}

std::vector<Check> judge_data_folder(const DataFolderFacts& facts) {
  const std::string chown = fmt::format("chown it to the user of the service, and chmod 700 {}", facts.path);
  if (!facts.exists) {
    if (!facts.parent_writable)
      return {failed("data folder", fmt::format("{} does not exist and cannot be made", facts.path),
                     "make it, owned by the user of the service, or set data in the config to a folder that can be made")};
    return {ok("data folder", facts.path + " does not exist yet; `serve` makes it")};
  }
  if (!facts.trouble.empty()) return {failed("data folder", fmt::format("{}: {}", facts.path, facts.trouble), chown)};
  std::vector<Check> checks;
  if (!facts.own)
    checks.push_back(warning("data folder", fmt::format("{} belongs to another user", facts.path), "run the doctor as the user of the service, or " + chown));
  else if ((facts.mode & 077) != 0)
    checks.push_back(warning("data folder",
                             fmt::format("{} is open to others (mode {:o}): whoever can open its socket can make keys", facts.path, facts.mode & 07777),
                             fmt::format("chmod 700 {}", facts.path)));
  else checks.push_back(ok("data folder", fmt::format("{}, {}", facts.path, facts.locked ? "in use by a running Bellwether" : "not in use")));

  constexpr std::uint64_t least = std::uint64_t{100} << 20, little = std::uint64_t{1} << 30;
  const std::string space = fmt::format("{} of {} are free at {}", size_text(facts.free_bytes), size_text(facts.total_bytes), facts.path);
  constexpr const char* room = "make room, or move data to another disk";
  if (facts.free_bytes < least) checks.push_back(failed("disk space", space, room));
  else if (facts.free_bytes < little) checks.push_back(warning("disk space", space, room));
  else checks.push_back(ok("disk space", space));

  if (!facts.sync_middle) return checks;
  // A charge is on disk before its answer ends: what one fsync takes is added to every request that waits for it.
  constexpr Duration slow = std::chrono::milliseconds(20);
  const std::string sync =
      fmt::format("a small write is on disk after {} (worst {})", time_text(*facts.sync_middle), time_text(facts.sync_worst.value_or(Duration{})));
  if (*facts.sync_middle > slow) checks.push_back(warning("disk sync", sync, "put data on a local SSD: network disks and spinning disks are this slow"));
  else checks.push_back(ok("disk sync", sync));
  return checks;
}

namespace {

Check judge_models(const std::string& name, const UpstreamFacts& facts) {
  std::vector<std::string> missing;
  const std::vector<std::string_view> known(facts.models.begin(), facts.models.end());
  for (const std::string& wanted : facts.wanted) {
    if (std::ranges::find(facts.models, wanted) != facts.models.end()) continue;
    const auto near = nearest(wanted, known, 1);
    missing.push_back(near.empty() ? wanted : fmt::format("{} (nearest is {})", wanted, near.front()));
  }
  if (!missing.empty())
    return failed(name + " models", fmt::format("it does not list {}", fmt::join(missing, ", ")),
                  "correct model in the routes; `curl BASE_URL/models` shows what it lists", Trouble::upstream);
  if (facts.models.empty()) return warning(name + " models", "its list of models is empty", "load a model there");
  if (facts.wanted.empty()) return ok(name + " models", fmt::format("it lists {}; no route names one", facts.models.size()));
  return ok(name + " models", fmt::format("it lists all {} that routes name", facts.wanted.size()));
}

}  // namespace

std::vector<Check> judge_upstream(const UpstreamFacts& facts) {
  using Stage = UpstreamFacts::Stage;
  const std::string name = "upstream " + facts.name;
  const auto fail = [&](std::string text, std::string remedy) {
    return std::vector{failed(name, fmt::format("{}: {}", facts.address, text), std::move(remedy), Trouble::upstream)};
  };
  const bool late = facts.trouble.starts_with("timed out");
  switch (facts.stage) {
    case Stage::name: return fail(facts.trouble, "look at the host's name in base_url, and at the machine's DNS (getent hosts NAME)");
    case Stage::connect: return fail(facts.trouble, "is it running, at that port, and does a firewall let this machine through?");
    case Stage::tls:
      if (late || facts.trouble.find("wrong version number") != std::string::npos)
        return fail(facts.trouble, "does it speak TLS at that port? base_url with http:// is for a server that does not");
      return fail(facts.trouble,
                  "its certificate must be valid for the host in base_url and signed by a known authority; one of your own is named by SSL_CERT_FILE");
    case Stage::reply:
      if (late) return fail(facts.trouble, "it takes connections and does not answer: it may be overloaded, or stuck; look at its own log");
      return fail(facts.trouble, "something answers there, but not as an HTTP server of this API would: look at scheme, port and path of base_url");
    case Stage::done: break;
  }
  if (facts.key_untried && (facts.status == 401 || facts.status == 403))
    return {ok(name, fmt::format("{} answers; the key could not be tried", facts.address))};
  if (facts.status == 401 || facts.status == 403)
    return fail(
        facts.has_key ? fmt::format("our key is not accepted ({})", facts.status) : fmt::format("it wants a key ({}), and the config has none", facts.status),
        facts.has_key ? "put a valid key into what api_key refers to" : "add api_key = { env = \"…\" } to the upstream");
  if (facts.status == 404) return fail("there is no list of models (404)", "base_url has to end where /models begins, mostly in /v1");
  if (facts.status != 200) return fail(fmt::format("the list of models was answered with {}", facts.status), "look at the upstream's own log");
  if (!facts.listed) return fail("what it answered is no list of models", "look at scheme, port and path of base_url");
  std::vector<Check> checks{ok(name, fmt::format("{} answers in {}{}", facts.address, time_text(facts.took), facts.has_key ? ", our key is accepted" : ""))};
  checks.push_back(judge_models(name, facts));
  return checks;
}

Check judge_clock(const std::vector<UpstreamFacts>& upstreams) {
  // A `Date` has whole seconds, and some time passes on the way.
  constexpr Duration bearable = std::chrono::seconds(5);
  std::vector<std::string> told;
  std::size_t known = 0;
  Duration most{};
  for (const UpstreamFacts& facts : upstreams) {
    if (!facts.clock_ahead) continue;
    ++known;
    const Duration off = *facts.clock_ahead < Duration{} ? -*facts.clock_ahead : *facts.clock_ahead;
    most = std::max(most, off);
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(off).count();
    if (off > bearable) told.push_back(fmt::format("{} is {} s {}", facts.name, seconds, *facts.clock_ahead > Duration{} ? "ahead of us" : "behind us"));
  }
  if (known == 0) return ok("clock", "no upstream said what time it is");
  if (told.empty()) return ok("clock", fmt::format("within {} s of {} upstream(s)", std::chrono::duration_cast<std::chrono::seconds>(most).count(), known));
  const bool ours = told.size() == known && known > 1;
  return warning("clock", fmt::format("{}", fmt::join(told, ", ")),
                 ours ? "this machine's clock is off: turn time synchronisation on (timedatectl set-ntp true)"
                      : "one of both clocks is off: compare with a third, and turn time synchronisation on");
}

}  // namespace bellwether::doctor
