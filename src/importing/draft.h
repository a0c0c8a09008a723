// The config that an import writes: what it decided as values, and their TOML text. Whoever fills a draft keeps to what config/ accepts;
// what this room's tests and fuzz target check is that `read_config` takes every text made here.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bellwether::importing {

using Milliseconds = std::chrono::milliseconds;

struct UpstreamDraft {
  std::string name;
  std::string dialect;  ///< As in the file.
  std::string base_url;
  std::string api_key_variable;  ///< Of the environment; empty: no key is sent.
  std::optional<Milliseconds> first_token, total;
  std::optional<std::uint32_t> retries;
  std::optional<std::uint32_t> breaker_failures;
  bool breaker_off = false;
  std::optional<Milliseconds> breaker_open_for;
  std::optional<std::uint32_t> concurrency, queue;
  std::optional<Milliseconds> queue_for;
  std::optional<Milliseconds> probe_every;
  std::vector<std::string> comments;
};

struct RouteDraft {
  std::string upstream;
  std::string model;
  std::uint32_t weight = 1;
  std::vector<std::pair<std::string, std::string>> request;  ///< Names and TOML values.
  bool for_context = false;

  [[nodiscard]] bool same_place(const RouteDraft& other) const { return upstream == other.upstream && model == other.model; }
};

/// USD per million tokens, as decimal strings.
struct PriceDraft {
  std::string input, cached_input, output;  ///< cached_input may be empty.
  friend bool operator==(const PriceDraft&, const PriceDraft&) = default;
};

struct ModelDraft {
  std::string id;
  std::vector<std::string> aliases;
  std::vector<RouteDraft> route;
  std::string policy;  ///< Empty: ordered.
  std::optional<Milliseconds> deadline;
  std::optional<PriceDraft> price;
  std::vector<std::string> comments;
};

struct ConfigDraft {
  std::vector<std::string> comments;  ///< Above everything.
  std::vector<UpstreamDraft> upstreams;
  std::vector<ModelDraft> models;

  [[nodiscard]] std::string toml() const;
  /// The variables of all upstreams, each once.
  [[nodiscard]] std::vector<std::string> variables() const;
};

/// A basic string of TOML, with its quotes. `text` is UTF-8.
[[nodiscard]] std::string toml_string(std::string_view text);

/// A name that config/ takes for an upstream, made of any text.
[[nodiscard]] std::string upstream_name_from(std::string_view text);
/// The variable that a key of this upstream is to stand in: HOSTED_API_KEY.
[[nodiscard]] std::string variable_name_from(std::string_view upstream);
[[nodiscard]] bool is_variable_name(std::string_view text);

/// Whether config/ takes it for a model's name.
[[nodiscard]] bool is_model_name(std::string_view text);

/// Model names may not differ by case alone: what they are compared by.
[[nodiscard]] std::string folded(std::string_view name);

}  // namespace bellwether::importing
