#include "catalog/revision.h"

#include "base/check.h"
#include "base/nearest.h"

namespace bellwether::catalog {
namespace {

constexpr std::size_t name_shown_max = 200;  // Of a name that somebody made up, in an answer to them.

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  return out;
}

std::string shortened(std::string_view name) {
  if (name.size() <= name_shown_max) return std::string(name);
  std::size_t size = name_shown_max;
  while (size > 0 && (static_cast<unsigned char>(name[size]) & 0xC0) == 0x80) --size;  // Not within a character.
  return std::string(name.substr(0, size)) + "…";
}

}  // namespace

Revision::Revision(std::uint64_t number, std::vector<Upstream> upstreams, std::vector<Model> models, Known known)
    : number_{number}, known_{known}, upstreams_{std::move(upstreams)}, models_{std::move(models)} {
  for (std::size_t i = 0; i < models_.size(); ++i) {
    BW_CHECK(by_name_.emplace(models_[i].id, i).second);
    by_lower_name_.emplace(lower(models_[i].id), i);
    for (const RouteEntry& entry : models_[i].route) BW_CHECK(entry.upstream < upstreams_.size());
  }
  // Behind all ids, so that an id wins over an alias that differs from it in case alone.
  for (std::size_t i = 0; i < models_.size(); ++i) {
    for (const std::string& alias : models_[i].aliases) {
      by_name_.emplace(alias, i);
      by_lower_name_.emplace(lower(alias), i);
    }
  }
}

const Model* Revision::find(std::string_view name) const {
  if (const auto exact = by_name_.find(name); exact != by_name_.end()) return &models_[exact->second];
  if (const auto folded = by_lower_name_.find(lower(name)); folded != by_lower_name_.end()) return &models_[folded->second];
  return nullptr;
}

Result<const Model*> Revision::resolve(std::string_view name) const {
  if (const Model* model = find(name)) return model;
  if (known_ == Known::not_all_yet)
    return failed(Reason::no_upstream,
                  PublicText{"The model " + shortened(name) + " is not known yet: an upstream has not told which models it serves. Try again shortly."},
                  "model");
  std::vector<std::string_view> names;
  for (const Model& model : models_) names.push_back(model.id);
  for (const Model& model : models_) names.insert(names.end(), model.aliases.begin(), model.aliases.end());
  std::string text = "Model not found: " + shortened(name);
  const std::vector<std::string_view> near = nearest(name, names);
  for (std::size_t i = 0; i < near.size(); ++i) text += (i == 0 ? ". Did you mean " : " or ") + std::string(near[i]);
  if (!near.empty()) text += "?";
  else text += ". GET /v1/models lists the models that are served here.";
  return failed(Reason::model_unknown, PublicText{std::move(text)}, "model");
}

}  // namespace bellwether::catalog
