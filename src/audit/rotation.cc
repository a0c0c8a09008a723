#include "audit/rotation.h"

#include <algorithm>
#include <array>

namespace bellwether::audit {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// `20261124`, `2026-11-24`, `20261124-101500`, `2026-11-24_10`, `1764000000`, `1` … `999`: what a rotation appends behind a dot or a dash.
bool is_rotation_mark(std::string_view text) {
  if (text.empty() || !std::ranges::all_of(text, [](char c) { return is_digit(c) || c == '-' || c == '_' || c == ':' || c == 'T'; })) return false;
  const auto digits = std::ranges::count_if(text, is_digit);
  if (text.size() <= 3) return digits == static_cast<std::ptrdiff_t>(text.size());
  return digits >= 8 && is_digit(text.front());
}

}  // namespace

std::string rotation_stem(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  const std::size_t name_at = slash == std::string_view::npos ? 0 : slash + 1;
  std::string_view name = path.substr(name_at);
  constexpr std::array<std::string_view, 7> endings{".gz", ".zst", ".old", ".bak", ".log", ".txt", ".out"};
  bool is_behind_log = true;  // A small number before `.log` tells replicas apart; behind it, it is a rotation's.
  for (bool changed = true; changed && name.size() > 1;) {
    changed = false;
    for (const std::string_view one : endings)
      if (name.size() > one.size() && name.ends_with(one)) {
        name.remove_suffix(one.size());
        changed = true;
        if (one == ".log" || one == ".txt" || one == ".out") is_behind_log = false;
      }
    // A date may hold dashes itself: the longest mark behind a dot, a dash or an underscore.
    for (std::size_t at = 1; at < name.size(); ++at) {
      const bool is_small = name.size() - at <= 8;
      if ((name[at] != '.' && name[at] != '-' && name[at] != '_') || !is_rotation_mark(name.substr(at + 1)) ||
          (is_small && (name[at] != '.' || !is_behind_log)))
        continue;
      name = name.substr(0, at);
      changed = true;
      break;
    }
  }
  return std::string(path.substr(0, name_at)) + std::string(name);
}

}  // namespace bellwether::audit
