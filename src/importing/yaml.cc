#include "importing/yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <sstream>

#include "json/reader.h"

namespace bellwether::importing {
namespace {

constexpr std::size_t text_bytes_max = std::size_t{4} << 20;  // As for a config of ours; the largest example of LiteLLM's has 20 KB.
constexpr std::size_t depth_max = 64;                         // Real files have a dozen levels.
constexpr std::size_t nodes_max = 200'000;                    // What a text of that size holds without tricks; bounds what aliases unfold to.

constexpr std::size_t keys_max = 4'000;  // Of one map, which is searched from its front.

struct Refused {
  Trouble trouble;
};

/// yaml-cpp gives "\N" and "\_" as one byte each (0.7, exp.cpp), which is no UTF-8; the text around them is.
std::string in_utf8(const std::string& value) {
  if (json::is_utf8(value)) return value;
  std::string out;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const auto byte = static_cast<unsigned char>(value[i]);
    const std::size_t length = byte < 0x80 ? 1 : byte < 0xc0 ? 0 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    if (length == 0) out += '\xc2';
    out.append(value, i, length == 0 ? 1 : length);
    if (length > 1) i += length - 1;
  }
  return out;
}

[[noreturn]] void refuse(Place at, std::string text) { throw Refused{{at, std::move(text)}}; }

Place place_of(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {static_cast<std::uint32_t>(mark.line) + 1, static_cast<std::uint32_t>(mark.column) + 1};
}

void put_member(Yaml& map, YamlMember member) {
  const auto found = std::ranges::find(map.members, member.key, &YamlMember::key);
  if (found == map.members.end()) {
    if (map.members.size() == keys_max) refuse(member.at, fmt::format("a map of more than {} keys", keys_max));
    map.members.push_back(std::move(member));
    return;
  }
  member.before = std::move(found->before);
  member.before.push_back(found->at);
  *found = std::move(member);
}

/// What `<<` brings in: what the map says itself goes before it.
void merge(Yaml& map, const Yaml& from, Place at) {
  if (from.is_list()) {
    for (const Yaml& item : from.items) {
      if (!item.is_map()) refuse(at, "<< takes maps");
      merge(map, item, at);
    }
    return;
  }
  if (!from.is_map()) refuse(at, "<< takes a map");
  for (const YamlMember& member : from.members)
    if (map.find(member.key) == nullptr) put_member(map, member);
}

class Builder : public YAML::EventHandler {
 public:
  [[nodiscard]] Yaml take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { leaf({.kind = Yaml::Kind::null, .at = place_of(mark)}, anchor); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) refuse(place_of(mark), "an alias within what it stands for");
    count(found->second.nodes, place_of(mark));
    Yaml copy = found->second.tree;
    copy.at = place_of(mark);
    add(std::move(copy), found->second.nodes);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& value) override {
    const bool quoted = tag == "!" || tag == "tag:yaml.org,2002:str";
    static constexpr std::array<std::string_view, 5> nulls{"", "~", "null", "Null", "NULL"};
    if (!quoted && std::ranges::find(nulls, value) != nulls.end()) return leaf({.kind = Yaml::Kind::null, .at = place_of(mark)}, anchor);
    leaf({.kind = Yaml::Kind::scalar, .text = in_utf8(value), .quoted = quoted, .at = place_of(mark)}, anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    open(Yaml::Kind::list, place_of(mark), anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    open(Yaml::Kind::map, place_of(mark), anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    Yaml node;
    YAML::anchor_t anchor;
    std::size_t nodes = 1;
    std::optional<YamlMember> key;  ///< map: waits for its value.
    std::vector<YamlMember> merges;
  };
  struct Anchored {
    Yaml tree;
    std::size_t nodes;
  };

  void count(std::size_t nodes, Place at) {
    nodes_ += nodes;
    if (nodes_ > nodes_max) refuse(at, fmt::format("more than {} values, aliases unfolded", nodes_max));
  }
  void open(Yaml::Kind kind, Place at, YAML::anchor_t anchor) {
    count(1, at);
    if (stack_.size() == depth_max) refuse(at, fmt::format("nested deeper than {} levels", depth_max));
    stack_.push_back({.node = {.kind = kind, .at = at}, .anchor = anchor});
  }
  void leaf(Yaml node, YAML::anchor_t anchor) {
    count(1, node.at);
    remember(node, anchor, 1);
    add(std::move(node), 1);
  }
  void close() {
    Open done = std::move(stack_.back());
    stack_.pop_back();
    for (const YamlMember& from : done.merges) merge(done.node, from.value, from.at);
    remember(done.node, done.anchor, done.nodes);
    add(std::move(done.node), done.nodes);
  }
  void remember(Yaml& node, YAML::anchor_t anchor, std::size_t nodes) {
    if (anchor == YAML::NullAnchor) return;
    count(nodes, node.at);  // The copy is kept.
    anchors_[anchor] = {node, nodes};
    node.anchored = true;
  }
  void add(Yaml node, std::size_t nodes) {
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = stack_.back();
    parent.nodes += nodes;
    if (parent.node.is_list()) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.key) {
      if (!node.is_scalar()) refuse(node.at, "a key must be a word");
      parent.key = YamlMember{.key = std::move(node.text), .at = node.at, .value = {}, .before = {}};
      parent.key->value.quoted = node.quoted;
    } else {
      YamlMember member = *std::move(parent.key);
      parent.key.reset();
      const bool merges = member.key == "<<" && !member.value.quoted;
      member.value = std::move(node);
      if (merges) parent.merges.push_back(std::move(member));
      else put_member(parent.node, std::move(member));
    }
  }

  Yaml root_;
  std::vector<Open> stack_;
  std::map<YAML::anchor_t, Anchored> anchors_;
  std::size_t nodes_ = 0;
};

void append_leaves(const Yaml& node, const std::string& path, std::vector<std::string>& leaves) {
  if (node.is_map() && !node.members.empty()) {
    for (const YamlMember& member : node.members) append_leaves(member.value, path.empty() ? member.key : path + "." + member.key, leaves);
  } else if (node.is_list() && holds_maps(node)) {
    for (std::size_t i = 0; i < node.items.size(); ++i) append_leaves(node.items[i], fmt::format("{}[{}]", path, i), leaves);
  } else {
    leaves.push_back(path);
  }
}

/// From 1; 0: all of it is UTF-8 without NUL.
std::uint32_t line_that_is_no_text(std::string_view text) {
  const auto is_text = [](std::string_view some) { return json::is_utf8(some) && some.find('\0') == std::string_view::npos; };
  if (is_text(text)) return 0;
  std::uint32_t line = 1;
  for (std::size_t at = 0; at < text.size(); ++line) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (!is_text(text.substr(at, end - at))) break;
    at = end + 1;
  }
  return line;
}

}  // namespace

const Yaml* Yaml::find(std::string_view key) const {
  const auto found = std::ranges::find(members, key, &YamlMember::key);
  return found == members.end() ? nullptr : &found->value;
}

std::optional<bool> Yaml::boolean() const {
  static constexpr std::array<std::string_view, 9> yes{"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"};
  static constexpr std::array<std::string_view, 9> no{"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"};
  if (kind != Kind::scalar || quoted) return std::nullopt;
  if (std::ranges::find(yes, text) != yes.end()) return true;
  if (std::ranges::find(no, text) != no.end()) return false;
  return std::nullopt;
}

std::optional<std::int64_t> Yaml::integer() const {
  if (kind != Kind::scalar || quoted) return std::nullopt;
  std::string digits = text;
  std::erase(digits, '_');  // YAML 1.1: 1_000_000
  const char* first = digits.data() + (digits.starts_with('+') ? 1 : 0);
  const char* const last = digits.data() + digits.size();
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(first, last, value);
  if (error != std::errc{} || end != last) return std::nullopt;
  return value;
}

std::optional<double> Yaml::number() const {
  if (const auto whole = integer()) return static_cast<double>(*whole);
  if (kind != Kind::scalar || quoted) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data() + (text.starts_with('+') ? 1 : 0), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

bool Yaml::is_off() const {
  switch (kind) {
    case Kind::null: return true;
    case Kind::list: return items.empty();
    case Kind::map: return members.empty();
    case Kind::scalar: break;
  }
  return text.empty() || boolean() == false || number() == 0.0;
}

bool holds_maps(const Yaml& list) {
  return std::ranges::any_of(list.items, [](const Yaml& item) { return item.is_map(); });
}

std::vector<std::string> leaves_of(const Yaml& root) {
  std::vector<std::string> leaves;
  append_leaves(root, "", leaves);
  return leaves;
}

std::expected<Yaml, Trouble> read_yaml(std::string_view text) {
  if (text.size() > text_bytes_max) return trouble({}, fmt::format("the file has {} bytes; at most {} are read", text.size(), text_bytes_max));
  // yaml-cpp guesses other encodings and replaces what it cannot read.
  if (const std::uint32_t line = line_that_is_no_text(text); line != 0) return trouble({line, 1}, "not UTF-8 text");
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser{stream};
    Builder builder;
    if (!parser.HandleNextDocument(builder)) return trouble({1, 1}, "there is no YAML document in it");
    Builder second;
    if (parser.HandleNextDocument(second)) return trouble(second.take().at, "a second document begins here; one file has one");
    return builder.take();
  } catch (const Refused& refused) {
    return std::unexpected(refused.trouble);
  } catch (const YAML::Exception& exception) {
    return trouble(place_of(exception.mark), exception.msg);
  }
}

}  // namespace bellwether::importing
