#include "gateway/serve_chat.h"

#include "accounts/key_ring.h"
#include "gateway/drive.h"
#include "gateway/plan.h"

namespace bellwether::gateway {
namespace {

Result<void> check_permission(const accounts::Caller& caller, const catalog::Model& model) {
  if (accounts::may_use(caller, model.id)) return {};
  return failed(Reason::model_forbidden, PublicText{"This API key may not use the model " + model.id + "."}, "model");
}

}  // namespace

net::Task<Result<void>> serve_chat(Lane& lane, chat::Endpoint endpoint, net::Request& request, net::Reply& reply, Trail& trail) {
  trail.pinned = lane.pinned();
  trail.keys = lane.keys();

  BW_CO_TRY(caller, trail.keys->authenticate(request.head.fields.find("authorization").value_or(""), trail.at, lane.key_memo()));
  trail.key = caller.key;
  BW_CO_TRY(chat, chat::read_request(endpoint, request.body, lane.reader()));
  trail.stream = chat.stream;
  BW_CO_TRY(model, trail.pinned->revision->resolve(chat.model));
  trail.model = model;
  BW_CO_TRY_DONE(check_permission(caller, *model));
  // Here the permit (limits/) and the hold (ledger/) are taken, and settled behind `drive`, once those rooms stand.

  const Plan plan = make_plan(*trail.pinned, *model, chat, lane.loop().random());
  co_return co_await drive(lane, plan, chat, request, reply, trail);
}

}  // namespace bellwether::gateway
