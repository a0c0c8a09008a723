#include "api/models.h"

#include <optional>
#include <utility>

#include "http/head.h"
#include "json/reader.h"

namespace bellwether::api {
namespace {

void append_model(std::string& out, const catalog::Model& model) {
  out += R"({"id":)";
  json::append_quoted(out, model.id);
  out += R"(,"object":"model","created":)";
  out += std::to_string(model.created);
  out += R"(,"owned_by":)";
  json::append_quoted(out, model.owned_by);
  out += '}';
}

}  // namespace

std::string models_json(const catalog::Revision& revision, const accounts::Caller& caller) {
  std::string out = R"({"object":"list","data":[)";
  bool first = true;
  for (const catalog::Model& model : revision.models()) {
    if (!accounts::may_use(caller, model.id)) continue;
    if (!std::exchange(first, false)) out += ',';
    append_model(out, model);
  }
  out += "]}";
  return out;
}

Result<std::string> model_json(const catalog::Revision& revision, const accounts::Caller& caller, std::string_view segment) {
  const std::optional<std::string> name = http::percent_decode(segment);
  if (!name) return failed(Reason::request_malformed, PublicText{"The model's name in the URL is not properly percent-encoded."});
  Result<const catalog::Model*> model = revision.resolve(*name);
  if (!model) {
    Failure failure = std::move(model).error();
    failure.http_status = 404;
    return std::unexpected(std::move(failure));
  }
  if (!accounts::may_use(caller, (*model)->id))
    return failed(Reason::model_forbidden, PublicText{"This API key may not use the model " + (*model)->id + "."}, "model");
  std::string out;
  append_model(out, **model);
  return out;
}

}  // namespace bellwether::api
