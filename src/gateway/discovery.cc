#include "gateway/discovery.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>

#include "gateway/ask.h"
#include "gateway/lane.h"
#include "net/pool.h"
#include "net/signal.h"
#include "net/spawn.h"

namespace bellwether::gateway {
namespace {

constexpr std::size_t models_max = 10'000;
constexpr std::size_t name_bytes_max = 200;
constexpr Duration patience = std::chrono::seconds(10);
// Until every upstream has answered once: a vLLM that loads its model comes up within minutes, and callers wait for it.
constexpr Duration pause_while_incomplete = std::chrono::seconds(1);
constexpr Duration pause_between_rounds = std::chrono::seconds(30);

std::optional<catalog::DialectName> dialect_of_owner(std::string_view owner) {
  if (owner == "vllm") return catalog::DialectName::vllm;
  if (owner == "llamacpp") return catalog::DialectName::llama_server;
  if (owner == "deepseek") return catalog::DialectName::deepseek;
  return std::nullopt;
}

bool is_plain(std::string_view text) {
  return !text.empty() && text.size() <= name_bytes_max && std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7F; });
}

net::Task<Result<ModelList>> ask(net::Loop& loop, net::Pool& pool, const catalog::Upstream& upstream) {
  BW_CO_TRY(answer, co_await ask_for_models(loop, pool, upstream, patience));
  if (answer.status != 200) co_return failed(Reason::upstream_broken, fmt::format("GET {}/models was answered with {}", upstream.base_url.path, answer.status));
  co_return read_model_list(answer.body);
}

}  // namespace

Result<ModelList> read_model_list(std::string_view body) {
  const nlohmann::json json = nlohmann::json::parse(body, nullptr, false);
  const auto data = json.is_object() ? json.find("data") : json.end();
  if (!json.is_object() || data == json.end() || !data->is_array()) return failed(Reason::upstream_broken, std::string("its model list is not one"));
  ModelList list;
  for (const nlohmann::json& entry : *data) {
    const auto id = entry.is_object() ? entry.find("id") : entry.end();
    if (!entry.is_object() || id == entry.end() || !id->is_string() || !is_plain(id->get_ref<const std::string&>())) continue;
    if (list.models.size() == models_max) break;
    const auto created = entry.find("created");
    list.models.push_back({id->get<std::string>(), created != entry.end() && created->is_number_integer() ? created->get<std::int64_t>() : 0});
    const auto owner = entry.find("owned_by");
    if (!list.dialect && owner != entry.end() && owner->is_string()) list.dialect = dialect_of_owner(owner->get_ref<const std::string&>());
  }
  return list;
}

std::vector<catalog::Model> merge(const std::vector<std::optional<ModelList>>& lists) {
  std::vector<catalog::Model> models;
  for (std::size_t upstream = 0; upstream < lists.size(); ++upstream) {
    if (!lists[upstream]) continue;
    for (const ModelList::Entry& entry : lists[upstream]->models) {
      auto model = std::ranges::find(models, entry.id, &catalog::Model::id);
      if (model == models.end()) {
        if (models.size() == models_max) return models;
        models.push_back({.id = entry.id, .created = entry.created});
        model = models.end() - 1;
      }
      const bool listed_twice = !model->route.empty() && model->route.back().upstream == upstream;
      if (!listed_twice) model->route.push_back({.upstream = upstream, .model = entry.id, .weight = 1, .defaults = {}});
    }
  }
  return models;
}

struct Discovery::State {
  State(net::Loop& loop, std::vector<catalog::Upstream> upstreams, DialectFrom dialects, std::function<void(const Discovered&)> on_found)
      : loop{loop},
        upstreams{std::move(upstreams)},
        dialects{dialects},
        on_found{std::move(on_found)},
        lists(this->upstreams.size()),
        troubles(this->upstreams.size()),
        pause{loop} {
    for (const catalog::Upstream& upstream : this->upstreams)
      pools.push_back(std::make_unique<net::Pool>(loop, target_of(upstream), net::PoolLimits{}, net::PoolObserver{[] {}, [] {}, [] {}}));
  }

  net::Task<void> run();
  net::Task<bool> ask_all();
  [[nodiscard]] bool complete() const {
    return std::ranges::all_of(lists, [](const auto& list) { return list.has_value(); });
  }

  net::Loop& loop;
  std::vector<catalog::Upstream> upstreams;
  DialectFrom dialects;
  std::function<void(const Discovered&)> on_found;
  std::vector<std::optional<ModelList>> lists;
  std::vector<std::string> troubles;  ///< What was said last about each, so that it is said once.
  std::vector<std::unique_ptr<net::Pool>> pools;
  net::Signal pause;
  bool stopped = false;
};

/// Whether anything is different from the last round.
net::Task<bool> Discovery::State::ask_all() {
  bool changed = false;
  for (std::size_t i = 0; i < upstreams.size() && !stopped; ++i) {
    catalog::Upstream& upstream = upstreams[i];
    Result<ModelList> list = co_await ask(loop, *pools[i], upstream);
    if (stopped) break;
    if (!list) {
      // What was known stays: an upstream that is away for a while still serves the same models when it is back.
      const std::string trouble = list.error().detail.text;
      if (trouble != troubles[i]) std::fprintf(stderr, "bellwether: cannot list the models of %s: %s; trying again\n", upstream.name.c_str(), trouble.c_str());
      troubles[i] = trouble;
      continue;
    }
    troubles[i].clear();
    const auto ids = [](const ModelList& of) {
      std::vector<std::string_view> names;
      for (const ModelList::Entry& entry : of.models) names.push_back(entry.id);
      return names;
    };
    if (lists[i] && ids(*lists[i]) == ids(*list)) continue;
    changed = true;
    if (dialects == DialectFrom::model_list && list->dialect) upstream.dialect = *list->dialect;
    lists[i] = *std::move(list);
  }
  co_return changed;
}

net::Task<void> Discovery::State::run() {
  for (bool first = true; !stopped; first = false) {
    const bool changed = co_await ask_all();
    if (stopped) co_return;
    if (changed || first) on_found({upstreams, merge(lists), complete()});
    std::ignore = co_await pause.wait(loop.turn() + (complete() ? pause_between_rounds : pause_while_incomplete));
  }
}

Discovery::Discovery(net::Loop& loop, std::vector<catalog::Upstream> upstreams, DialectFrom dialects, std::function<void(const Discovered&)> on_found)
    : state_{std::make_shared<State>(loop, std::move(upstreams), dialects, std::move(on_found))} {
  net::spawn(loop, "discovery", [](std::shared_ptr<State>& state) -> net::Task<void> { return state->run(); }, state_);
}

Discovery::~Discovery() {
  state_->stopped = true;
  state_->pause.wake(net::IoStatus::cancelled);
}

}  // namespace bellwether::gateway
