// The routes between what was read: deployments of one name together, then their fallbacks, then aliases.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "importing/litellm_reader.h"

namespace bellwether::importing {
namespace {

using enum Verdict;

constexpr std::size_t entries_max = 16;          // catalog::route_entries_max
constexpr std::uint32_t weight_max = 1'000'000;  // config/
// With policy "weighted" a fallback is an entry that is hardly ever drawn first: once in a million and less.
constexpr std::uint32_t follower_weight = 1;

}  // namespace

ModelDraft* LitellmReader::find_model(std::string_view name) {
  const auto found = std::ranges::find(draft_.models, name, &ModelDraft::id);
  return found == draft_.models.end() ? nullptr : &*found;
}

void LitellmReader::routes() {
  std::set<std::string> names;
  for (const std::string& group : groups_) {
    if (names.insert(folded(group)).second) {
      route(group);
      continue;
    }
    for (Finding& finding : findings_)
      if (finding.field.ends_with(".model_name") && finding.text == fmt::format("[model.\"{}\"]", group)) {
        finding.verdict = manual;
        finding.text = "left out: another model's name differs from it by case alone, which names here may not; callers reach that one by either";
      }
    for (const Deployment& deployment : deployments_)
      if (deployment.group == group)
        for (const auto& [path, at] : deployment.price_fields) tell(path, at, manual, "its model is left out");
  }
  add_aliases();  // First, because a fallback may name an alias.
  add_fallbacks(fallbacks_, OnlyContext::no);
  add_default_fallbacks();
  add_fallbacks(context_fallbacks_, OnlyContext::yes);
  for (ModelDraft& model : draft_.models) {
    std::vector<const Deployment*> primaries;
    for (const Deployment& deployment : deployments_)
      if (deployment.group == model.id) primaries.push_back(&deployment);
    std::ranges::stable_sort(primaries, {}, [](const Deployment* deployment) { return deployment->order; });
    primaries.resize(std::min(primaries.size(), entries_max));
    std::vector<RouteDraft>& followers = followers_[model.id];
    const auto plain = static_cast<std::size_t>(std::ranges::count(followers, false, &RouteDraft::for_context));
    weigh(model, primaries, plain);
    model.route.insert(model.route.end(), followers.begin(), followers.end());
    Milliseconds longest{};
    for (const RouteDraft& entry : model.route)
      longest = std::max(longest, std::ranges::find(draft_.upstreams, entry.upstream, &UpstreamDraft::name)->total.value_or(Milliseconds(0)));
    constexpr Milliseconds usual = std::chrono::minutes(10);  // config/
    if (longest > usual) model.deadline = longest;
  }
  // An upstream that only left-out models had is not in the way, but nobody would ask it.
  std::erase_if(draft_.upstreams, [&](const UpstreamDraft& upstream) {
    const bool asked = std::ranges::any_of(
        draft_.models, [&](const ModelDraft& model) { return std::ranges::find(model.route, upstream.name, &RouteDraft::upstream) != model.route.end(); });
    return !asked && !draft_.models.empty();
  });
  serve_everything();
}

/// The model of one model_name, with its own deployments.
void LitellmReader::route(const std::string& group) {
  ModelDraft model{.id = group};
  std::vector<const Deployment*> primaries;
  for (const Deployment& deployment : deployments_)
    if (deployment.group == group) primaries.push_back(&deployment);
  if (primaries.size() > entries_max)
    advice_.push_back(
        fmt::format("model {} has {} deployments, and a route at most {} entries: the others are left out", group, primaries.size(), entries_max));
  set_price(model, primaries);
  draft_.models.push_back(std::move(model));
}

void LitellmReader::weigh(ModelDraft& model, const std::vector<const Deployment*>& primaries, std::size_t followers) {
  const auto has = [&](std::optional<double> Deployment::* share) {
    return std::ranges::any_of(primaries, [&](const Deployment* one) { return (one->*share).has_value(); });
  };
  // In this order LiteLLM's simple-shuffle looks for shares.
  const auto share = has(&Deployment::weight) ? &Deployment::weight : has(&Deployment::rpm) ? &Deployment::rpm : &Deployment::tpm;
  struct Weighed {
    RouteDraft entry;
    double weight;
    std::int64_t order;
  };
  std::vector<Weighed> all;
  std::set<std::int64_t> orders;
  for (const Deployment* one : primaries) {
    const double weight = (one->*share).value_or(1.0);
    const auto same = std::ranges::find_if(all, [&](const Weighed& other) {
      return other.entry.same_place(one->entry) && other.entry.request == one->entry.request && other.order == one->order;
    });
    // The same place twice has the share of both.
    if (same != all.end()) same->weight += weight;
    else all.push_back({one->entry, weight, one->order});
    orders.insert(one->order);
  }
  const bool one_by_one = all.size() == 1 || orders.size() == all.size() || policy_ == "ordered";
  const bool ranked = !one_by_one && (followers > 0 || orders.size() > 1);
  if (!one_by_one) model.policy = ranked ? "weighted" : policy_;
  double most = 0;
  for (const Weighed& one : all)
    if (one.order == all.front().order) most = std::max(most, one.weight);
  const bool whole =
      std::ranges::all_of(all, [](const Weighed& one) { return one.weight >= 1 && one.weight == std::floor(one.weight) && one.weight <= weight_max; });
  const bool alike = std::ranges::all_of(all, [&](const Weighed& one) { return one.weight == most; });
  for (Weighed& one : all) {
    double weight = one_by_one || (alike && !ranked) ? 1 : one.weight;
    if (!one_by_one && (ranked || !(whole || alike))) weight = most > 0 ? one.weight / most * weight_max : weight_max;
    // Entries of a later order are drawn first as seldom as fallbacks are.
    if (ranked && one.order != all.front().order) weight = follower_weight;
    one.entry.weight = static_cast<std::uint32_t>(std::clamp(std::round(weight), 1.0, static_cast<double>(weight_max)));
    model.route.push_back(std::move(one.entry));
  }
}

void LitellmReader::set_price(ModelDraft& model, const std::vector<const Deployment*>& primaries) {
  for (const Deployment* one : primaries)
    if (one->price && !model.price) model.price = one->price;
  for (const Deployment* one : primaries)
    for (const auto& [path, at] : one->price_fields) {
      const bool same = one->price == model.price;
      tell(path, at, same ? exact : approximate,
           same ? "price of the model, in USD per million tokens" : "a model has one price here, and it is the one of its first deployment that has any");
    }
}

void LitellmReader::add_fallbacks(const std::vector<Fallback>& list, OnlyContext only_context) {
  for (const Fallback& fallback : list) {
    ModelDraft* const model = find_model(fallback.model);
    const bool wanted = std::ranges::find(groups_, fallback.model) != groups_.end();
    if (model != nullptr) add_fallback(*model, fallback, only_context);
    else
      tell(fallback.path, fallback.at, wanted ? manual : unsupported,
           wanted ? "its model is left out" : fmt::format("model_list has no {} that could be served", fallback.model));
  }
}

void LitellmReader::add_default_fallbacks() {
  if (!default_fallback_) return;
  Verdict worst = exact;
  std::string said;
  for (ModelDraft& model : draft_.models) {
    if (std::ranges::any_of(fallbacks_, [&](const Fallback& other) { return other.model == model.id; })) continue;
    for (const Yaml& target : default_fallback_->targets->items)
      if (target.text != model.id)
        if (const std::string text = add_target(model, target.text, OnlyContext::no, worst); said.empty()) said = text;
  }
  tell(default_fallback_->path, default_fallback_->at, worst,
       said.empty() ? "further entries in the route of every model that has no fallbacks of its own" : said);
}

void LitellmReader::add_fallback(ModelDraft& model, const Fallback& fallback, OnlyContext only_context) {
  Verdict worst = exact;
  std::string said;
  for (const Yaml& target : fallback.targets->items) {
    const std::string text = add_target(model, target.text, only_context, worst);
    if (!text.empty()) said += (said.empty() ? "" : "; ") + text;
  }
  if (said.empty())
    said = only_context == OnlyContext::yes ? "entries with for = \"context_too_long\" in the model's route" : "further entries in the model's route";
  tell(fallback.path, fallback.at, worst, std::move(said));
}

/// What there is to say beyond the usual, if anything; `worst` grows to the verdict that belongs to it.
std::string LitellmReader::add_target(ModelDraft& model, const std::string& target, OnlyContext only_context, Verdict& worst) {
  const auto grow = [&](Verdict verdict, std::string text) {
    worst = std::max(worst, verdict);
    return text;
  };
  const ModelDraft* other = find_model(target);
  if (other == nullptr) {
    const auto by_alias =
        std::ranges::find_if(draft_.models, [&](const ModelDraft& one) { return std::ranges::find(one.aliases, target) != one.aliases.end(); });
    if (by_alias == draft_.models.end()) return grow(manual, fmt::format("{} is no model of the config", target));
    other = &*by_alias;
  }
  std::vector<RouteDraft>& followers = followers_[model.id];
  std::size_t own = 0;
  for (const Deployment& deployment : deployments_) own += deployment.group == model.id ? 1 : 0;
  std::size_t added = 0;
  for (const Deployment& deployment : deployments_) {
    if (deployment.group != other->id) continue;
    RouteDraft entry = deployment.entry;
    entry.weight = follower_weight;
    entry.for_context = only_context == OnlyContext::yes;
    const auto same = [&](const RouteDraft& one) { return one.same_place(entry) && one.request == entry.request; };
    const bool there = std::ranges::any_of(followers, same) ||
                       std::ranges::any_of(deployments_, [&](const Deployment& one) { return one.group == model.id && same(one.entry); });
    if (there) continue;
    if (std::min(own, entries_max) + followers.size() == entries_max)
      return grow(manual, fmt::format("a route has at most {} entries: {} does not fit any more", entries_max, target));
    followers.push_back(std::move(entry));
    ++added;
  }
  if (added == 0) return grow(approximate, fmt::format("what {} has is in the route already", target));
  if (own > 1 && only_context == OnlyContext::no && policy_ != "ordered")
    return grow(approximate, fmt::format("{} is in the route with the least weight: about one request in a million goes there first{}", target,
                                         policy_ == "weighted" ? "" : "; the policy is \"weighted\" then, because a fallback is the most idle"));
  return {};
}

void LitellmReader::add_aliases() {
  std::set<std::string> names;
  for (const ModelDraft& model : draft_.models) names.insert(folded(model.id));
  for (const Alias& alias : aliases_) {
    ModelDraft* const model = find_model(alias.model);
    if (model == nullptr) tell(alias.path, alias.at, manual, fmt::format("{} is no model of the config", alias.model));
    else if (!is_model_name(alias.name)) tell(alias.path, alias.at, unsupported, "an alias has 1 to 200 bytes and no control characters");
    else if (folded(alias.name) == folded(model->id)) tell(alias.path, alias.at, exact, "names are found without regard to case: nothing to do");
    else if (!names.insert(folded(alias.name)).second)
      tell(alias.path, alias.at, manual, "the name is taken by a model or another alias (case does not count): rename one");
    else {
      model->aliases.push_back(alias.name);
      tell(alias.path, alias.at, exact, fmt::format("aliases of [model.\"{}\"]", model->id));
    }
  }
}

/// `*` names: a config without models serves what its upstreams list.
void LitellmReader::serve_everything() {
  for (const std::string& path : wildcards_) {
    const Place at = wildcard_places_.find(path)->second;
    if (draft_.models.empty())
      tell(path, at, approximate, "a config without models serves every model that its upstreams list, under its name there, without LiteLLM's prefix");
    else
      tell(path, at, unsupported,
           "other models are named, so each has to be: a wildcard works only where all are (a config without models serves what its upstreams list)");
  }
}

}  // namespace bellwether::importing
