#include "importing/draft.h"

#include <fmt/format.h>

#include <algorithm>

#include "json/reader.h"

namespace bellwether::importing {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string key_text(std::string_view key) {
  const bool bare = !key.empty() && std::ranges::all_of(key, [](char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '-'; });
  return bare ? std::string(key) : toml_string(key);
}

std::string time_text(Milliseconds time) {
  const auto count = time.count();
  return count % 1000 == 0 ? fmt::format("\"{}s\"", count / 1000) : fmt::format("\"{}ms\"", count);
}

void append_comments(std::string& out, const std::vector<std::string>& comments) {
  for (const std::string& comment : comments) out += "# " + comment + "\n";
}

/// `key = { a = …, b = … }`, or nothing where all parts are empty.
void append_table(std::string& out, std::string_view key, const std::vector<std::string>& parts) {
  if (!parts.empty()) out += fmt::format("{} = {{ {} }}\n", key, fmt::join(parts, ", "));
}

void append(std::string& out, const UpstreamDraft& upstream) {
  out += '\n';
  append_comments(out, upstream.comments);
  out += fmt::format("[upstream.{}]\ndialect = \"{}\"\nbase_url = {}\n", key_text(upstream.name), upstream.dialect, toml_string(upstream.base_url));
  if (!upstream.api_key_variable.empty()) out += fmt::format("api_key = {{ env = {} }}\n", toml_string(upstream.api_key_variable));
  std::vector<std::string> timeout, breaker, concurrency;
  if (upstream.first_token) timeout.push_back("first_token = " + time_text(*upstream.first_token));
  if (upstream.total) timeout.push_back("total = " + time_text(*upstream.total));
  append_table(out, "timeout", timeout);
  if (upstream.retries) out += fmt::format("retries = {}\n", *upstream.retries);
  if (upstream.breaker_off) {
    breaker = {"failures = 0", "rate = \"0%\""};
  } else {
    if (upstream.breaker_failures) breaker.push_back(fmt::format("failures = {}", *upstream.breaker_failures));
    if (upstream.breaker_open_for) {
      breaker.push_back("open_for = " + time_text(*upstream.breaker_open_for));
      breaker.push_back("open_for_max = " + time_text(*upstream.breaker_open_for));
    }
  }
  append_table(out, "breaker", breaker);
  if (upstream.concurrency) {
    concurrency.push_back(fmt::format("max = {}", *upstream.concurrency));
    if (upstream.queue) concurrency.push_back(fmt::format("queue = {}", *upstream.queue));
    if (upstream.queue_for) concurrency.push_back("queue_for = " + time_text(*upstream.queue_for));
  }
  append_table(out, "concurrency", concurrency);
  if (upstream.probe_every) out += fmt::format("probe = {{ every = {} }}\n", time_text(*upstream.probe_every));
}

std::string entry_text(const RouteDraft& entry, const ModelDraft& model) {
  std::vector<std::string> parts{"upstream = " + toml_string(entry.upstream)};
  if (entry.model != model.id) parts.push_back("model = " + toml_string(entry.model));
  if (entry.weight != 1) parts.push_back(fmt::format("weight = {}", entry.weight));
  if (entry.for_context) parts.emplace_back("for = \"context_too_long\"");
  if (!entry.request.empty()) {
    std::vector<std::string> members;
    for (const auto& [name, value] : entry.request) members.push_back(key_text(name) + " = " + value);
    parts.push_back(fmt::format("request = {{ {} }}", fmt::join(members, ", ")));
  }
  if (parts.size() == 1) return toml_string(entry.upstream);
  return fmt::format("{{ {} }}", fmt::join(parts, ", "));
}

void append(std::string& out, const ModelDraft& model) {
  out += '\n';
  append_comments(out, model.comments);
  out += fmt::format("[model.{}]\n", key_text(model.id));
  std::vector<std::string> entries, aliases;
  for (const RouteDraft& entry : model.route) entries.push_back(entry_text(entry, model));
  out += fmt::format("route = [{}]\n", fmt::join(entries, ",\n         "));
  if (!model.policy.empty()) out += fmt::format("policy = \"{}\"\n", model.policy);
  if (model.deadline) out += fmt::format("deadline = {}\n", time_text(*model.deadline));
  for (const std::string& alias : model.aliases) aliases.push_back(toml_string(alias));
  if (!aliases.empty()) out += fmt::format("aliases = [{}]\n", fmt::join(aliases, ", "));
  if (!model.price) return;
  std::vector<std::string> price{"input = " + toml_string(model.price->input)};
  if (!model.price->cached_input.empty()) price.push_back("cached_input = " + toml_string(model.price->cached_input));
  price.push_back("output = " + toml_string(model.price->output));
  append_table(out, "price", price);
}

}  // namespace

std::string ConfigDraft::toml() const {
  std::string out;
  append_comments(out, comments);
  for (const UpstreamDraft& upstream : upstreams) append(out, upstream);
  for (const ModelDraft& model : models) append(out, model);
  return out;
}

std::vector<std::string> ConfigDraft::variables() const {
  std::vector<std::string> names;
  for (const UpstreamDraft& upstream : upstreams)
    if (!upstream.api_key_variable.empty() && std::ranges::find(names, upstream.api_key_variable) == names.end()) names.push_back(upstream.api_key_variable);
  return names;
}

std::string toml_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += {'\\', c};
    else if (c == '\n') out += "\\n";
    else if (c == '\t') out += "\\t";
    else if (static_cast<unsigned char>(c) < ' ' || c == 0x7F) out += fmt::format("\\u{:04X}", static_cast<unsigned>(c));
    else out += c;
  }
  return out + '"';
}

std::string upstream_name_from(std::string_view text) {
  constexpr std::size_t bytes_max = 56;  // config/ takes 64; a number may follow.
  std::string name;
  for (const char c : text.substr(0, bytes_max)) name += is_letter(c) || is_digit(c) || c == '_' || c == '.' ? c : '-';
  while (name.ends_with('-') || name.ends_with('.')) name.pop_back();
  while (name.starts_with('-') || name.starts_with('.')) name.erase(0, 1);
  return name.empty() ? "upstream" : name;
}

std::string variable_name_from(std::string_view upstream) {
  std::string name;
  for (const char c : upstream) name += is_letter(c) ? static_cast<char>(c & ~0x20) : is_digit(c) ? c : '_';
  if (name.empty() || is_digit(name.front())) name = "UPSTREAM_" + name;
  return name + "_API_KEY";
}

bool is_variable_name(std::string_view text) {
  return !text.empty() && text.size() <= 200 && !is_digit(text.front()) &&
         std::ranges::all_of(text, [](char c) { return is_letter(c) || is_digit(c) || c == '_'; });
}

bool is_model_name(std::string_view text) {
  constexpr std::size_t bytes_max = 200;  // config/read.cc
  return !text.empty() && text.size() <= bytes_max && json::is_utf8(text) &&
         std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7F; });
}

std::string folded(std::string_view name) {
  std::string out(name);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  return out;
}

}  // namespace bellwether::importing
