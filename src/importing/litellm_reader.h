// Reads one LiteLLM config: first the settings that concern every deployment, then the deployments, then the routes between them.
// Lives while one import runs; litellm_settings.cc, litellm_models.cc, litellm_params.cc and litellm_routes.cc hold its parts.
#pragma once

#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "importing/draft.h"
#include "importing/finding.h"
#include "importing/litellm_providers.h"
#include "importing/section.h"
#include "importing/yaml.h"

namespace bellwether::importing {

/// What a `.invalid` name leads to is nothing, ever (RFC 6761 §6.4): better than a guess that sends prompts somewhere.
inline constexpr std::string_view no_address = "http://set-this-address.invalid/v1";

class LitellmReader {
 public:
  explicit LitellmReader(const Yaml& root) : root_{root} {}
  [[nodiscard]] Outcome read();

 private:
  /// An entry of a fallback list: which models stand in for which.
  struct Fallback {
    std::string model;  ///< "*": for every model that has none.
    const Yaml* targets;
    std::string path;
    Place at;
  };
  struct Alias {
    std::string name, model, path;
    Place at;
  };
  /// A deployment that has an upstream.
  struct Deployment {
    std::string group;
    RouteDraft entry;
    std::optional<double> weight, rpm, tpm;
    std::int64_t order = std::numeric_limits<std::int64_t>::max();  ///< Lower first; without one last.
    std::optional<PriceDraft> price;
    std::vector<std::pair<std::string, Place>> price_fields;
  };
  struct Prices {
    std::optional<std::string> input, output, cached_input;
    std::vector<std::pair<std::string, Place>> fields;  ///< Those that were read without complaint.
    bool rounded = false;
  };
  struct Obstacle {
    std::string_view field;  ///< Below the deployment.
    std::string why;
  };
  enum class OnlyContext : std::uint8_t { no, yes };

  // litellm_settings.cc
  void settings(const Yaml& router, const std::string& path);
  void router_settings(const YamlMember& member);
  void litellm_settings(const YamlMember& member);
  void general_settings(const YamlMember& member);
  void environment_variables(const YamlMember& member);
  void shared_settings(Section& section);
  void strategy(Section& section, const YamlMember& member);
  void callbacks(Section& section, const YamlMember& member);
  void fallbacks(Section& section, const YamlMember& member, std::vector<Fallback>& into);
  void default_fallbacks(Section& section, const YamlMember& member);
  void aliases(Section& section, const YamlMember& member);
  void time_setting(Section& section, const YamlMember& member, std::optional<Milliseconds>& into, std::string_view becomes);
  /// Not a map: told, and false.
  [[nodiscard]] bool expect_map(const YamlMember& member);

  // litellm_models.cc
  void model_list(const YamlMember& member);
  void deployment(const Yaml& entry, const std::string& path);
  [[nodiscard]] std::optional<Obstacle> obstacle_to(const Yaml& entry) const;
  void leave_out(const Yaml& entry, const std::string& path, std::string_view field, std::string_view why);
  void prices(Section& section, Prices& into);
  void price_field(Section& section, std::string_view key, std::optional<std::string>& into, Prices& prices);
  void settle_prices(Prices& prices, Deployment& deployment);
  void information(const Yaml& info, const std::string& path, Prices& into);
  [[nodiscard]] std::string adopt(UpstreamDraft upstream, std::string_view wanted_name);

  // litellm_params.cc
  [[nodiscard]] std::optional<std::string> address(Section& params, const LitellmProvider& provider, UpstreamDraft& upstream);
  void key(Section& params, const LitellmProvider& provider, bool own_address, UpstreamDraft& upstream);
  void upstream_settings(Section& params, UpstreamDraft& upstream);
  void defaults(Section& params, RouteDraft& entry);
  void shares(Section& params, Deployment& deployment);

  // litellm_routes.cc
  void routes();
  void route(const std::string& group);
  void weigh(ModelDraft& model, const std::vector<const Deployment*>& primaries, std::size_t followers);
  void set_price(ModelDraft& model, const std::vector<const Deployment*>& primaries);
  void add_fallbacks(const std::vector<Fallback>& list, OnlyContext only_context);
  void add_default_fallbacks();
  void add_fallback(ModelDraft& model, const Fallback& fallback, OnlyContext only_context);
  [[nodiscard]] std::string add_target(ModelDraft& model, const std::string& target, OnlyContext only_context, Verdict& worst);
  void add_aliases();
  void serve_everything();
  [[nodiscard]] ModelDraft* find_model(std::string_view name);

  void tell(const std::string& path, Place at, Verdict verdict, std::string text) { findings_.push_back({path, at, verdict, std::move(text)}); }

  const Yaml& root_;
  std::vector<Finding> findings_;
  ConfigDraft draft_;
  std::vector<std::string> groups_;  ///< In the order of the file.
  std::vector<Deployment> deployments_;
  std::vector<std::string> wildcards_;  ///< Paths of model_name fields that hold a `*`, of deployments whose upstream is there.
  std::map<std::string, Place, std::less<>> wildcard_places_;
  std::map<std::string, std::vector<RouteDraft>, std::less<>> followers_;  ///< Fallback entries by model, before weights are set.

  std::optional<Milliseconds> timeout_, stream_timeout_, breaker_open_for_, probe_every_;
  std::optional<std::uint32_t> retries_, breaker_failures_, concurrency_;
  bool breaker_off_ = false;
  std::string policy_ = "weighted";  ///< Of models with several deployments; LiteLLM's default is simple-shuffle.
  std::vector<Fallback> fallbacks_, context_fallbacks_;
  std::optional<Fallback> default_fallback_;
  std::vector<Alias> aliases_;
  std::vector<std::string> advice_;
};

}  // namespace bellwether::importing
