#include "config/rehearsal.h"

#include <algorithm>
#include <sstream>

#include "config/table.h"

namespace bellwether::config {
namespace {

/// The table under this key, made where there is none.
toml::table& table_in(toml::table& parent, std::string_view key) {
  if (toml::table* found = parent[key].as_table()) return *found;
  return *parent.insert_or_assign(key, toml::table{}).first->second.as_table();
}

std::string text_of(Duration duration) { return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count()) + "ms"; }

void move_upstream(toml::table& table, const catalog::Upstream& upstream, const std::string& base_url, Duration wait_max) {
  table.insert_or_assign("base_url", base_url);
  table.erase("api_key");
  toml::table& timeout = table_in(table, "timeout");
  timeout.insert_or_assign("first_token", text_of(std::min(upstream.timeouts.first_token, wait_max)));
  timeout.insert_or_assign("idle", text_of(std::min(upstream.timeouts.idle, wait_max)));
}

}  // namespace

std::string rehearsal_of(std::string_view toml, const Config& config, const Rehearsal& rehearsal) {
  toml::table root = toml::parse(toml);
  root.erase("tls");
  root.insert_or_assign("listen", "127.0.0.1:0");
  root.insert_or_assign("data", rehearsal.data);
  table_in(root, "admin").insert_or_assign("listen", "127.0.0.1:0");
  table_in(root, "log").insert_or_assign("access", "off");
  for (std::size_t i = 0; i < config.upstreams.size(); ++i)
    move_upstream(table_in(table_in(root, "upstream"), config.upstreams[i].name), config.upstreams[i], rehearsal.base_urls[i], rehearsal.wait_max);
  std::ostringstream out;
  out << root << '\n';
  return out.str();
}

}  // namespace bellwether::config
