// What `bellwether doctor` measures on this machine. Nothing here changes anything that lasts.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "doctor/judge.h"

namespace bellwether::cli {

/// Whether `serve` could listen there. `server_runs`: one with this config's data folder does.
enum class Server : std::uint8_t { runs, does_not };
[[nodiscard]] doctor::PortFacts look_at_port(std::string purpose, const config::ListenAddress& address, Server server);

[[nodiscard]] doctor::OpenFileFacts look_at_open_files(const config::Config& config);

[[nodiscard]] doctor::CertificateFacts look_at_certificate(const config::TlsFiles& files);

/// Writes a few nameless files of 512 bytes and syncs each, for at most two seconds.
[[nodiscard]] doctor::DataFolderFacts look_at_data_folder(const std::string& path);

[[nodiscard]] doctor::Check look_at_time_zones();
[[nodiscard]] doctor::Check look_at_service_manager();

}  // namespace bellwether::cli
