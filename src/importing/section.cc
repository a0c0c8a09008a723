#include "importing/section.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/nearest.h"

namespace bellwether::importing {

void tell_leaves(std::vector<Finding>& findings, const Yaml& value, const std::string& path, Place at, Verdict verdict, std::string_view text) {
  if (value.is_map() && !value.members.empty()) {
    for (const YamlMember& member : value.members)
      tell_leaves(findings, member.value, path.empty() ? member.key : path + "." + member.key, member.at, verdict, text);
  } else if (value.is_list() && holds_maps(value)) {
    for (std::size_t i = 0; i < value.items.size(); ++i)
      tell_leaves(findings, value.items[i], fmt::format("{}[{}]", path, i), value.items[i].at, verdict, text);
  } else {
    findings.push_back({path, at, verdict, std::string(text)});
  }
}

const YamlMember* Section::take(std::string_view key) {
  taken_.push_back(key);
  const auto found = std::ranges::find(map_.members, key, &YamlMember::key);
  return found == map_.members.end() ? nullptr : &*found;
}

void Section::with(std::string_view key, const std::function<void(const YamlMember&)>& read) {
  if (const YamlMember* member = take(key)) read(*member);
}

std::string Section::path_of(std::string_view key) const { return path_.empty() ? std::string(key) : path_ + "." + std::string(key); }

void Section::end(std::span<const KnownKey> known, std::string_view whose) {
  for (const YamlMember& member : map_.members) {
    for (const Place& before : member.before)
      findings_.push_back({path_of(member), before, Verdict::approximate, fmt::format("given again at line {}, and only that one counts", member.at.line)});
    if (std::ranges::find(taken_, member.key) != taken_.end()) continue;
    const auto row = std::ranges::find(known, member.key, &KnownKey::key);
    if (row != known.end()) {
      const bool off = row->verdict != Verdict::exact && member.value.is_off();
      tell(member, off ? Verdict::exact : row->verdict, off ? "off, as here" : row->text);
      continue;
    }
    std::vector<std::string_view> names = taken_;
    for (const KnownKey& key : known) names.push_back(key.key);
    // Looking for it costs more than all else, and of so many fields nobody reads the last.
    constexpr std::size_t looked_up_max = 2'000;
    const auto near = findings_.size() < looked_up_max ? nearest(member.key, names, 1) : std::vector<std::string_view>{};
    tell(member, Verdict::unsupported, fmt::format("not {} known to us{}", whose, near.empty() ? std::string{} : fmt::format("; nearest is {}", near.front())));
  }
}

}  // namespace bellwether::importing
