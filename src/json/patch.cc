#include "json/patch.h"

#include <algorithm>

#include "base/check.h"

namespace bellwether::json {
void Patch::replace(std::string_view removed, std::string inserted) { insert_sorted({removed, std::move(inserted)}); }

void Patch::add_member(std::string_view raw_object, std::string_view name, std::string_view json) {
  const char* const close = raw_object.data() + raw_object.size() - 1;
  const std::string member = quote(name) + ":" + std::string(json);
  for (Splice& splice : splices_) {
    // A second addition joins the first.
    if (splice.removed.data() == close && splice.removed.empty()) {
      splice.inserted += "," + member;
      return;
    }
  }
  const char* before = close;
  while (before > raw_object.data() && is_space(before[-1])) --before;
  // What stands before the brace decides, unless it is being taken out.
  bool first = before - 1 == raw_object.data();
  if (!first) {
    const char* at = before;
    for (bool moved = true; moved;) {
      moved = false;
      for (const Splice& splice : splices_) {
        const bool taken_out = !splice.removed.empty() && splice.inserted.empty() && splice.removed.data() + splice.removed.size() == at;
        if (!taken_out) continue;
        at = splice.removed.data();
        while (at > raw_object.data() && is_space(at[-1])) --at;
        moved = true;
      }
    }
    first = at - 1 == raw_object.data();
  }
  insert_sorted({{close, 0}, (first ? "" : ",") + member});
}

void Patch::remove_member(std::string_view raw_object, const Member& member) {
  const char* begin = member.key_raw.data();
  const char* end = member.raw.data() + member.raw.size();
  const char* const open = raw_object.data();
  const char* before = begin;
  while (before > open && is_space(before[-1])) --before;
  if (before > open && before[-1] == ',') {
    begin = before - 1;
  } else {
    const char* behind = end;
    while (is_space(*behind)) ++behind;
    if (*behind == ',') {
      end = behind + 1;
      while (is_space(*end)) ++end;
    }
  }
  insert_sorted({{begin, static_cast<std::size_t>(end - begin)}, {}});
}

void Patch::insert_sorted(Splice splice) {
  BW_CHECK(splice.removed.data() >= text_.data() && splice.removed.data() + splice.removed.size() <= text_.data() + text_.size());
  const auto place = std::ranges::upper_bound(splices_, splice.removed.data(), {}, [](const Splice& other) { return other.removed.data(); });
  splices_.insert(place, std::move(splice));
}

std::size_t Patch::size() const {
  std::size_t size = text_.size();
  for (const Splice& splice : splices_) size += splice.inserted.size() - splice.removed.size();
  return size;
}

void Patch::append_to(std::string& out) const {
  out.reserve(out.size() + size());
  const char* at = text_.data();
  for (const Splice& splice : splices_) {
    BW_CHECK(splice.removed.data() >= at);
    out.append(at, splice.removed.data());
    out += splice.inserted;
    at = splice.removed.data() + splice.removed.size();
  }
  out.append(at, text_.data() + text_.size());
}

std::string Patch::apply() const {
  std::string out;
  append_to(out);
  return out;
}

std::string without_members(std::string_view object, std::span<const std::string_view> names, Reader& reader) {
  const auto members = reader.outline(object);
  BW_CHECK(members.has_value());
  std::string out = "{";
  for (const Member& member : *members) {
    if (std::ranges::find(names, member.key) != names.end()) continue;
    if (out.size() > 1) out += ',';
    out += member.key_raw;
    out += ':';
    out += member.raw;
  }
  out += '}';
  return out;
}

}  // namespace bellwether::json
