// A config file as `bellwether drill` runs it: everything as the user wrote it, but for what touches the world outside.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "config/config.h"

namespace bellwether::config {

struct Rehearsal {
  std::string data;                    ///< The data folder to use instead.
  std::vector<std::string> base_urls;  ///< Of the stand-ins, in the order of Config::upstreams.
  Duration wait_max;                   ///< `first_token` and `idle` of no upstream are longer.
};

/// The file's text with other addresses: upstreams at the stand-ins and without keys, callers and admin on free ports of this machine,
/// no TLS, no access log. `config` is what `read_config` made of the same text. Routes, retries, breakers, limits stay as they are.
[[nodiscard]] std::string rehearsal_of(std::string_view toml, const Config& config, const Rehearsal& rehearsal);

}  // namespace bellwether::config
