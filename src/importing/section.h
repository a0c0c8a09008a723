// One map of a foreign config, read key by key: each key that is taken gets its verdict from whoever knows it, and the rest gets one
// from a table or as unknown. So no field goes without.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "importing/finding.h"
#include "importing/yaml.h"

namespace bellwether::importing {

/// What is always said of a key, whatever its value; one that is off is exact.
struct KnownKey {
  std::string_view key;
  Verdict verdict;
  std::string_view text;
};

/// The verdict for every field at or below `value`.
void tell_leaves(std::vector<Finding>& findings, const Yaml& value, const std::string& path, Place at, Verdict verdict, std::string_view text);

class Section {
 public:
  Section(const Yaml& map, std::string path, std::vector<Finding>& findings) : map_{map}, path_{std::move(path)}, findings_{findings} {}

  /// The member of this name; null if there is none.
  [[nodiscard]] const YamlMember* take(std::string_view key);
  /// Takes the key and hands it on, if it is there.
  void with(std::string_view key, const std::function<void(const YamlMember&)>& read);
  [[nodiscard]] std::string path_of(std::string_view key) const;
  [[nodiscard]] std::string path_of(const YamlMember& member) const { return path_of(member.key); }
  void tell(const YamlMember& member, Verdict verdict, std::string_view text) {
    tell_leaves(findings_, member.value, path_of(member), member.at, verdict, text);
  }

  /// Tells of every key that was not taken, and of those that stood there twice. To be called last. `whose` are the keys for messages: "a LiteLLM key".
  void end(std::span<const KnownKey> known, std::string_view whose);

 private:
  const Yaml& map_;
  std::string path_;
  std::vector<Finding>& findings_;
  std::vector<std::string_view> taken_;
};

}  // namespace bellwether::importing
