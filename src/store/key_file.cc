#include "store/key_file.h"

#include <optional>

#include "json/reader.h"

namespace bellwether::store {
namespace {

constexpr std::string_view format_line = R"({"schema":"bellwether.keys/1"})";
constexpr std::string_view hex_digits = "0123456789abcdef";

std::int64_t milliseconds_of_wall(WallTime time) { return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count(); }

void append_text(std::string& out, std::string_view name, std::string_view text) {
  out += ",\"";
  out += name;
  out += "\":";
  json::append_quoted(out, text);
}

void append_time(std::string& out, std::string_view name, WallTime time) {
  out += ",\"";
  out += name;
  out += "\":" + std::to_string(milliseconds_of_wall(time));
}

void append_line(std::string& out, const accounts::Key& key) {
  out += "{\"id\":";
  json::append_quoted(out, key.id);
  append_text(out, "name", key.name);
  append_text(out, "account", key.account);
  std::string digest;
  for (const std::uint8_t byte : key.digest) {
    digest += hex_digits[byte >> 4];
    digest += hex_digits[byte & 15];
  }
  append_text(out, "sha256", digest);
  append_text(out, "hint", key.hint);
  std::string models;
  for (const std::string& model : key.models) models += (models.empty() ? "" : "\n") + model;
  if (!models.empty()) append_text(out, "models", models);
  append_time(out, "created_ms", key.created);
  if (key.expires) append_time(out, "expires_ms", *key.expires);
  if (key.revoked) append_time(out, "revoked_ms", *key.revoked);
  out += "}\n";
}

std::optional<accounts::Digest> digest_from(std::string_view text) {
  accounts::Digest digest;
  if (text.size() != digest.size() * 2) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t value = hex_digits.find(text[i]);
    if (value == std::string_view::npos) return std::nullopt;
    digest[i / 2] = static_cast<std::uint8_t>(i % 2 == 0 ? value << 4 : digest[i / 2] | value);
  }
  return digest;
}

/// The members of one line, by name.
class Line {
 public:
  explicit Line(std::span<const json::Member> members) : members_{members} {}
  [[nodiscard]] std::optional<std::string> text(std::string_view name) const {
    const json::Member* member = json::find(members_, name);
    return member == nullptr ? std::nullopt : json::unquote(member->raw);
  }
  [[nodiscard]] std::optional<WallTime> time(std::string_view name) const {
    const json::Member* member = json::find(members_, name);
    const auto value = member == nullptr ? std::nullopt : json::to_integer(member->raw);
    return value ? std::optional(WallTime(std::chrono::milliseconds(*value))) : std::nullopt;
  }

 private:
  std::span<const json::Member> members_;
};

std::optional<accounts::Key> key_from(const Line& line) {
  const auto id = line.text("id"), name = line.text("name"), account = line.text("account"), sha256 = line.text("sha256"), hint = line.text("hint");
  const auto created = line.time("created_ms");
  const auto digest = digest_from(sha256.value_or(""));
  if (!id || !name || !account || !digest || !hint || !created) return std::nullopt;
  accounts::Key key{.id = *id,
                    .name = *name,
                    .account = *account,
                    .digest = *digest,
                    .models = {},
                    .hint = *hint,
                    .created = *created,
                    .expires = line.time("expires_ms"),
                    .revoked = line.time("revoked_ms")};
  std::string_view models;
  const auto listed = line.text("models");
  if (listed) models = *listed;
  while (!models.empty()) {
    const std::size_t end = std::min(models.find('\n'), models.size());
    key.models.emplace_back(models.substr(0, end));
    models.remove_prefix(std::min(end + 1, models.size()));
  }
  return key;
}

std::string path_of(const DataFolder& folder) { return folder.path() + "/keys.jsonl"; }

}  // namespace

std::string keys_to_text(const std::vector<accounts::Key>& keys) {
  std::string text(format_line);
  text += '\n';
  for (const accounts::Key& key : keys) append_line(text, key);
  return text;
}

Result<std::vector<accounts::Key>> keys_from_text(std::string text) {
  std::vector<accounts::Key> keys;
  if (text.empty()) return keys;
  text.reserve(text.size() + json::padding);
  std::string_view rest = text;
  json::Reader reader;
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const std::size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (number == 1) {
      if (line != format_line) return failed(Reason::store_failed, "its first line is not " + std::string(format_line));
      continue;
    }
    const auto members = reader.outline(line);
    auto key = members ? key_from(Line{*members}) : std::nullopt;
    if (!key) return failed(Reason::store_failed, "line " + std::to_string(number) + " is not a key; restore the file from a backup or remove that line");
    keys.push_back(*std::move(key));
  }
  return keys;
}

Result<std::vector<accounts::Key>> load_keys(const DataFolder& folder) {
  BW_TRY(text, read_file(path_of(folder)));
  Result<std::vector<accounts::Key>> keys = keys_from_text(std::move(text));
  if (!keys) return failed(Reason::store_failed, path_of(folder) + ": " + keys.error().detail.text.str());
  return keys;
}

Result<void> save_keys(const DataFolder& folder, const std::vector<accounts::Key>& keys) { return replace_file(path_of(folder), keys_to_text(keys)); }

}  // namespace bellwether::store
