// A text into a TOML table, or the one problem that keeps it from being one: the first step of every TOML file that is read here.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "config/read.h"
#include "config/table.h"

namespace bellwether::config {

/// At most 4 MiB are read. Never throws for what a file may hold.
[[nodiscard]] std::variant<toml::table, Problem> parse_document(std::string_view toml, const std::string& file);

/// What is said where walking a parsed table ends with BrokenToml.
[[nodiscard]] Problem broken_document(const std::string& file);

}  // namespace bellwether::config
