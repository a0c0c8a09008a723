// A YAML text as a tree of ours, with the place of everything. Bounded: what would unfold beyond measure (aliases of aliases) or
// nest without end is refused with its place. Types are left to the reader, who knows what he expects.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "importing/finding.h"

namespace bellwether::importing {

struct YamlMember;

struct Yaml {
  enum class Kind : std::uint8_t { null, scalar, list, map } kind = Kind::null;
  std::string text;       ///< scalar
  bool quoted = false;    ///< scalar: it is a string, whatever it looks like.
  bool anchored = false;  ///< It has a name that aliases can use.
  Place at;
  std::vector<Yaml> items;          ///< list
  std::vector<YamlMember> members;  ///< map; keys occur once.

  [[nodiscard]] bool is_map() const { return kind == Kind::map; }
  [[nodiscard]] bool is_list() const { return kind == Kind::list; }
  [[nodiscard]] bool is_scalar() const { return kind == Kind::scalar; }
  [[nodiscard]] const Yaml* find(std::string_view key) const;

  /// Plain scalars as YAML 1.1 has them, which is what LiteLLM (PyYAML) and compose read. Strings are not converted.
  [[nodiscard]] std::optional<bool> boolean() const;
  [[nodiscard]] std::optional<std::int64_t> integer() const;
  /// An integer or a number with a fraction; finite.
  [[nodiscard]] std::optional<double> number() const;
  /// null, false, 0, "", [] and {}: a setting that is off.
  [[nodiscard]] bool is_off() const;
};

struct YamlMember {
  std::string key;
  Place at;
  Yaml value;
  std::vector<Place> before;  ///< Where the same key stood earlier in the same map: the last one counts, as in PyYAML.
};

/// One document. Merge keys (`<<`) and aliases are resolved.
[[nodiscard]] std::expected<Yaml, Trouble> read_yaml(std::string_view text);

/// The paths of all values that hold no map: "a.b[0].c". A list without maps in it is one.
[[nodiscard]] std::vector<std::string> leaves_of(const Yaml& root);

/// Whether a list holds a map somewhere directly: then its items have verdicts of their own.
[[nodiscard]] bool holds_maps(const Yaml& list);

}  // namespace bellwether::importing
