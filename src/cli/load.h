// The configuration that a command works with: flags over environment over file over defaults.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/read.h"

namespace bellwether::cli {

/// What the command line said; empty is "not said". The environment (BELLWETHER_CONFIG, _UPSTREAM, _LISTEN, _ADMIN_LISTEN, _DATA)
/// fills what it left open.
struct Given {
  std::string config, data, listen, admin_listen;
  std::vector<std::string> upstreams;
};

/// Whether secrets are looked up, or stand-ins will do: `key` needs no upstream's key to be set in its shell.
enum class Secrets : std::uint8_t { wanted, unneeded };
/// Whether it must be possible to serve with it.
enum class Purpose : std::uint8_t { serve, data_only };

/// All problems, or the configuration. Reads the file; opens no socket.
[[nodiscard]] std::expected<config::Config, std::vector<config::Problem>> load(Given given, Secrets secrets, Purpose purpose);

/// One for each core, where the configuration does not say how many.
[[nodiscard]] std::size_t lanes_of(const config::Config& config);

/// Says the problems on standard error, a line each.
void complain(const std::vector<config::Problem>& problems);

}  // namespace bellwether::cli
