// GET /v1/models and /v1/models/{id}: what a key may use, in OpenAI's shape.
#pragma once

#include <string>
#include <string_view>

#include "accounts/key_ring.h"
#include "base/result.h"
#include "catalog/revision.h"

namespace bellwether::api {

/// The list, with only the models that the caller may use.
[[nodiscard]] std::string models_json(const catalog::Revision& revision, const accounts::Caller& caller);

/// One model by the path's last segments, which SDKs percent-encode ("org%2Fname"). Fails with model_unknown, always as 404:
/// here the model is the resource that was asked for; or with model_forbidden.
[[nodiscard]] Result<std::string> model_json(const catalog::Revision& revision, const accounts::Caller& caller, std::string_view segment);

}  // namespace bellwether::api
