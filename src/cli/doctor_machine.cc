#include "cli/doctor_machine.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <memory>

#include "cli/load.h"
#include "net/socket.h"
#include "net/tls.h"

namespace bellwether::cli {
namespace {

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

/// The nearest folder above that exists can take a new one.
bool can_be_made(std::string path) {
  for (;;) {
    const std::string parent = folder_of(path);
    struct stat found{};
    if (::stat(parent.c_str(), &found) == 0) return S_ISDIR(found.st_mode) && ::access(parent.c_str(), W_OK | X_OK) == 0;
    if (errno != ENOENT || parent == path) return false;
    path = parent;
  }
}

doctor::PortFacts look_at_socket_file(doctor::PortFacts facts, const config::ListenAddress& address, Server server) {
  facts.address = "unix:" + address.path;
  struct stat found{};
  if (::stat(address.path.c_str(), &found) != 0) {
    facts.free = errno == ENOENT && can_be_made(address.path);
    if (!facts.free) facts.denied = errno == ENOENT ? "its folder cannot be written to" : std::strerror(errno);
    return facts;
  }
  const auto place = net::address_of_path(address.path);
  const net::Socket socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  const bool answered = S_ISSOCK(found.st_mode) && place && ::connect(socket.fd(), place->data(), place->size) == 0;
  facts.free = S_ISSOCK(found.st_mode) && !answered && errno == ECONNREFUSED;  // Left over: `serve` removes it.
  facts.ours = answered && server == Server::runs;
  facts.trouble = answered ? "another process listens there" : S_ISSOCK(found.st_mode) ? std::strerror(errno) : "there is a file that is no socket";
  return facts;
}

/// /proc/locks tells who holds a flock without taking one: a server that starts meanwhile is not in anyone's way.
bool is_locked(const std::string& path) {
  struct stat file{};
  if (::stat(path.c_str(), &file) != 0) return false;
  const std::string place = fmt::format(" {:02x}:{:02x}:{} ", major(file.st_dev), minor(file.st_dev), file.st_ino);
  std::ifstream locks{"/proc/locks"};
  for (std::string line; std::getline(locks, line);)
    if (line.find("FLOCK") != std::string::npos && line.find("->") == std::string::npos && line.find(place) != std::string::npos) return true;
  return false;
}

void measure_sync(doctor::DataFolderFacts& facts) {
  constexpr int writes = 16;
  constexpr Duration patience = std::chrono::seconds(2);
  // Without a name: nothing is left behind, whatever happens.
  const net::Socket file{::open(facts.path.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600)};
  if (!file.is_open()) return;
  const std::string block(512, 'x');
  std::vector<Duration> took;
  const TimePoint begin = std::chrono::steady_clock::now();
  for (int i = 0; i < writes && std::chrono::steady_clock::now() - begin < patience; ++i) {
    const TimePoint before = std::chrono::steady_clock::now();
    if (::write(file.fd(), block.data(), block.size()) < 0 || ::fsync(file.fd()) != 0) return;
    took.push_back(std::chrono::steady_clock::now() - before);
  }
  std::ranges::sort(took);
  facts.sync_middle = took[took.size() / 2];
  facts.sync_worst = took.back();
}

WallTime time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  return WallTime(std::chrono::seconds(::timegm(&parts)));
}

}  // namespace

doctor::PortFacts look_at_port(std::string purpose, const config::ListenAddress& address, Server server) {
  doctor::PortFacts facts{.purpose = std::move(purpose)};
  if (address.kind == config::ListenAddress::Kind::unix_socket) return look_at_socket_file(std::move(facts), address, server);
  const bool v6 = address.host.find(':') != std::string::npos;
  facts.address = v6 ? fmt::format("[{}]:{}", address.host, address.port) : fmt::format("{}:{}", address.host, address.port);
  const auto place = net::address_of(address.host, address.port);
  const net::Socket socket{place ? ::socket(place->family(), SOCK_STREAM | SOCK_CLOEXEC, 0) : -1};
  const int on = 1;
  ::setsockopt(socket.fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);  // Connections that are over are nobody's port.
  facts.free = place && ::bind(socket.fd(), place->data(), place->size) == 0;
  if (facts.free) return facts;
  const int error = errno;
  if (error == EACCES) facts.denied = "this user may not listen there";
  else if (error == EADDRNOTAVAIL) facts.denied = "this machine has no such address";
  else facts.trouble = error == EADDRINUSE ? "another process listens there" : std::strerror(error);
  facts.ours = error == EADDRINUSE && server == Server::runs;
  return facts;
}

doctor::OpenFileFacts look_at_open_files(const config::Config& config) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const std::uint64_t lanes = lanes_of(config);
  // Beside connections: logs, locks, the admin port's (256) and each lane's own.
  constexpr std::uint64_t process = 512, lane = 16, least = 512;
  std::uint64_t upstreams = 0;
  for (const catalog::Upstream& upstream : config.upstreams) upstreams += upstream.connections_max;
  // A request holds one connection at each side: of the upstreams' there are never more than callers', but for what lies unused.
  std::uint64_t idle = 0;
  for (const catalog::Upstream& upstream : config.upstreams) idle += upstream.idle_max;
  const std::uint64_t busy = std::min<std::uint64_t>(upstreams * lanes, config.limits.connections_max + idle * lanes);
  return {.allowed = limit.rlim_max, .wanted = process + lane * lanes + config.limits.connections_max + busy, .least = least};
}

doctor::CertificateFacts look_at_certificate(const config::TlsFiles& files) {
  doctor::CertificateFacts facts{.file = files.certificate};
  if (const auto context = net::make_server_tls(files.certificate, files.private_key); !context) {
    facts.trouble = context.error().detail.text.str();
    return facts;
  }
  const std::unique_ptr<BIO, decltype(&BIO_free)> file{BIO_new_file(files.certificate.c_str(), "r"), BIO_free};
  std::vector<std::unique_ptr<X509, decltype(&X509_free)>> chain;
  constexpr std::size_t chain_max = 32;
  while (file && chain.size() < chain_max) {
    X509* const next = PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr);
    if (next == nullptr) break;
    chain.emplace_back(next, X509_free);
  }
  if (chain.empty()) {
    facts.trouble = "there is no certificate in " + files.certificate;
    return facts;
  }
  char subject[256] = "";
  X509_NAME_oneline(X509_get_subject_name(chain.front().get()), subject, sizeof subject);
  facts.subject = subject;
  facts.chain = chain.size();
  facts.not_before = time_of(X509_get0_notBefore(chain.front().get()));
  facts.not_after = time_of(X509_get0_notAfter(chain.front().get()));
  facts.self_signed = X509_NAME_cmp(X509_get_subject_name(chain.front().get()), X509_get_issuer_name(chain.front().get())) == 0;
  for (std::size_t i = 0; i + 1 < chain.size(); ++i)
    facts.chain_fits = facts.chain_fits && X509_NAME_cmp(X509_get_issuer_name(chain[i].get()), X509_get_subject_name(chain[i + 1].get())) == 0;
  return facts;
}

doctor::DataFolderFacts look_at_data_folder(const std::string& path) {
  doctor::DataFolderFacts facts{.path = path};
  struct stat found{};
  if (::stat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) {
      facts.parent_writable = can_be_made(path);
      return facts;
    }
    facts.exists = true;
    facts.trouble = std::strerror(errno);
    return facts;
  }
  facts.exists = true;
  facts.mode = found.st_mode;
  facts.own = found.st_uid == ::geteuid();
  if (!S_ISDIR(found.st_mode)) facts.trouble = "it is no folder";
  else if (::access(path.c_str(), R_OK | W_OK | X_OK) != 0) facts.trouble = fmt::format("this user may not write there ({})", std::strerror(errno));
  if (!facts.trouble.empty()) return facts;
  facts.locked = is_locked(path + "/lock");
  struct statvfs space{};
  if (::statvfs(path.c_str(), &space) == 0) {
    facts.free_bytes = std::uint64_t{space.f_bavail} * space.f_frsize;
    facts.total_bytes = std::uint64_t{space.f_blocks} * space.f_frsize;
  }
  measure_sync(facts);
  return facts;
}

doctor::Check look_at_time_zones() {
  const char* const folder = std::getenv("TZDIR");
  const std::string place = folder != nullptr ? folder : "/usr/share/zoneinfo";
  if (::access((place + "/Asia/Seoul").c_str(), R_OK) == 0) return doctor::ok("time zones", "their data is at " + place);
  return doctor::warning("time zones", "there is no time-zone data at " + place, "install tzdata: reports by day and month know UTC only without it");
}

doctor::Check look_at_service_manager() {
  const char* const socket = std::getenv("NOTIFY_SOCKET");
  if (socket != nullptr) {
    if (*socket == '@' || ::access(socket, W_OK) == 0) return doctor::ok("service manager", "systemd's notify socket can be written to");
    return doctor::failed("service manager", fmt::format("systemd's notify socket {}: {}", socket, std::strerror(errno)),
                          "NotifyAccess=main and Type=notify in the unit, and no sandbox that hides /run/systemd");
  }
  if (std::getenv("INVOCATION_ID") != nullptr)
    return doctor::warning("service manager", "started by systemd, without a notify socket",
                           "Type=notify in the unit: then it is up when it answers, not when it was started");
  return doctor::ok("service manager", "not started by systemd");
}

}  // namespace bellwether::cli
